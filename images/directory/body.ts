import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Request, Response } from 'express';
import { PeerLabError } from '#proto/errors.ts';

export interface BodiesInit {
  /** The largest body taken. */
  readonly maxBytes: number;
  /** Of all bodies that are coming in at one time. */
  readonly maxTotalBytes: number;
}

/** No body of the API is nested deeper than half of this. */
const MAX_DEPTH = 16;
/** Parsing more than this takes so long that others get their turn before. */
const LARGE_BYTES = 256 * 1024;
/** Who goes on sending what is not wanted is cut off after this. */
const LINGER_MS = 1000;

/**
 * Reads JSON bodies, whatever their Content-Type; only called once it is known that the sender may send one. What is
 * too large is refused by its Content-Length, before a byte of it is read; else at the first byte too many.
 */
export class Bodies {
  readonly #init: BodiesInit;
  #heldBytes = 0;
  #lastLarge: Promise<unknown> = Promise.resolve();

  constructor(init: BodiesInit) {
    this.#init = init;
  }

  /**
   * The body as JSON, undefined when there is none.
   * @throws PeerLabError `body-too-large`, `too-deep`, `bad-request`, `busy` when too many bodies come in at one time
   */
  async read(req: Request, res: Response): Promise<unknown> {
    // The dialect looks at a body to tell whether it is its own.
    if (Object.hasOwn(res.locals, 'body')) return res.locals.body;
    try {
      const bytes = await this.#receive(req);
      if (bytes.length > LARGE_BYTES) await this.#turn();
      res.locals.body = bytes.length === 0 ? undefined : parsed(bytes);
      return res.locals.body;
    } catch (error) {
      if (!req.readableEnded) dismiss(req);
      throw error;
    }
  }

  #receive(req: Request): Promise<Buffer> {
    const { maxBytes, maxTotalBytes } = this.#init;
    if ((req.headers['content-encoding'] ?? 'identity') !== 'identity') {
      throw new PeerLabError('bad-request', { about: 'Content-Encoding', expected: 'none' });
    }
    const tooLarge = () => new PeerLabError('body-too-large', { expected: `at most ${maxBytes} bytes` });
    if (Number(req.headers['content-length'] ?? 0) > maxBytes) throw tooLarge();
    // Events, and not an async iterator: that would cost a heartbeat as much as all else in it.
    return new Promise((resolve, reject) => {
      const parts: Buffer[] = [];
      let bytes = 0;
      const settle = (end: () => void) => {
        req.off('data', onData).off('end', onEnd).off('close', onClose);
        this.#heldBytes -= bytes;
        end();
      };
      const onData = (part: Buffer) => {
        parts.push(part);
        bytes += part.length;
        this.#heldBytes += part.length;
        if (bytes > maxBytes) settle(() => reject(tooLarge()));
        else if (this.#heldBytes > maxTotalBytes) {
          settle(() => reject(new PeerLabError('busy', { got: 'too much data at one time' })));
        }
      };
      const onEnd = () => settle(() => resolve(parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts)));
      const onClose = () => settle(() => reject(new PeerLabError('cancelled')));
      req.on('data', onData).on('end', onEnd).on('close', onClose);
    });
  }

  /** One large body after another, and between two of them whatever else is waiting. */
  #turn(): Promise<unknown> {
    this.#lastLarge = this.#lastLarge.then(() => nextTurn());
    return this.#lastLarge;
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
