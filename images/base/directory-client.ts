import { z } from 'zod';
import {
  errorResponse,
  heartbeatResponse,
  type IndexEntry,
  indexResponse,
  type LoginRequest,
  loadfilesResponse,
  loginResponse,
  type PeerLoad,
  type SearchResult,
  type SearchSource,
  type SharedFile,
  searchResponse,
} from '#proto/directory-api.ts';
import { type ErrorCode, isErrorCode, PeerLabError, reasonOf } from '#proto/errors.ts';
import { printable } from '#proto/printable.ts';
import { type JsonRequest, requestJson } from './json-http.ts';

/** One request and its answer. */
const REQUEST_TIMEOUT_MS = 10_000;
/** A login waits its turn behind those of a whole class; docs/directory-api.md. */
const LOGIN_TIMEOUT_MS = 60_000;
const PAGE_LIMIT = 1000;
/** An answer of more pages than these is not collected any further. */
const MAX_PAGES = 1000;

export interface SearchBy {
  readonly name?: string | undefined;
  readonly sha256?: string | undefined;
  readonly root?: string | undefined;
  readonly prefix?: string | undefined;
}

/**
 * The directory's endpoints, typed: for peers, and for tests of the directory that ask what a peer would ask. Every method throws PeerLabError: `directory-unreachable`, `unauthorized`, `directory-refused`,
 * or the code that the directory names.
 */
export class DirectoryApi {
  readonly #url: string;
  readonly #ca: Buffer | undefined;

  /** @param ca certificates (PEM) that the directory's must come from, where not those that Node knows */
  constructor(url: string, ca?: Buffer) {
    this.#url = url;
    this.#ca = ca;
  }

  login(request: LoginRequest) {
    return this.#ask(loginResponse, { method: 'POST', url: '/login', body: request, timeoutMs: LOGIN_TIMEOUT_MS });
  }

  heartbeat(token: string, timeoutMs: number, load?: PeerLoad) {
    // Node refuses a timeout that is no whole number, and most leases divide by three unevenly.
    const limit = Math.ceil(Math.min(timeoutMs, REQUEST_TIMEOUT_MS));
    return this.#ask(heartbeatResponse, { method: 'POST', url: '/heartbeat', token, body: { load }, timeoutMs: limit });
  }

  loadfiles(token: string, files: SharedFile[]) {
    return this.#ask(loadfilesResponse, { method: 'PUT', url: '/loadfiles', token, body: { files } });
  }

  async logout(token: string): Promise<void> {
    await this.#ask(z.unknown(), { method: 'POST', url: '/logout', token, body: {} });
  }

  index(token: string, signal?: AbortSignal): Promise<IndexEntry[]> {
    return this.#pages(async (cursor) => {
      const url = `/index?${queryText({ cursor, limit: PAGE_LIMIT })}`;
      const { peers, next } = await this.#ask(indexResponse, { method: 'GET', url, token, signal });
      return { items: peers, next };
    });
  }

  search(token: string, by: SearchBy, signal?: AbortSignal): Promise<SearchResult[]> {
    return this.#pages(async (cursor) => {
      const url = `/search?${queryText({ ...by, cursor, limit: PAGE_LIMIT })}`;
      const { results, next } = await this.#ask(searchResponse, { method: 'GET', url, token, signal });
      return { items: results, next };
    });
  }

  /** Peers that have a file of this name and know no hash of it: those of the predecessor's dialect. */
  async unverified(token: string, name: string, signal?: AbortSignal): Promise<SearchSource[]> {
    const url = `/search?${queryText({ name, limit: PAGE_LIMIT })}`;
    const { unverified = [] } = await this.#ask(searchResponse, { method: 'GET', url, token, signal });
    return unverified.flatMap((found) => (found.name === name ? found.peers : []));
  }

  async #pages<T>(page: (cursor?: string) => Promise<{ items: T[]; next?: string | undefined }>): Promise<T[]> {
    const all: T[] = [];
    let cursor: string | undefined;
    for (let count = 0; count < MAX_PAGES; count++) {
      const { items, next } = await page(cursor);
      all.push(...items);
      if (next === undefined) return all;
      cursor = next;
    }
    throw new PeerLabError('directory-refused', { got: `more than ${MAX_PAGES} pages` });
  }

  async #ask<S extends z.ZodType>(schema: S, request: JsonRequest): Promise<z.output<S>> {
    const url = this.#url + request.url;
    const answer = await requestJson({ timeoutMs: REQUEST_TIMEOUT_MS, ca: this.#ca, ...request, url }).catch(
      (error) => {
        if (request.signal?.aborted) throw new PeerLabError('cancelled', { cause: error });
        throw new PeerLabError('directory-unreachable', { about: this.#url, got: reasonOf(error), cause: error });
      },
    );
    if (answer.status !== 200) throw refusal(answer.status, answer.body);
    const parsed = schema.safeParse(answer.body);
    if (parsed.success) return parsed.data;
    const path = request.url.split('?')[0];
    throw new PeerLabError('bad-answer', { about: `directory ${path}`, got: parsed.error.issues[0]?.message ?? '' });
  }
}

function queryText(parameters: Record<string, string | number | undefined>): string {
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(parameters)) if (value !== undefined) query.set(key, String(value));
  return query.toString();
}

/** What a directory may say about a request of ours, beside `unauthorized`. */
const TAKEN_OVER: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'unauthorized',
  'wrong-password',
  'address-taken',
  'address-not-yours',
  'too-many-files',
  'too-many-peers',
  'too-many-guesses',
  'directory-full',
  'storage-failed',
  'body-too-large',
  'busy',
  'shutting-down',
]);

function refusal(status: number, body: unknown): PeerLabError {
  const { error } = errorResponse.safeParse(body).data ?? {};
  const facts = { about: 'directory', got: printable(error?.message ?? `status ${status}`) };
  if (isErrorCode(error?.code) && TAKEN_OVER.has(error.code)) return new PeerLabError(error.code, facts);
  return new PeerLabError(status === 401 ? 'unauthorized' : 'directory-refused', facts);
}
