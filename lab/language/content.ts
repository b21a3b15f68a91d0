import { createCipheriv, createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';

/**
 * Where a file's bytes come from: the seed, or a real file. Seeded content is the AES-256-CTR key stream of
 * SHA-256(key): fast, incompressible, and the same in every language that has AES.
 */
export type Content = { readonly key: string } | { readonly path: string };

const BLOCK_BYTES = 1024 * 1024;
const ZEROS = Buffer.alloc(BLOCK_BYTES);

/** A new stream of exactly `sizeBytes` of seeded content, or of the real file up to that size. */
export function openContent(content: Content, sizeBytes: number): Readable {
  if (sizeBytes === 0) return Readable.from([]);
  if ('path' in content) return createReadStream(content.path, { end: sizeBytes - 1, highWaterMark: BLOCK_BYTES });
  return Readable.from(keyStream(content.key, sizeBytes), { highWaterMark: 1 });
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
