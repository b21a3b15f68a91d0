import type { Request, Response } from 'express';
import { PeerLabError } from '#proto/errors.ts';
import { YieldingQueue } from './yielding-queue.ts';

export interface BodiesInit {
  /** The largest body taken. */
  readonly maxBytes: number;
  /** Of all large bodies at one time, from their first byte until their request is answered. */
  readonly maxTotalBytes: number;
}

/** No body of the API is nested deeper than half of this. */
const MAX_DEPTH = 16;
/** Parsing more than this takes so long that others get their turn before. */
const LARGE_BYTES = 16 * 1024;
/** What a body may have without a place among the large ones: a heartbeat gets through whoever else sends what. */
const SMALL_BYTES = 64 * 1024;
/** A large body must bring at least SMALL_BYTES in this time: a client that stalls holds a place that others need. */
const STALL_MS = 5000;
/** Who goes on sending what is not wanted is cut off after this. */
const LINGER_MS = 1000;

/**
 * Reads JSON bodies, whatever their Content-Type; only called once it is known that the sender may send one. What is
 * too large is refused by its Content-Length, before a byte of it is read; else at the first byte too many.
 */
export class Bodies {
  readonly #init: BodiesInit;
  #heldBytes = 0;
  readonly #largeOnes = new YieldingQueue(1);

  constructor(init: BodiesInit) {
    this.#init = init;
  }

  /**
   * The body as JSON, undefined when there is none.
   * @throws PeerLabError `body-too-large`, `too-deep`, `bad-request`, `too-slow`, `busy` when there are too many large bodies
   */
  async read(req: Request, res: Response): Promise<unknown> {
    if (!Object.hasOwn(res.locals, 'body')) return this.#read(req, res);
    const { body } = res.locals;
    // Who reads keeps what is needed of it; a login may wait for long.
    delete res.locals.body;
    return body;
  }

  /** The same, and the next reader gets it too: the dialect looks at a body to tell whether it is its own. */
  async peek(req: Request, res: Response): Promise<unknown> {
    res.locals.body = await this.#read(req, res);
    return res.locals.body;
  }

  async #read(req: Request, res: Response): Promise<unknown> {
    try {
      const bytes = await this.#receive(req, res);
      if (bytes.length === 0) return undefined;
      return bytes.length > LARGE_BYTES ? await this.#largeOnes.run(() => parsed(bytes)) : parsed(bytes);
    } catch (error) {
      if (!req.readableEnded) dismiss(req);
      throw error;
    }
  }

  #receive(req: Request, res: Response): Promise<Buffer> {
    const { maxBytes, maxTotalBytes } = this.#init;
    if ((req.headers['content-encoding'] ?? 'identity') !== 'identity') {
      throw new PeerLabError('bad-request', { about: 'Content-Encoding', expected: 'none' });
    }
    const tooLarge = () => new PeerLabError('body-too-large', { expected: `at most ${maxBytes} bytes` });
    if (Number(req.headers['content-length'] ?? 0) > maxBytes) throw tooLarge();
    // Events, and not an async iterator: that would cost a heartbeat as much as all else in it.
    return new Promise((resolve, reject) => {
      const received = new Received();
      let held = 0;
      let looked = 0;
      let stalled: NodeJS.Timeout | undefined;
      const settle = (end: () => void) => {
        req.off('data', onData).off('end', onEnd).off('close', onClose);
        clearInterval(stalled);
        end();
      };
      const refuse = (error: PeerLabError) => settle(() => reject(error));
      const look = () => {
        if (received.length < looked + SMALL_BYTES) refuse(new PeerLabError('too-slow'));
        looked = received.length;
      };
      const onData = (part: Buffer) => {
        received.add(part);
        if (received.length > maxBytes) return refuse(tooLarge());
        if (received.length <= SMALL_BYTES) return;
        if (held === 0) {
          stalled = setInterval(look, STALL_MS);
          // What it becomes takes as much room, until the answer is out.
          res.once('close', () => {
            this.#heldBytes -= held;
          });
        }
        this.#heldBytes += received.length - held;
        held = received.length;
        if (this.#heldBytes > maxTotalBytes) refuse(new PeerLabError('busy', { got: 'too much data at one time' }));
      };
      const onEnd = () => settle(() => resolve(received.take()));
      const onClose = () => refuse(new PeerLabError('cancelled'));
      req.on('data', onData).on('end', onEnd).on('close', onClose);
    });
  }
}

/** What came so far. Copied together as it comes: a buffer for each of ten million chunks of a byte would be gigabytes. */
class Received {
  #buffer: Buffer = Buffer.alloc(0);
  length = 0;

  add(part: Buffer): void {
    const length = this.length + part.length;
    if (this.length === 0) this.#buffer = part;
    else {
      if (length > this.#buffer.length) this.#grow(length);
      part.copy(this.#buffer, this.length);
    }
    this.length = length;
  }

  /** Hands it over: what is parsed soon must not stay until the request is answered. */
  take(): Buffer {
    const bytes = this.#buffer.subarray(0, this.length);
    this.#buffer = Buffer.alloc(0);
    this.length = 0;
    return bytes;
  }

  #grow(length: number): void {
    const larger = Buffer.allocUnsafe(Math.max(length, 2 * this.#buffer.length));
    this.#buffer.copy(larger);
    this.#buffer = larger;
  }
}

function parsed(bytes: Buffer): unknown {
  if (isDeep(bytes)) throw new PeerLabError('too-deep', { expected: `at most ${MAX_DEPTH} levels` });
  try {
    return JSON.parse(bytes.toString());
  } catch (error) {
    throw new PeerLabError('bad-request', { about: 'body', expected: 'JSON', cause: error });
  }
}

const [QUOTE, BACKSLASH, OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = Buffer.from('"\\[]{}');

/** Looked at before it is parsed: what is nested 45,000 deep can be parsed, and then overflows whatever walks through it. */
function isDeep(bytes: Buffer): boolean {
  let depth = 0;
  let inText = false;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at];
    if (inText) {
      if (byte === BACKSLASH) at++;
      else if (byte === QUOTE) inText = false;
    } else if (byte === QUOTE) inText = true;
    else if (byte === OPEN_LIST || byte === OPEN_OBJECT) {
      if (++depth > MAX_DEPTH) return true;
    } else if (byte === CLOSE_LIST || byte === CLOSE_OBJECT) depth--;
  }
  return false;
}

/** Takes no more of the body, but goes on emptying the line for a while: who is cut off while sending does not read the answer. */
function dismiss(req: Request): void {
  const cut = setTimeout(() => req.socket.destroy(), LINGER_MS).unref();
  req
    .on('error', () => {})
    .once('end', () => clearTimeout(cut))
    .resume();
}
