import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { LAB, resultOf, startLab, writeScenario } from './end-to-end.ts';

/** What was tested is said; and what can be looked up is looked up before anything starts. */

const ROOT = path.resolve(import.meta.dirname, '..');
const PEER = path.join(ROOT, 'lab', 'doubles', 'do-nothing-peer.ts');
const STEPS = '[{login: all}, {logout: all}]';

/** Runs a command with results in a folder that is not there yet. */
async function attempt(program: string, args: (results: string) => string[]) {
  const folder = mkdtempSync(path.join(tmpdir(), 'tested-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const results = path.join(folder, 'results');
  const { code, output } = await promisify(execFile)(program, args(results), { cwd: ROOT, timeout: 60_000 }).then(
    ({ stdout }) => ({ code: 0, output: stdout }),
    ({ code, stdout, stderr }) => ({ code: code as number, output: `${stdout}${stderr}` }),
  );
  return { code, output, isWritten: existsSync(results) };
}

test.each([
  ['run', 'basic', '--peer-image', ''],
  ['run', 'basic', '--peer-image', ' \t'],
  ['run', 'basic', '--directory-image', ''],
  ['suite', 'quick', '--peer-image', ''],
])("an empty program does not mean PeerLab's own: %s %s %s %j", async (...args) => {
  const ended = await attempt(LAB, (results) => [...args, '--driver', 'process', '--results', results]);
  expect(ended).toMatchObject({ code: 64, isWritten: false });
  expect(ended.output).toMatch(/expected the name of an image, or a command/);
});

test.each(['PEER_IMAGE=', 'DIRECTORY_IMAGE='])('nor does an empty variable of make: %s', async (variable) => {
  for (const goal of ['lab', 'suite']) {
    const ended = await attempt('make', (results) => [goal, variable, 'DRIVER=process', `RESULTS=${results}`]);
    expect(ended).toMatchObject({ code: 2, isWritten: false });
    expect(ended.output).toMatch(/expected the name of an image, or a command/);
  }
});

test.each([
  ['--peer-image', 'peerlab-no-such-peer --fast'],
  ['--directory-image', './no/such/directory'],
])('a program that is not there is found before the start: %s %s', async (option, command) => {
  const file = writeScenario(STEPS, '[operations.login.failed == 0]');
  for (const what of [
    ['run', file],
    ['suite', 'quick'],
  ]) {
    const args = [...what, '--driver', 'process', option, command];
    const ended = await attempt(LAB, (results) => [...args, '--results', results]);
    expect({ what, ...ended }).toMatchObject({ what, code: 64, isWritten: false });
    expect(ended.output).toMatch(/there is no program "(peerlab-no-such-peer|.\/no\/such\/directory)"/);
  }
});

test('console, page, JUnit and result.json name the program with its files and their content', async () => {
  const command = `${process.execPath} ${PEER}`;
  const file = writeScenario(STEPS, '[operations.login.failed == 0]');
  const { output, run } = await startLab([file, '--driver', 'process', '--peer-image', command]).ended;
  const lines = output.split('\n').filter((line) => line.startsWith('Tested: '));
  // At the start and at the end.
  expect(lines).toHaveLength(2);
  for (const line of lines)
    expect(line).toMatch(/directory PeerLab's own.*; peers .*do-nothing-peer\.ts \(.* sha256:[0-9a-f]{12}, .* sha256:/);
  const [directory, peer] = resultOf(run).tested;
  expect(directory).toMatchObject({ role: 'directory', isOwn: true, version: expect.stringMatching(/^\d+\.\d+/) });
  expect(peer).toMatchObject({ role: 'peer', isOwn: false, name: command, groups: ['s', 'l'] });
  expect(peer?.files?.map(({ path: named }) => named)).toEqual([process.execPath, PEER]);
  for (const name of ['summary.md', 'junit.xml'])
    expect(readFileSync(path.join(run as string, name), 'utf8')).toContain(peer?.files?.[1]?.sha256);
});
