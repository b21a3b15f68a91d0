import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { withLock } from './build-lock.ts';

let folder: string;
let lock: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lock-test-'));
  lock = join(folder, 'below', '.lock');
});
afterEach(() => rm(folder, { recursive: true }));

test('lets one work at a time, and frees the lock after a failure', async () => {
  let inside = 0;
  const work = async () => {
    expect(++inside).toBe(1);
    await sleep(5);
    inside--;
    throw new Error('no');
  };
  const outcomes = await Promise.allSettled([withLock(lock, work), withLock(lock, work), withLock(lock, work)]);
  expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
  expect(await withLock(lock, async () => 'free')).toBe('free');
});

test('waits for a process that holds it, and no longer than that lives', async () => {
  await withLock(lock, async () => {});
  const holder = spawn(process.execPath, [
    '-e',
    `const db = new (require('node:sqlite').DatabaseSync)(process.argv[1]);
     db.exec('BEGIN EXCLUSIVE');
     console.log('held');
     setInterval(() => {}, 1000);`,
    lock,
  ]);
  await once(holder.stdout, 'data');
  const denied = withLock(lock, async () => {}, AbortSignal.timeout(150));
  await expect(denied).rejects.toMatchObject({ code: 'interrupted' });
  holder.kill('SIGKILL');
  expect(await withLock(lock, async () => 'mine')).toBe('mine');
});
