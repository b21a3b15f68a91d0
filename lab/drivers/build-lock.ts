import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { PeerLabError, reasonOf } from '#proto/errors.ts';
import { interruption } from './deadline.ts';

const WAIT_MS = 300_000;
const POLL_MS = 100;
/** What SQLite says when somebody else holds the lock. */
const BUSY = 5;

/**
 * Runs `work` while no other process holds `lockFile`, on this machine or in a container that shares the file. The lock is one
 * that the kernel keeps, by way of SQLite: it ends with its owner, so that none is ever left behind or taken for somebody else's.
 * @throws PeerLabError `build-failed` when the other one does not end within five minutes, `interrupted`
 */
export async function withLock<T>(lockFile: string, work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  await mkdir(dirname(lockFile), { recursive: true });
  const giveUpAt = performance.now() + WAIT_MS;
  const lock = new DatabaseSync(lockFile);
  try {
    while (!tryTake(lock, lockFile)) {
      if (signal?.aborted) throw interruption(signal);
      if (performance.now() > giveUpAt) {
        throw new PeerLabError('build-failed', {
          expected: `the build of another process to end within ${WAIT_MS / 60_000} minutes`,
        });
      }
      await sleep(POLL_MS);
    }
    return await work();
  } finally {
    lock.close();
  }
}

function tryTake(lock: DatabaseSync, lockFile: string): boolean {
  try {
    lock.exec('BEGIN EXCLUSIVE');
    return true;
  } catch (error) {
    if ((error as { errcode?: number }).errcode === BUSY) return false;
    throw new PeerLabError('build-failed', { about: lockFile, got: reasonOf(error), cause: error });
  }
}
