import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { PeerLabError } from '#proto/errors.ts';
import { interruption } from './deadline.ts';

const WAIT_MS = 300_000;
const POLL_MS = 100;

/**
 * Runs `work` while no other process on this machine holds `lockFile`. The file holds the pid of its owner; that of a
 * process which is gone is taken over.
 * @throws PeerLabError `build-failed` when the other one does not end within five minutes, `interrupted`
 */
export async function withLock<T>(lockFile: string, work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  await mkdir(dirname(lockFile), { recursive: true });
  const giveUpAt = Date.now() + WAIT_MS;
  while (!(await tryTake(lockFile))) {
    if (signal?.aborted) throw interruption(signal);
    if (Date.now() > giveUpAt) {
      const owner = await readFile(lockFile, 'utf8').catch(() => 'unknown');
      throw new PeerLabError('build-failed', {
        expected: `the build of process ${owner} to end within ${WAIT_MS / 60_000} minutes`,
      });
    }
    await sleep(POLL_MS);
  }
  try {
    return await work();
  } finally {
    await rm(lockFile, { force: true });
  }
}

async function tryTake(lockFile: string): Promise<boolean> {
  try {
    await writeFile(lockFile, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    if (await isAbandoned(lockFile)) await takeAway(lockFile);
    return false;
  }
}

async function isAbandoned(lockFile: string): Promise<boolean> {
  const pid = Number(await readFile(lockFile, 'utf8').catch(() => ''));
  // Empty: its owner is just about to write its pid, or has removed it.
  if (!pid) return false;
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}

/** By rename, so that of two that find the same abandoned lock one succeeds. */
async function takeAway(lockFile: string): Promise<void> {
  const aside = `${lockFile}.${process.pid}`;
  await rename(lockFile, aside).catch(() => {});
  await rm(aside, { force: true });
}
