import { createCipheriv, createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { PeerLabError, reasonOf } from '#proto/errors.ts';

/**
 * Where a file's bytes come from: the seed, or a real file. Seeded content is the AES-256-CTR key stream of
 * SHA-256(key): fast, incompressible, and the same in every language that has AES.
 */
export type Content = { readonly key: string } | { readonly path: string };

const BLOCK_BYTES = 1024 * 1024;
const ZEROS = Buffer.alloc(BLOCK_BYTES);

/**
 * A new stream of exactly `sizeBytes`. A real file must still have that size, and the hash where one is given: the stream of one
 * that changed meanwhile fails with `source-changed`.
 */
export function openContent(content: Content, sizeBytes: number, sha256?: string): Readable {
  if ('path' in content) return Readable.from(realFile(content.path, sizeBytes, sha256), { highWaterMark: 1 });
  if (sizeBytes === 0) return Readable.from([]);
  return Readable.from(keyStream(content.key, sizeBytes), { highWaterMark: 1 });
}

async function* realFile(path: string, sizeBytes: number, sha256: string | undefined): AsyncGenerator<Buffer> {
  const changed = (expected: string, got: string) => new PeerLabError('source-changed', { about: path, expected, got });
  const file = await open(path).catch((error) => {
    throw changed('a file that can be read', reasonOf(error));
  });
  try {
    const { size } = await file.stat();
    if (size !== sizeBytes) throw changed(`${sizeBytes} bytes, as when the run was planned`, `${size} bytes`);
    const hash = createHash('sha256');
    let leftBytes = sizeBytes;
    for await (const block of file.createReadStream({ autoClose: false, highWaterMark: BLOCK_BYTES })) {
      leftBytes -= block.length;
      if (sha256 !== undefined) hash.update(block);
      yield block;
    }
    if (leftBytes !== 0) throw changed(`${sizeBytes} bytes`, `${sizeBytes - leftBytes} bytes`);
    if (sha256 !== undefined && hash.digest('hex') !== sha256)
      throw changed(`SHA-256 ${sha256}, as recorded`, 'another');
  } finally {
    await file.close();
  }
}

function* keyStream(key: string, sizeBytes: number): Generator<Buffer> {
  const cipher = createCipheriv('aes-256-ctr', createHash('sha256').update(key).digest(), Buffer.alloc(16));
  for (let left = sizeBytes; left > 0; left -= BLOCK_BYTES) {
    yield cipher.update(left >= BLOCK_BYTES ? ZEROS : ZEROS.subarray(0, left));
  }
}

/** SHA-256 of the content, 64 lower-case hex digits. */
export async function hashContent(content: Content, sizeBytes: number): Promise<string> {
  const hash = createHash('sha256');
  for await (const block of openContent(content, sizeBytes)) hash.update(block);
  return hash.digest('hex');
}
