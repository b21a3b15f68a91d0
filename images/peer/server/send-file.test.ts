import { EventEmitter } from 'node:events';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { CHUNK_SIZE_BYTES } from '#proto/peer.ts';
import { RateLimits } from '../rate-limit.ts';
import { RegularFile } from '../share/regular-file.ts';
import { eventually, tempFolder } from '../testing/test-peer.ts';
import { sendFile } from './send-file.ts';
import { SendMemory } from './send-memory.ts';

const CHUNKS_IN_FLIGHT = 4;

/** A call whose connection takes a chunk only when the test says so. */
class SlowCall extends EventEmitter {
  cancelled = false;
  getPeer = () => '127.0.0.1:1';
  readonly offered: Buffer[] = [];
  readonly #callbacks: (() => void)[] = [];

  write(chunk: Buffer, callback: unknown): boolean {
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
  const count = (bytes: number) => {
    moved += bytes;
  };
  const done = sendFile(
    call as never,
    { offset: 0, length: 0 },
    { entry, file },
    { memory: new SendMemory(), limits: new RateLimits(), moved: count },
  );
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
    expect(new Set(it.call.offered.map((chunk) => chunk.buffer)).size).toBe(CHUNKS_IN_FLIGHT);
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

describe('memory', () => {
  test('many streams together stay within a bound, and each gets something', () => {
    const memory = new SendMemory();
    const held = Array.from({ length: 256 }, () => memory.take(1024 ** 3));
    const bytes = held.reduce((sum, { chunkSizeBytes, chunks }) => sum + chunkSizeBytes * (chunks + 1), 0);
    expect(bytes).toBeLessThan(44 * 1024 * 1024);
    expect(held[0]).toMatchObject({ chunkSizeBytes: CHUNK_SIZE_BYTES, chunks: 4 });
    expect(held[7]).toMatchObject({ chunkSizeBytes: CHUNK_SIZE_BYTES });
    expect(held.at(-1)?.chunks).toBeGreaterThan(0);
    for (const one of held) one[Symbol.dispose]();
    expect(memory.take(1024 ** 3)).toMatchObject({ chunks: 4 });
  });

  test('a small file takes no more than it has', () => {
    expect(new SendMemory().take(5)).toMatchObject({ chunkSizeBytes: 5, chunks: 1 });
    expect(new SendMemory().take(0)).toMatchObject({ chunks: 1 });
  });
});
