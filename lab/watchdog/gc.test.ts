import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, onTestFinished, test, vi } from 'vitest';
import { LAB } from '../end-to-end.ts';
import { identityOf, type ProcessIdentity } from './identity.ts';
import { announce, announcedRuns } from './living.ts';
import { writeRecord } from './record.ts';

const gc = (tmp: string, ...args: string[]) =>
  promisify(execFile)(LAB, ['gc', ...args], { env: { ...process.env, TMPDIR: tmp } }).then(({ stdout }) => stdout);

const newId = () =>
  Array.from(crypto.getRandomValues(new Uint8Array(5)), (byte) => byte.toString(16).padStart(2, '0')).join('');

/** A temporary folder with what a run of the process driver has on this machine: a process, and a folder. */
async function leftovers(runId: string): Promise<{ tmp: string; folder: string; child: ChildProcess }> {
  const tmp = await mkdtemp(path.join(tmpdir(), 'gc-test-'));
  const folder = path.join(tmp, `peerlab-${runId}`);
  await mkdir(folder);
  const child = spawn('sleep', ['60'], { env: { PEERLAB_RUN: runId }, stdio: 'ignore' });
  await once(child, 'spawn');
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await rm(tmp, { recursive: true, force: true });
  });
  return { tmp, folder, child };
}

const isRunning = ({ exitCode, signalCode }: ChildProcess) => exitCode === null && signalCode === null;

test('what a run left that nobody knows is named, and removed when it is asked for by its id', async () => {
  const runId = newId();
  const { tmp, folder, child } = await leftovers(runId);
  expect(await gc(tmp)).toContain(`process: 2 things have the id ${runId}, a run that is unknown here`);
  expect([existsSync(folder), isRunning(child)]).toEqual([true, true]);

  const ended = once(child, 'exit');
  const told = await gc(tmp, runId);
  await ended;
  expect(told).toContain(`removed folder ${folder}`);
  expect(told).toContain(`removed process ${child.pid}`);
  expect(existsSync(folder)).toBe(false);
});

test('nothing of a run whose lab lives is removed, not even when it is asked for', async () => {
  const runId = newId();
  const { tmp, folder, child } = await leftovers(runId);
  vi.stubEnv('TMPDIR', tmp);
  const lab = identityOf(process.pid) as ProcessIdentity;
  writeRecord({ runId, driver: 'process', scenario: 'basic', results: tmp, begunAt: new Date().toISOString(), lab });
  vi.unstubAllEnvs();
  expect(await gc(tmp, runId)).toContain(`Run ${runId} is under way`);
  expect([existsSync(folder), isRunning(child)]).toEqual([true, true]);
});

test.runIf(process.platform === 'linux')(
  'a living run is known in another temporary folder and to another checkout',
  async () => {
    const runId = newId();
    const { tmp, folder, child } = await leftovers(runId);
    {
      using _ = announce(runId);
      const told = await gc(tmp, runId);
      expect(told).toContain(`Run ${runId} is under way: nothing of it is touched.`);
      expect([existsSync(folder), isRunning(child)]).toEqual([true, true]);
    }
    await vi.waitFor(() => expect(announcedRuns()).not.toContain(runId));
    const ended = once(child, 'exit');
    expect(await gc(tmp, runId)).toContain(`removed folder ${folder}`);
    await ended;
  },
);
