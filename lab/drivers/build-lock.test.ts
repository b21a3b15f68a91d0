import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
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
  expect(existsSync(lock)).toBe(false);
});

test('takes over the lock of a process that is gone, and waits for one that lives', async () => {
  await withLock(lock, async () => {
    await expect(withLock(lock, async () => {}, AbortSignal.timeout(150))).rejects.toMatchObject({
      code: 'interrupted',
    });
  });
  await writeFile(lock, '4194305'); // above the highest pid there can be
  expect(await withLock(lock, async () => 'mine')).toBe('mine');
});
