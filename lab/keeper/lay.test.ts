import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { hashContent } from '../language/content.ts';
import { findScenario } from '../scenario/find.ts';
import { makePlan, type PlanOptions } from '../scenario/plan.ts';
import { install } from './install.ts';
import { lay } from './lay.ts';
import { KeeperProcess } from './testing/keeper-process.ts';

const MAIN = fileURLToPath(new URL('main.ts', import.meta.url));

function emptyFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'lay-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

const settings = (folder: string, peer: string, scenario = 'basic') => ({
  ...{ PEER_SHARE_DIR: folder, PEERLAB_PEER: peer, PEERLAB_SCENARIO: scenario },
});

/** Names and hashes, as they lie there. */
const found = (folder: string) =>
  readdirSync(folder)
    .map((name) => [
      name,
      createHash('sha256')
        .update(readFileSync(path.join(folder, name)))
        .digest('hex'),
    ])
    .sort();

/** The same, as the lab would make them. */
async function planned(peer: string, options: PlanOptions = {}, scenario = 'basic') {
  const { peers } = makePlan(findScenario(scenario), options);
  const { share = [] } = peers.find(({ name }) => name === peer) ?? {};
  const hashes = share.map(async ({ name, sizeBytes, content }) => [name, await hashContent(content, sizeBytes)]);
  return (await Promise.all(hashes)).sort();
}

test('a share gets exactly the files that the lab would make for the peer, and keeps what becomes of them', async () => {
  const folder = emptyFolder();
  mkdirSync(path.join(folder, 'lost+found'));
  expect(await lay(settings(folder, 'seeders-2'))).toBe('7 files lie in the share of seeders-2.');
  rmSync(path.join(folder, 'lost+found'), { recursive: true });
  const files = await planned('seeders-2');
  expect(files).toHaveLength(7);
  expect(found(folder)).toEqual(files);
  rmSync(path.join(folder, files[0]?.[0] as string));
  writeFileSync(path.join(folder, 'own'), 'mine');
  expect(await lay(settings(folder, 'seeders-2'))).toContain('laid before');
  expect(readdirSync(folder)).toHaveLength(7);
  expect(existsSync(path.join(folder, 'own'))).toBe(true);
});

test('another seed makes other files; a name that the plan does not have is taken by its place, in a larger run if need be', async () => {
  const [seeded, third, larger] = [emptyFolder(), emptyFolder(), emptyFolder()];
  await lay({ ...settings(seeded, 'seeders-1'), PEERLAB_SEED: '7' });
  expect(found(seeded)).toEqual(await planned('seeders-1', { seed: 7 }));
  expect(found(seeded)).not.toEqual(await planned('seeders-1'));
  await lay(settings(third, 'peers-2'));
  expect(found(third)).toEqual(await planned('seeders-2'));
  await lay(settings(larger, 'seeders-9'));
  expect(found(larger)).toEqual([]);
  await lay(settings(larger, 'seeders-5'));
  expect(found(larger)).toEqual(await planned('seeders-5', { peers: 5 }));
});

test('a share that was only half laid is completed', async () => {
  const folder = emptyFolder();
  await lay(settings(folder, 'seeders-1'));
  const [first, second] = readdirSync(folder) as [string, string];
  mkdirSync(path.join(folder, '.peerlab-laying'));
  renameSync(path.join(folder, first), path.join(folder, '.peerlab-laying', first));
  rmSync(path.join(folder, second));
  await lay(settings(folder, 'seeders-1'));
  expect(found(folder)).toEqual(await planned('seeders-1'));
});

test.each([
  ['PEERLAB_PEER', ''],
  ['PEERLAB_PEER', 'peers'],
  ['PEERLAB_PEER', 'peers-0'],
  ['PEERLAB_SCENARIO', 'no-such-thing'],
  ['PEERLAB_SEED', '-1'],
])('says what is wrong with %s=%s, and lays nothing', async (name, value) => {
  const folder = emptyFolder();
  const run = promisify(execFile)(process.execPath, [MAIN, 'lay'], {
    env: { ...settings(folder, 'peers-1'), [name]: value },
  });
  await expect(run).rejects.toMatchObject({ code: 64, stderr: expect.stringMatching(new RegExp(`${name}|${value}`)) });
  expect(readdirSync(folder)).toEqual([]);
});

test('what is installed runs without any package', async () => {
  const folder = emptyFolder();
  await install(folder);
  expect(existsSync(path.join(folder, 'node_modules'))).toBe(false);
  const main = path.join(folder, 'lab', 'keeper', 'main.ts');
  const env = { PEER_SHARE_DIR: folder };
  await using keeper = await KeeperProcess.start({ main, command: ['sleep', '60'], env });
  const signal = new AbortController().signal;
  expect(await keeper.client().ask('state', {}, signal)).toMatchObject({ ended: null, command: ['sleep', '60'] });
  const names = (await Array.fromAsync(keeper.client().list(signal))).map(({ name }) => name);
  expect(names).toContain('package.json');
});
