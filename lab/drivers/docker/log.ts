import { createWriteStream } from 'node:fs';
import { type Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Container } from 'dockerode';
import { LAST_WORDS_BYTES, lastWords } from '../last-words.ts';
import type { EngineConnection } from './connection.ts';

/** More than are shown: of a stack most frames are left out. */
const TAIL_LINES = 100;
const HEADER_BYTES = 8;

/** Writes all that a container that has ended said, both streams in order, to `file`, and replaces what was saved before. */
export async function saveLog(
  engine: EngineConnection,
  container: Container,
  file: string,
  timeoutMs: number,
): Promise<void> {
  const abortSignal = AbortSignal.any([engine.lost, AbortSignal.timeout(timeoutMs)]);
  // `follow` makes dockerode give a stream instead of one buffer; it ends at once, as the container has.
  const log = await engine.call(
    'read the log',
    container.logs({ stdout: true, stderr: true, follow: true, abortSignal }),
  );
  await pipeline(log as Readable, new LogFrames(), createWriteStream(file), { signal: abortSignal });
}

/** The last words of a container, for an error message; empty when they can't be had. */
export async function logTail(engine: EngineConnection, container: Container): Promise<string> {
  try {
    const options = { stdout: true, stderr: true, tail: TAIL_LINES, follow: false } as const;
    const frames = new LogFrames();
    frames.end(await engine.call('read the log', container.logs(options)));
    return lastWords(
      Buffer.concat(await frames.toArray())
        .subarray(-LAST_WORDS_BYTES)
        .toString(),
    );
  } catch {
    return '';
  }
}

/** Takes away the engine's framing: 8 bytes (stream, 3 zeros, length) before each piece. */
class LogFrames extends Transform {
  #header = Buffer.alloc(0);
  #left = 0;

  override _transform(chunk: Buffer, _encoding: string, done: () => void): void {
    let rest = chunk;
    while (rest.length > 0) {
      if (this.#left > 0) {
        const piece = rest.subarray(0, this.#left);
        this.#left -= piece.length;
        rest = rest.subarray(piece.length);
        this.push(piece);
      } else {
        const missing = HEADER_BYTES - this.#header.length;
        this.#header = Buffer.concat([this.#header, rest.subarray(0, missing)]);
        rest = rest.subarray(missing);
        if (this.#header.length < HEADER_BYTES) break;
        this.#left = this.#header.readUInt32BE(4);
        this.#header = Buffer.alloc(0);
      }
    }
    done();
  }
}
