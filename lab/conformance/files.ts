import { createCipheriv, createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import type { ShareFile } from '../drivers/driver.ts';

/** A file of a check: small enough to be kept in memory. */
export interface KnownFile {
  readonly name: string;
  readonly content: Buffer;
  readonly sha256: string;
}

const MIB = 1024 * 1024;
const KEY_BYTES = 16;

/** Names that programs like to break. */
export const ODD_NAMES = [
  'with two  spaces.txt',
  '-rf',
  '100%25.txt',
  '.hidden',
  'grüße – 你好 🎉.txt',
  'a&b=c?d#e.txt',
];

/** In the share of the peer that is checked. */
export const OWN = {
  empty: knownFile('own-empty.bin', 0),
  one: knownFile('own-one.bin', 1),
  small: knownFile('own-small.bin', 1000),
  /** More than a message may have. */
  large: knownFile('own-large.bin', 5 * MIB + 1),
  /** The other peer has another content under this name. */
  taken: knownFile('taken.bin', 5000),
  odd: ODD_NAMES.map((name) => knownFile(name, 321)),
};

/** In the share of the prober. Each check has files of its own: what one check left behind is of no use to another. */
export const THEIRS = {
  empty: knownFile('their-empty.bin', 0),
  one: knownFile('their-one.bin', 1),
  large: knownFile('their-large.bin', 3 * MIB + 1),
  slow: knownFile('their-slow.bin', 2 * MIB),
  answered: knownFile('their-answered.bin', 2000),
  elsewhere: knownFile('their-elsewhere.bin', 2000),
  ticket: knownFile('their-ticket.bin', 2000),
  offered: knownFile('their-offered.bin', 100_000),
  published: knownFile('their-published.bin', 2000),
  counted: knownFile('their-counted.bin', 100_000),
  taken: knownFile('taken.bin', 6000),
  odd: ODD_NAMES.map((name) => knownFile(`their ${name}`, 123)),
  many: Array.from({ length: 16 }, (_, i) => knownFile(`their-many-${i}.bin`, 40_000 + i)),
  lies: {
    bytes: knownFile('lie-bytes.bin', 70_000),
    short: knownFile('lie-short.bin', 70_000),
    long: knownFile('lie-long.bin', 70_000),
    endless: knownFile('lie-endless.bin', 70_000),
  },
};

/** The same bytes for the same name and size. Made when they are first asked for: most starts of the lab check no peer. */
export function knownFile(name: string, sizeBytes: number): KnownFile {
  let made: Pick<KnownFile, 'content' | 'sha256'> | undefined;
  const make = () => {
    // A cipher of zeros: quick, and in no part the same as in another file.
    const key = createHash('sha256').update(`conformance ${name} ${sizeBytes}`).digest().subarray(0, KEY_BYTES);
    const content = createCipheriv('aes-128-ctr', key, Buffer.alloc(KEY_BYTES)).update(Buffer.alloc(sizeBytes));
    made = { content, sha256: sha256Of(content) };
    return made;
  };
  return {
    name,
    get content() {
      return (made ?? make()).content;
    },
    get sha256() {
      return (made ?? make()).sha256;
    },
  };
}

export function sha256Of(content: Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}

/** All files of `OWN` or `THEIRS`. */
export function allOf(files: object): KnownFile[] {
  return Object.values(files).flatMap((one) =>
    Array.isArray(one) ? one : 'content' in one ? [one as KnownFile] : allOf(one),
  );
}

export function shareOf(files: readonly KnownFile[]): ShareFile[] {
  return files.map(({ name, content }) => ({ name, sizeBytes: content.length, open: () => Readable.from([content]) }));
}
