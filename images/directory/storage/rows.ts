import { crc32 } from 'node:zlib';
import { type SharedFile, sharedFile } from '#proto/directory-api.ts';
import { PeerLabError } from '#proto/errors.ts';

/** How stores write what they keep. */

/** A list of files: a list is always replaced as a whole, and names of keys in each file would double it. */
export function listText(files: readonly SharedFile[]): string {
  return JSON.stringify(
    files.map(({ name, size, sha256, root }) => [name, size, sha256, ...(root === undefined ? [] : [root])]),
  );
}

export function filesOf(list: string): SharedFile[] {
  const files = JSON.parse(list) as [string, number, string, string?][];
  return files.map(([name, size, sha256, root]): SharedFile => sharedFile.parse({ name, size, sha256, root }));
}

/** Neither SQLite nor PostgreSQL notices flipped bits in a value. */
export function withChecksum<R extends object>(row: R): R & { checksum: number } {
  return { ...row, checksum: checksumOf(row) };
}

/** @throws PeerLabError `storage-damaged` */
export function checked<R extends { checksum: number }>(row: R): R {
  const { checksum, ...rest } = row;
  if (checksumOf(rest) === checksum) return row;
  throw new PeerLabError('storage-damaged', { got: 'a row that is not what was written' });
}

/** By the names of the columns: a later migration may add one anywhere. */
function checksumOf(row: object): number {
  const entries = Object.entries(row).sort(([a], [b]) => (a < b ? -1 : 1));
  return crc32(JSON.stringify(entries));
}

/** Of a token that holds for so long: milliseconds since 1970, since the clock of leases begins anew with each process. */
export function endsAtOf(leftMs: number): number {
  return Math.round(Date.now() + leftMs);
}

export function leftUntil(endsAtMs: number): number {
  return endsAtMs - Date.now();
}
