import { mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { CHUNK_SIZE_BYTES } from '#proto/peer.ts';
import { behaviour } from './behaviour.ts';
import { LIES, type Lie } from './names.ts';
import { chunksOf } from './serving.ts';

const SIZE = 2 * CHUNK_SIZE_BYTES + 1000;
const TRUTH = Buffer.alloc(SIZE, 'peerlab');

/** The first bytes that a double sends for the whole file, at most a little more than it has. */
async function sent(lie: Lie): Promise<Buffer> {
  const folder = await mkdtemp(path.join(tmpdir(), 'peerlab-double-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  await writeFile(path.join(folder, 'file'), TRUTH);
  await using handle = await open(path.join(folder, 'file'));
  const parts: Buffer[] = [];
  const file = { name: 'file', size: SIZE, sha256: '0'.repeat(64) };
  for await (const { content } of chunksOf(handle, file, { from: 0, to: SIZE }, lie)) {
    parts.push(content as Buffer);
    if (Buffer.concat(parts).length > 2 * SIZE) break;
  }
  return Buffer.concat(parts);
}

/** Positions at which they differ. */
const wrongIn = (got: Buffer) => [...got.subarray(0, SIZE)].flatMap((byte, i) => (byte === TRUTH[i] ? [] : [i]));

test.for<[Lie, number, number[]]>([
  ['none', SIZE, []],
  ['wrong-bytes', SIZE, [0, CHUNK_SIZE_BYTES, 2 * CHUNK_SIZE_BYTES]],
  ['first-byte', SIZE, [0]],
  ['middle-byte', SIZE, [SIZE / 2]],
  ['last-byte', SIZE, [SIZE - 1]],
  ['short', SIZE - 1, []],
  ['long', SIZE + 1, []],
  ['silent', SIZE, []],
])('%s: so many bytes, and wrong ones where it says', async ([lie, length, wrong]) => {
  const got = await sent(lie);
  expect(got.length).toBe(length);
  expect(wrongIn(got)).toEqual(wrong);
});

test('endless goes on after the end', async () => {
  expect((await sent('endless')).length).toBeGreaterThan(2 * SIZE);
});

test('settings are checked, and may be left out', () => {
  expect(behaviour.parse({})).toEqual({ DOUBLE_LIES: 'none' });
  expect(behaviour.parse({ DOUBLE_SENDS: '64KiB/s', DOUBLE_LIES: LIES[2] })).toMatchObject({ DOUBLE_SENDS: 65_536 });
  expect(behaviour.safeParse({ DOUBLE_READS: '64KiB' }).success).toBe(false);
  expect(behaviour.safeParse({ DOUBLE_LIES: 'sometimes' }).success).toBe(false);
});
