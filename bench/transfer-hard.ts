import { closeSync, ftruncateSync, openSync, readSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { MIB, makeFile, ROUNDS, Yard } from './kit/fetching.ts';
import { pausedReaders } from './kit/paused-reader.ts';
import { Report } from './kit/report.ts';
import type { Peer } from './kit/service.ts';

/** What goes wrong, and what is large: bytes that are fetched twice after a kill, and the most memory that a peer takes. */

const RESUMED_BYTES = 512 * MIB;
/** As PeerLab's peer cuts files of this size. */
const PIECE_BYTES = MIB;
const SPARSE_BYTES = 10 * 1024 * MIB;
const READERS = 8;
const PAUSE_MS = 3000;
const POLL_MS = 2;
const GIVE_UP_MS = 60_000;

const report = new Report('transfer-hard');
await using yard = new Yard();

/** The downloader is killed when about half of the file is on its disk, started again, and asked again. */
async function resumed(): Promise<void> {
  const share = yard.workshop.newFolder();
  const file = join(share, 'file.bin');
  makeFile(file, RESUMED_BYTES);
  const seeder = await yard.peer(share);
  const again: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const target = yard.workshop.newFolder();
    const first = await yard.peer(target);
    const cut = first.control('download', { name: 'file.bin' }).catch(() => undefined);
    const part = await halfThere(first);
    first.signal('SIGKILL');
    await cut;
    const kept = piecesRight(part, file);
    const second = await yard.peer(target);
    const { bytes } = await second.control<{ bytes: number }>('download', { name: 'file.bin' });
    again.push(bytes / PIECE_BYTES - (RESUMED_BYTES / PIECE_BYTES - kept));
    report.row(`killed at half, round ${round + 1}: pieces`, {
      'right on the disk': kept,
      'fetched after': bytes / PIECE_BYTES,
    });
    await yard.dismiss(second);
  }
  // A promise, so the worst counts.
  report.atMost('resume-pieces', Math.max(...again), 1);
  await yard.dismiss(seeder);
}

/** @returns the path of the unfinished file */
async function halfThere({ share }: Peer): Promise<string> {
  const parts = join(share, '.peerlab');
  for (const giveUpAt = performance.now() + GIVE_UP_MS; performance.now() < giveUpAt; await sleep(POLL_MS)) {
    const [name] = (await readdir(parts).catch(() => [])).filter((one) => one.endsWith('.part'));
    if (name === undefined) continue;
    const path = join(parts, name);
    const written = await stat(path).then(
      ({ blocks }) => blocks * 512,
      () => 0,
    );
    if (written >= RESUMED_BYTES / 2) return path;
  }
  throw new Error('half of the file did not arrive in time');
}

/** Pieces of the unfinished file that are as in the true one. */
function piecesRight(part: string, file: string): number {
  const [one, other] = [openSync(part, 'r'), openSync(file, 'r')];
  const [a, b] = [Buffer.alloc(PIECE_BYTES), Buffer.alloc(PIECE_BYTES)];
  let right = 0;
  for (let at = 0; at < RESUMED_BYTES; at += PIECE_BYTES) {
    readSync(one, a, 0, PIECE_BYTES, at);
    readSync(other, b, 0, PIECE_BYTES, at);
    if (a.equals(b)) right++;
  }
  closeSync(one);
  closeSync(other);
  return right;
}

/** Ten gigabytes without any content: hashed, sent, received and checked like others. */
async function sparse(): Promise<void> {
  const share = yard.workshop.newFolder();
  const handle = openSync(join(share, 'sparse.bin'), 'w');
  ftruncateSync(handle, SPARSE_BYTES);
  closeSync(handle);
  const seeder = await yard.peer(share);
  const { seconds, peakMemoryBytes } = await yard.fetchedBy({ name: 'sparse.bin' }, seeder);
  report.row('a sparse file of 10 GiB', {
    seconds: seconds.toFixed(1),
    'MiB/s': Math.round(SPARSE_BYTES / MIB / seconds),
  });
  report.atMost('memory-sparse-receiver-mib', peakMemoryBytes / MIB, 150);
  report.atMost('memory-sparse-sender-mib', seeder.peakMemoryBytes / MIB, 150);
  await yard.dismiss(seeder);
}

/** Readers that take one message and nothing more for a while. */
async function paused(): Promise<void> {
  const share = yard.workshop.newFolder();
  makeFile(join(share, 'file.bin'), RESUMED_BYTES);
  const seeder = await yard.peer(share, { PEER_OPEN: '1' });
  await pausedReaders(seeder.address, 'file.bin', READERS, PAUSE_MS);
  report.row(`${READERS} readers that pause`, { MiB: Math.round(seeder.peakMemoryBytes / MIB) });
  report.atMost('memory-paused-sender-mib', seeder.peakMemoryBytes / MIB, 150);
  await yard.dismiss(seeder);
}

await resumed();
await paused();
await sparse();
report.close();
