import { existsSync, readFileSync } from 'node:fs';
import { PeerLabError } from '#proto/errors.ts';

/**
 * SQLite reads its log of changes (https://sqlite.org/fileformat2.html#walformat) up to the first frame whose checksum is
 * wrong, and takes the rest for what was never finished. Right for the last frame of a process that was killed; but where a
 * frame is wrong and whole ones of the same round come after it, something was damaged, and what had been acknowledged would be
 * gone without a word. This looks for that.
 */

const HEADER_BYTES = 32;
const FRAME_HEADER_BYTES = 24;
const MAGIC = 0x377f0682;

type Sum = readonly [number, number];

/** @throws PeerLabError `storage-damaged` */
export function assertWalUnbroken(file: string): void {
  const wal = existsSync(file) ? readFileSync(file) : Buffer.alloc(0);
  // Less than a header with a frame holds nothing.
  if (wal.length < HEADER_BYTES + FRAME_HEADER_BYTES) return;
  const magic = wal.readUInt32BE(0);
  const pageBytes = wal.readUInt32BE(8);
  const bigEndian = (magic & 1) === 1;
  const headerSum = sumOf(wal, 0, 24, bigEndian, [0, 0]);
  const soundHeader = (magic & ~1) === MAGIC && isSum(wal, 24, headerSum) && pageBytes >= 512 && pageBytes <= 65_536;
  if (!soundHeader) throw new PeerLabError('storage-damaged', { got: 'a log of changes with a broken header' });

  const frameBytes = FRAME_HEADER_BYTES + pageBytes;
  let sum = headerSum;
  let broken = false;
  for (let at = HEADER_BYTES; at + frameBytes <= wal.length; at += frameBytes) {
    // Frames of another round are what the log was before it began anew.
    const sameRound = wal.compare(wal, 16, 24, at + 8, at + 16) === 0;
    const sound = sameRound && isSum(wal, at + 16, sumOfFrame(wal, at, pageBytes, bigEndian, sum));
    // A transaction that was given up may have left whole frames behind, but none that ends it.
    const ends = wal.readUInt32BE(at + 4) !== 0;
    if (sound && ends && broken) {
      throw new PeerLabError('storage-damaged', { got: 'a broken frame amid the log of changes' });
    }
    if (!sound) broken = true;
    // Each sum goes on from the one before: what the frame says it is, whether right or not.
    sum = [wal.readUInt32BE(at + 16), wal.readUInt32BE(at + 20)];
  }
}

function sumOfFrame(wal: Buffer, at: number, pageBytes: number, bigEndian: boolean, from: Sum): Sum {
  const head = sumOf(wal, at, at + 8, bigEndian, from);
  return sumOf(wal, at + FRAME_HEADER_BYTES, at + FRAME_HEADER_BYTES + pageBytes, bigEndian, head);
}

function isSum(wal: Buffer, at: number, [a, b]: Sum): boolean {
  return wal.readUInt32BE(at) === a && wal.readUInt32BE(at + 4) === b;
}

function sumOf(wal: Buffer, from: number, to: number, bigEndian: boolean, [a, b]: Sum): Sum {
  let first = a;
  let second = b;
  const word = bigEndian ? (at: number) => wal.readUInt32BE(at) : (at: number) => wal.readUInt32LE(at);
  for (let at = from; at < to; at += 8) {
    first = (first + word(at) + second) >>> 0;
    second = (second + word(at + 4) + first) >>> 0;
  }
  return [first, second];
}
