import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { LAB, resultOf, startLab, writeScenario } from '../../end-to-end.ts';
import { buildServices } from '../artifacts.ts';
import { SETTINGS } from './settings.ts';
import { StandingNetwork } from './testing/standing-network.ts';

/** The lab as a program against a network that stands: six peers and a directory, as processes. */

const PEERS = 6;
const LEASE_SECONDS = 3;
const never = new AbortController().signal;

let network: StandingNetwork;
beforeAll(async () => {
  const { directory, peer } = await buildServices(() => {});
  network = await StandingNetwork.start({
    ...{ directory: [process.execPath, directory], peer: [process.execPath, peer], peers: PEERS },
    env: { PEERLAB_KEEPER_LEASE: String(LEASE_SECONDS) },
  });
});
afterAll(() => network?.stop());

const lab = (args: string[], env: Record<string, string> = network.settings) =>
  startLab([...args, '--driver', 'standing'], env);

/** Every peer with the settings of its pod, logged in as its pod wants it, and held by nobody. */
async function standsAgain(): Promise<void> {
  const states = async () =>
    Promise.all(
      network.keepers.map(async (keeper, i) => {
        const { heldBy, ended } = await keeper.client().ask('state', {}, never);
        const ready = await fetch(`${network.controls[i]}/readyz`).catch(() => undefined);
        await ready?.arrayBuffer();
        return { heldBy, ended, ready: ready?.status };
      }),
    );
  await expect
    .poll(states, { timeout: 20_000, interval: 200 })
    .toEqual(Array.from({ length: PEERS }, () => ({ heldBy: null, ended: null, ready: 200 })));
  const answer = await fetch(`${network.controls[0]}/control/index`, {
    method: 'POST',
    headers: { authorization: 'Bearer of-the-pod', 'content-type': 'application/json' },
    body: '{}',
  });
  const index = (await answer.json()) as { peers: { user: string }[] };
  expect(index).toEqual({ peers: expect.anything() });
  expect(index.peers.map(({ user }) => user).sort()).toEqual(Array.from({ length: PEERS }, (_, i) => `peers-${i + 1}`));
}

test('classroom passes against peers that stand, and they stand again afterwards; a second run finds them as the first did', async () => {
  await standsAgain();
  const first = await lab(['classroom']).ended;
  expect(first).toMatchObject({ code: 0 });
  expect(first.output).toMatch(/^Driver: standing \(as asked; 6 peers and the directory at/);
  expect(resultOf(first.run)).toMatchObject({ verdict: 'pass', driver: 'standing', peers: PEERS, leftovers: [] });
  const logs = path.join(first.run as string, 'logs');
  expect(readdirSync(logs).sort()).toEqual(Array.from({ length: PEERS }, (_, i) => `peers-${i + 1}.log`));
  for (const log of readdirSync(logs)) expect(readFileSync(path.join(logs, log), 'utf8')).toContain('ready');
  await standsAgain();
  // Share and all: what the run has left there is served.
  expect(readdirSync(network.shares[0] as string).length).toBeGreaterThan(9);
  // Four peers with other names, the other two out of the way. The log of the directory is not the lab's to have.
  const second = await lab(['basic']).ended;
  expect(second).toMatchObject({ code: 0, output: expect.stringContaining('The log of directory is not counted') });
  expect(readdirSync(path.join(second.run as string, 'logs'))).toContain('leechers-2.log');
  await standsAgain();
});

const WAITS = () => writeScenario('[{login: all}, {wait: 60s}, {logout: all}]', '[operations.login.failed == 0]');

test('one lab at a time: the second is refused, and Ctrl-C of the first gives the peers back', async () => {
  const first = lab([WAITS()]);
  await first.says('Step 1/3: login all: 2 ok');
  const second = await lab([WAITS()]).ended;
  expect(second).toMatchObject({ code: 75, output: expect.stringContaining('another run has the standing peers') });
  expect(resultOf(second.run)).toMatchObject({ reason: expect.stringContaining('[peers-held]') });
  first.child.kill('SIGINT');
  const { code, run } = await first.ended;
  expect(code).toBe(130);
  expect(resultOf(run)).toMatchObject({ operations: { login: { ok: 2 } }, leftovers: [] });
  await standsAgain();
});

test('a lab that is killed loses its hold, and the peers stand again', async () => {
  const { child, says, ended } = lab([WAITS()]);
  await says('Step 1/3: login all: 2 ok');
  child.kill('SIGKILL');
  const { run } = await ended;
  await standsAgain();
  const gc = await promisify(execFile)(LAB, ['gc'], { env: { ...process.env, ...network.settings } });
  expect(gc.stdout).not.toContain('standing: could not be searched');
  await promisify(execFile)(LAB, ['report', run as string]).catch(() => {});
  expect(resultOf(run)).toMatchObject({ verdict: 'inconclusive', reason: expect.stringContaining('[lab-lost]') });
});

test('what can not be run is refused before anything is started', async () => {
  const unset = await lab(['basic'], Object.fromEntries(SETTINGS.map((name) => [name, '']))).ended;
  expect(unset).toMatchObject({ code: 64, run: undefined });
  for (const name of SETTINGS) expect(unset.output).toContain(name);
  const refused: [string[], RegExp][] = [
    [['classroom', '--peers', '7'], /the scenario needs 7 peers: 6 peers stand here.*kubectl scale.*--peers 6/],
    [['seeder-dies'], /needs settings of its own \(a lease of 4 s\): the directory stood before the run/],
    [['directory-outage'], /"(stop|kill|freeze)" of the directory/],
    [['basic', '--peer-image', 'my/peer:1'], /a program of your own/],
    [['basic', '--peers-per-instance', '2'], /2 peers in one/],
  ];
  for (const [args, why] of refused) {
    const { code, output, run } = await lab(args).ended;
    expect({ code, output, run }).toEqual({ code: 64, output: expect.stringMatching(why), run: undefined });
  }
  const nobody = { ...network.settings, PEERLAB_STANDING_DIRECTORY: 'http://127.0.0.1:1' };
  expect(await lab(['basic'], nobody).ended).toMatchObject({
    code: 75,
    output: expect.stringContaining('the network that should stand already does not'),
    run: undefined,
  });
  const stranger = { ...network.settings, PEERLAB_STANDING_TOKEN: 'wrong' };
  expect(await lab(['basic'], stranger).ended).toMatchObject({
    code: 75,
    output: expect.stringContaining('the token is missing, wrong or expired'),
  });
  await standsAgain();
});
