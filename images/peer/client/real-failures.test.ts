import { randomBytes } from 'node:crypto';
import { open, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { transferResult } from '#proto/control-api.ts';
import { PeerProcess } from '../testing/peer-process.ts';
import { StandInDirectory } from '../testing/stand-in-directory.ts';
import { rootOf, sha256, tempFolder } from '../testing/test-peer.ts';

/** Real processes, really killed and stopped, at moments that a seed chooses. */

const MIB = 1024 * 1024;
const SIZE_BYTES = 48 * MIB;
const RECEIVED = 'peerlab_transfer_bytes_total{direction="received"}';
const TIMEOUT_MS = 90_000;

/** The same for the same seed: a number below 1. */
function chance(seed: number): number {
  return ((seed * 2_654_435_761) % 2 ** 32) / 2 ** 32;
}

async function swarm(sources: number) {
  const stack = new AsyncDisposableStack();
  const content = Buffer.concat(Array(SIZE_BYTES / MIB).fill(randomBytes(MIB)));
  for (let i = 0; i < SIZE_BYTES; i += MIB) content.writeUInt32LE(i, i);
  const directory = stack.use(await StandInDirectory.start());
  directory.givesTickets = true;
  const env = { PEER_DIRECTORY_URL: directory.url };
  const startSeeder = async (_: unknown, i: number) => {
    const share = stack.use(await tempFolder({ file: content }));
    const seeder = stack.use(await PeerProcess.start(share.path, { ...env, PEER_USER: `seeder-${i}` }));
    await seeder.control('login');
    return seeder;
  };
  const seeders = await Promise.all(Array.from({ length: sources }, startSeeder));
  const share = stack.use(await tempFolder());
  const start = async () => {
    const leecher = stack.use(await PeerProcess.start(share.path, { ...env, PEER_USER: 'leecher' }));
    await leecher.control('login');
    return leecher;
  };
  return { content, seeders, share: share.path, start, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

/** Comes back when the downloader has at least `bytes`, or its download has ended. */
async function received(leecher: PeerProcess, bytes: number, download: Promise<unknown>): Promise<void> {
  let ended = false;
  void download.finally(() => {
    ended = true;
  });
  while (!ended && (await leecher.sample(RECEIVED)) < bytes);
}

const MOMENTS = [0, 0.5, 0.99].flatMap((share) => [1, 2].map((seed) => [share, seed] as const));

for (const signal of ['SIGKILL', 'SIGSTOP'] as const) {
  test.for(MOMENTS)(
    `${signal} of a source at %d of the transfer, seed %d: the others deliver`,
    { timeout: TIMEOUT_MS },
    async ([share, seed]) => {
      await using it = await swarm(3);
      const leecher = await it.start();
      const victim = it.seeders[Math.floor(chance(seed) * it.seeders.length)] as PeerProcess;
      const download = leecher.control('download', { name: 'file' });
      await received(leecher, share * SIZE_BYTES, download);
      victim.signal(signal);
      const at = performance.now();
      const result = transferResult.parse((await download).body);
      victim.signal('SIGCONT');
      // It is given up within 5 s; the rest is the transfer itself, on a machine that may be busy.
      expect(performance.now() - at).toBeLessThan(15_000);
      expect(result.verified).toBe('tree');
      expect(sha256(await readFile(join(it.share, 'file')))).toBe(sha256(it.content));
      // What came twice: pieces under way when work moved, of which each source has one.
      expect(result.bytes).toBeLessThan(SIZE_BYTES + 12 * MIB);
    },
  );
}

function piecesRight(part: Buffer, content: Buffer): number {
  let right = 0;
  for (let at = 0; at < content.length; at += MIB) {
    if (part.subarray(at, at + MIB).equals(content.subarray(at, at + MIB))) right++;
  }
  return right;
}

test.for([0.1, 0.5, 0.9])(
  'a downloader that is killed at %d goes on, and trusts nothing unseen',
  { timeout: TIMEOUT_MS },
  async (share) => {
    await using it = await swarm(2);
    const first = await it.start();
    const broken = first.control('download', { name: 'file' }).catch(() => 'gone');
    await received(first, share * SIZE_BYTES, broken);
    await first[Symbol.asyncDispose]();
    await broken;
    const part = join(it.share, '.peerlab', `${rootOf(it.content)}.part`);
    // With a second name it is the whole file, and its process died before it took this name away.
    const isThere = await stat(part).then(
      ({ nlink }) => nlink === 1,
      () => false,
    );
    if (isThere) {
      const file = await open(part, 'r+');
      await file.write(Buffer.from('damage'), 0, 6, 17);
      await file.close();
    }
    const right = isThere ? piecesRight(await readFile(part), it.content) : 0;
    const second = await it.start();
    const result = transferResult.parse((await second.control('download', { name: 'file' })).body);
    expect(sha256(await readFile(join(it.share, 'file')))).toBe(sha256(it.content));
    // Nothing that is right on the disk is fetched again.
    expect(result.resumedBytes ?? 0).toBe(right * MIB);
    if (isThere && share > 0.1) {
      expect(result.resumedBytes).toBeGreaterThan(0);
      // What was on its way from each source, what waited for the disk, and the damaged piece.
      expect(result.bytes).toBeLessThan((1 - share) * SIZE_BYTES + 16 * MIB);
    }
  },
);

test('no source left: a clear error; with one of them back it goes on', { timeout: TIMEOUT_MS }, async () => {
  await using it = await swarm(2);
  const leecher = await it.start();
  const download = leecher.control('download', { name: 'file' });
  await received(leecher, SIZE_BYTES / 3, download);
  for (const seeder of it.seeders) seeder.signal('SIGSTOP');
  const began = performance.now();
  const answer = await download;
  expect(performance.now() - began).toBeLessThan(9000);
  if (answer.status === 200) return;
  expect(answer.body).toMatchObject({ error: { code: 'no-source' } });
  for (const seeder of it.seeders) seeder.signal('SIGCONT');
  const result = transferResult.parse((await leecher.control('download', { name: 'file' })).body);
  expect(result.resumedBytes).toBeGreaterThan(0);
  expect(sha256(await readFile(join(it.share, 'file')))).toBe(sha256(it.content));
});
