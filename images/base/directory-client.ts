import {
  type AnswerOf,
  type AskedOf,
  DIRECTORY,
  type Endpoint,
  type EndpointName,
  errorResponse,
  type IndexEntry,
  type LoginRequest,
  type PeerAddress,
  type PeerLoad,
  queryText,
  type SearchResult,
  type SharedFile,
  type UnverifiedResult,
} from '#proto/directory-api.ts';
import { type ErrorCode, PeerLabError, reasonOf } from '#proto/errors.ts';
import { printable } from '#proto/printable.ts';
import { requestJson } from './json-http.ts';

/** One request and its answer. */
const REQUEST_TIMEOUT_MS = 10_000;
/** A login waits its turn behind those of a whole class; docs/directory-api.md. */
const LOGIN_TIMEOUT_MS = 60_000;
const PAGE_LIMIT = 1000;
/** An answer of more pages than these is not collected any further. */
const MAX_PAGES = 1000;

export interface AskInit {
  /** For all but `login`. */
  readonly token?: string;
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal | undefined;
}

export interface SearchBy {
  readonly name?: string | undefined;
  readonly sha256?: string | undefined;
  readonly root?: string | undefined;
  readonly prefix?: string | undefined;
}

/** What the directory knows of a search: contents, and names at peers of the predecessor's dialect, which know no hash of what they have. */
export interface Found {
  readonly results: SearchResult[];
  readonly unverified: UnverifiedResult[];
}

/**
 * The directory's endpoints, typed: for peers, and for tests of the directory that ask what a peer would ask. Every method throws PeerLabError: `directory-unreachable`, `unauthorized`, `directory-refused`,
 * or the code that the directory names.
 */
export class DirectoryApi {
  readonly #url: string;
  readonly #ca: Buffer | undefined;
  readonly #onClock: ((dateMs: number) => void) | undefined;

  /**
   * @param ca certificates (PEM) that the directory's must come from, where not those that Node knows
   * @param onClock told with each answer what the directory's clock says, in milliseconds since 1970
   */
  constructor(url: string, ca?: Buffer, onClock?: (dateMs: number) => void) {
    this.#url = url;
    this.#ca = ca;
    this.#onClock = onClock;
  }

  /** Asks any endpoint, by its entry in DIRECTORY; the methods below know what its answer is for. */
  async ask<E extends EndpointName>(name: E, asked: AskedOf<E>, init: AskInit = {}): Promise<AnswerOf<E>> {
    const { path, methods, response, errors }: Endpoint = DIRECTORY[name];
    const method = methods[0] as (typeof methods)[number];
    const sent = method === 'GET' ? { url: `${path}?${queryText(asked)}` } : { url: path, body: asked };
    const request = {
      timeoutMs: REQUEST_TIMEOUT_MS,
      ca: this.#ca,
      method,
      ...init,
      ...sent,
      url: this.#url + sent.url,
    };
    const answer = await requestJson(request).catch((error) => {
      if (init.signal?.aborted) throw new PeerLabError('cancelled', { cause: error });
      throw new PeerLabError('directory-unreachable', { about: this.#url, got: reasonOf(error), cause: error });
    });
    if (answer.dateMs !== undefined) this.#onClock?.(answer.dateMs);
    if (answer.status !== 200) throw refusal(answer.status, answer.body, errors);
    const parsed = response.safeParse(answer.body);
    if (parsed.success) return parsed.data as AnswerOf<E>;
    throw new PeerLabError('bad-answer', { about: `directory ${path}`, got: parsed.error.issues[0]?.message ?? '' });
  }

  login(request: LoginRequest) {
    return this.ask('login', request, { timeoutMs: LOGIN_TIMEOUT_MS });
  }

  heartbeat(token: string, timeoutMs: number, load?: PeerLoad) {
    // Node refuses a timeout that is no whole number, and most leases divide by three unevenly.
    const limit = Math.ceil(Math.min(timeoutMs, REQUEST_TIMEOUT_MS));
    return this.ask('heartbeat', { load }, { token, timeoutMs: limit });
  }

  loadfiles(token: string, files: SharedFile[]) {
    return this.ask('loadfiles', { files }, { token });
  }

  /** Says that this peer fetches a content, or not any more. @returns some of the others that do */
  async swarm(token: string, root: string, fetching: boolean, signal?: AbortSignal): Promise<PeerAddress[]> {
    return (await this.ask('swarm', { root, fetching }, { token, signal })).peers;
  }

  async logout(token: string): Promise<void> {
    await this.ask('logout', {}, { token });
  }

  async index(token: string, signal?: AbortSignal): Promise<{ peers: IndexEntry[]; unverified: UnverifiedResult[] }> {
    const unverified: UnverifiedResult[] = [];
    const peers = await this.#pages(async (cursor) => {
      const answer = await this.ask('index', { cursor, limit: PAGE_LIMIT }, { token, signal });
      unverified.push(...(answer.unverified ?? []));
      return { items: answer.peers, next: answer.next };
    });
    return { peers, unverified };
  }

  async search(token: string, by: SearchBy, signal?: AbortSignal): Promise<Found> {
    const unverified: UnverifiedResult[] = [];
    const results = await this.#pages(async (cursor) => {
      const answer = await this.ask('search', { ...by, cursor, limit: PAGE_LIMIT }, { token, signal });
      unverified.push(...(answer.unverified ?? []));
      return { items: answer.results, next: answer.next };
    });
    return { results, unverified };
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
}

/** What a directory may say about any request. */
const ANYWHERE: readonly ErrorCode[] = ['unauthorized', 'shutting-down', 'database-away'];

/** A code that the endpoint does not have, from a directory of another kind, is a refusal like any other. */
function refusal(status: number, body: unknown, errors: readonly ErrorCode[]): PeerLabError {
  const { error } = errorResponse.safeParse(body).data ?? {};
  const facts = { about: 'directory', got: printable(error?.message ?? `status ${status}`) };
  const code = [...errors, ...ANYWHERE].find((known) => known === error?.code);
  return new PeerLabError(code ?? (status === 401 ? 'unauthorized' : 'directory-refused'), facts);
}
