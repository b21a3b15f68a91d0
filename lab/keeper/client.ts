import http, { type IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { ERRORS, isErrorCode, PeerLabError, reasonOf } from '#proto/errors.ts';
import { type Calls, END_WAIT_MS, HOLD_HEADER, type ListEnd, type Listed, ROUTES, type Route } from './protocol.ts';

const ANSWER_TIMEOUT_MS = 15_000;
/** While content moves: a pause of so long is its end. */
const IDLE_TIMEOUT_MS = 30_000;
const MAX_ANSWER_BYTES = 256 * 1024;
/** Content that could not be sent to its end may have been refused: the answer says why, if it comes. */
const REFUSAL_MS = 500;
const NEWLINE = 0x0a;

export interface KeeperClientInit {
  /** `http://host:port`, perhaps with a path before those of the keeper. */
  readonly url: string;
  readonly token: string;
  /** The hold that calls are made with. */
  readonly by: string;
}

interface Asked {
  readonly query?: Readonly<Record<string, string>>;
  readonly json?: object;
  readonly content?: Readable;
}

/** Asks one keeper. Every call ends in bounded time, and at once when its signal fires. */
export class KeeperClient {
  readonly url: string;
  readonly #init: KeeperClientInit;

  constructor(init: KeeperClientInit) {
    this.url = init.url;
    this.#init = init;
  }

  /** @throws PeerLabError the keeper's own, or `keeper-lost` when none comes */
  async ask<R extends keyof Calls>(
    route: R,
    asked: Calls[R]['asked'],
    signal: AbortSignal,
    timeoutMs = route === 'end' ? END_WAIT_MS + ANSWER_TIMEOUT_MS : ANSWER_TIMEOUT_MS,
  ): Promise<Calls[R]['answer']> {
    const isPost = ROUTES[route].method === 'POST';
    const what = isPost ? { json: asked } : { query: asked as Record<string, string> };
    return parsed(
      await bodyOf(await this.#send(route, what, AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]))),
    );
  }

  /** Puts one file into the share. @throws PeerLabError also what the content's stream throws */
  async put(file: { name: string; sizeBytes: number; open(): Readable }, signal: AbortSignal): Promise<void> {
    const query = { name: file.name, size: String(file.sizeBytes) };
    await bodyOf(await this.#send('put', { query, content: file.open() }, signal));
  }

  /** The files of the share, as the keeper finds and hashes them. @throws PeerLabError `keeper-lost` when the list breaks off */
  async *list(signal: AbortSignal, under?: string): AsyncGenerator<Listed> {
    const response = await this.#send('list', under === undefined ? {} : { query: { under } }, signal);
    let files = 0;
    for await (const line of linesOf(response)) {
      if (line === '') continue;
      const said = parsed<Listed | ListEnd>(line);
      if ('files' in said && said.files === files) return;
      if (!('sha256' in said)) break;
      files++;
      yield said;
    }
    throw this.#lost('a list without its end');
  }

  /** Streams the log into `to`. */
  async log(to: NodeJS.WritableStream, signal: AbortSignal): Promise<void> {
    await pipeline(await this.#send('log', {}, signal), to, { signal });
  }

  /** @returns an answer whose status is 200 */
  async #send(route: Route, asked: Asked, signal: AbortSignal): Promise<IncomingMessage> {
    const response = await this.#exchange(route, asked, signal).catch((error) => {
      throw error instanceof PeerLabError ? error : this.#lost(reasonOf(error), error);
    });
    if (response.statusCode === 200) return response;
    throw this.#errorOf(await bodyOf(response), response.statusCode);
  }

  #exchange(route: Route, { query = {}, json, content }: Asked, signal: AbortSignal): Promise<IncomingMessage> {
    const { method, path } = ROUTES[route];
    const url = new URL(`${this.#init.url}${path}?${new URLSearchParams(query)}`);
    const body = json === undefined ? undefined : JSON.stringify(json);
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const headers = {
      authorization: `Bearer ${this.#init.token}`,
      [HOLD_HEADER]: this.#init.by,
      ...(body !== undefined && { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }),
    };
    // One connection for each: none is closed by the other side in the moment of the next call. And no proxy, whatever the environment says.
    const request = http.request(url, { method, headers, agent: false, signal, timeout: IDLE_TIMEOUT_MS });
    if (route !== 'end') request.on('timeout', () => request.destroy(new Error('nothing moves')));
    request.on('response', (response) => {
      // Its reader is told; without one, as when the answer is thrown away, nobody needs to be.
      response.on('error', () => {});
      resolve(response);
    });
    request.on('error', reject);
    if (!content) request.end(body);
    // A refusal may come before the last byte of the content has gone: then it is what counts.
    else pipeline(content, request, { signal }).catch((error) => setTimeout(() => reject(error), REFUSAL_MS));
    return promise;
  }

  #errorOf(body: string, status: number | undefined): PeerLabError {
    try {
      const { code, message } = JSON.parse(body).error;
      const meaning = isErrorCode(code) ? ERRORS[code].meaning : '';
      const said = String(message).startsWith(meaning) ? String(message).slice(meaning.length).trim() : String(message);
      if (isErrorCode(code)) return new PeerLabError(code, { about: this.url, got: said.replace(/^: /, '') });
    } catch {
      // Not a keeper's.
    }
    return this.#lost(`status ${status}`);
  }

  #lost(got: string, cause?: unknown): PeerLabError {
    return new PeerLabError('keeper-lost', { about: this.url, got, cause });
  }
}

async function bodyOf(response: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  let size = 0;
  try {
    for await (const part of response) {
      size += part.length;
      if (size > MAX_ANSWER_BYTES) throw new Error(`an answer of over ${MAX_ANSWER_BYTES} bytes`);
      parts.push(part);
    }
  } catch (error) {
    throw new PeerLabError('keeper-lost', { got: reasonOf(error), cause: error });
  }
  return Buffer.concat(parts).toString();
}

/** Of bytes: a name may have what is the end of a line in Unicode. @throws PeerLabError `keeper-lost` */
async function* linesOf(response: IncomingMessage): AsyncGenerator<string> {
  let rest = Buffer.alloc(0);
  try {
    for await (const part of response) {
      rest = rest.length === 0 ? part : Buffer.concat([rest, part]);
      for (let end = rest.indexOf(NEWLINE); end >= 0; end = rest.indexOf(NEWLINE)) {
        yield rest.toString('utf8', 0, end);
        rest = rest.subarray(end + 1);
      }
      if (rest.length > MAX_ANSWER_BYTES) throw new Error('a line without an end');
    }
  } catch (error) {
    throw new PeerLabError('keeper-lost', { got: reasonOf(error), cause: error });
  }
}

function parsed<T>(text: string): T {
  try {
    return JSON.parse(text) as T;
  } catch (cause) {
    throw new PeerLabError('keeper-lost', { expected: 'JSON', got: text.slice(0, 100), cause });
  }
}
