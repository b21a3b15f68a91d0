import { expect, test } from 'vitest';
import { ChunkBuffer } from './chunk-encoding.ts';
import { CHUNK_SIZE_BYTES, PeerService } from './peer.ts';

const decode = PeerService.service.DownloadFile.responseDeserialize;

test.each([
  [0, { offset: 0, size: 0, sha256: 'ab'.repeat(32) }],
  [1, { offset: 127 }],
  [127, { offset: 128, size: 300 }],
  [128, {}],
  [16_384, { offset: 2 ** 32 + 5, size: 2 ** 53 - 1 }],
  [CHUNK_SIZE_BYTES, { offset: 7, sha256: '0'.repeat(64) }],
])('%i bytes with %j read by the generated decoder', (length, fields) => {
  const buffer = new ChunkBuffer(CHUNK_SIZE_BYTES);
  buffer.content(length).fill(length % 251);
  const chunk = decode(buffer.encode(length, fields));
  expect({ ...chunk, content: undefined }).toMatchObject(fields);
  expect(chunk.content.equals(Buffer.alloc(length, length % 251))).toBe(true);
  for (const field of ['offset', 'size', 'sha256'] as const) {
    if (!(field in fields)) expect(chunk[field]).toBeUndefined();
  }
});
