import { Duplex } from 'node:stream';

/**
 * A connection through the tunnel, for what speaks HTTP over it. A stream of HTTP/2 must get bytes, one buffer at a time: of texts that come
 * together with others, as Node's HTTP client writes its head and its body, Node 24 sends some bytes of other memory.
 */
export class Dialled extends Duplex {
  readonly #stream: Duplex;

  constructor(stream: Duplex) {
    super({ decodeStrings: true });
    this.#stream = stream;
    stream.on('data', (bytes) => {
      if (!this.push(bytes)) stream.pause();
    });
    stream.on('end', () => this.push(null));
    stream.on('error', (error) => this.destroy(error));
    stream.on('close', () => this.destroy());
  }

  override _read(): void {
    this.#stream.resume();
  }

  override _write(bytes: Buffer, _: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#stream.write(bytes, done);
  }

  override _final(done: () => void): void {
    this.#stream.end(done);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    // Where all has come, it ends in order: a stream that is destroyed before that is reset, which costs a frame and is counted.
    if (error === null && this.#stream.readableEnded) this.#stream.end();
    else this.#stream.destroy();
    done(error);
  }
}
