import { EventEmitter } from 'node:events';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { FileChunk } from '#proto/generated/FileChunk.ts';
import { CHUNK_SIZE_BYTES } from '#proto/peer.ts';
import { RegularFile } from '../share/regular-file.ts';
import { eventually, tempFolder } from '../testing/test-peer.ts';
import { CHUNKS_IN_FLIGHT, sendFile } from './send-file.ts';

/** A call whose connection takes a chunk only when the test says so. */
class SlowCall extends EventEmitter {
  cancelled = false;
  readonly offered: FileChunk[] = [];
  readonly #callbacks: (() => void)[] = [];

  write(chunk: FileChunk, callback: unknown): boolean {
    this.offered.push(chunk);
    this.#callbacks.push(callback as () => void);
    return true;
  }

  takeOne(): void {
    this.#callbacks.shift()?.();
  }
}

async function setup(chunks: number) {
  const folder = await tempFolder({ file: Buffer.alloc(chunks * CHUNK_SIZE_BYTES) });
  const file = (await RegularFile.open(join(folder.path, 'file'))) as RegularFile;
  const entry = { name: 'file', size: file.size, sha256: '0'.repeat(64), identity: file.identity };
  const call = new SlowCall();
  let moved = 0;
  const done = sendFile(call as never, { offset: 0, length: 0 }, { entry, file }, (bytes) => {
    moved += bytes;
  });
  return {
    call,
    done,
    moved: () => moved,
    async [Symbol.asyncDispose]() {
      await file[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

test('a reader that takes nothing costs a fixed number of chunks', async () => {
  await using it = await setup(20);
  for (let taken = 0; taken <= 20 - CHUNKS_IN_FLIGHT; taken++) {
    await eventually('the next chunk', () => it.call.offered.length === taken + CHUNKS_IN_FLIGHT);
    await new Promise(setImmediate);
    expect(it.call.offered.length).toBe(taken + CHUNKS_IN_FLIGHT);
    expect(new Set(it.call.offered.map((chunk) => (chunk.content as Buffer).buffer)).size).toBe(CHUNKS_IN_FLIGHT);
    it.call.takeOne();
  }
  for (let i = 0; i < CHUNKS_IN_FLIGHT; i++) it.call.takeOne();
  await it.done;
  expect(it.moved()).toBe(20 * CHUNK_SIZE_BYTES);
});

test('a caller that goes away ends the sending at once', async () => {
  await using it = await setup(20);
  await eventually('the first chunks', () => it.call.offered.length === CHUNKS_IN_FLIGHT);
  it.call.emit('cancelled');
  await expect(it.done).rejects.toMatchObject({ code: 'cancelled' });
  expect(it.call.listenerCount('cancelled')).toBe(0);
});
