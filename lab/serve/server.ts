import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { hostname } from 'node:os';
import { pipeline } from 'node:stream/promises';
import { PeerLabError, toPeerLabError } from '#proto/errors.ts';
import { builtPage } from '../drivers/build-page.ts';
import { Gate, isLoopback, MIN_TOKEN_CHARS } from './gate.ts';
import { Results } from './results.ts';
import { RunList } from './run-list.ts';
import { visit } from './visit.ts';

/**
 * THE SERVER OF THE LIVE PAGE: shows what is in a results folder, of runs that go on as well. It changes nothing, and knows nothing but
 * what is in the files, so it may begin before a run, or after it, or outlive its lab.
 *
 *   GET /                     the page: runs and suites
 *   GET /runs/<id>            the page: one run
 *   GET /runs.json            what there is
 *   GET /runs/<id>/events     a run as server-sent events (visit.ts)
 *   GET /results/<folder>/…   a file of a run or suite, as it is; `?tail=<bytes>` for its end
 */

const MAX_HEADER_BYTES = 8 * 1024;
const HEADERS_TIMEOUT_MS = 5000;
const REQUEST_TIMEOUT_MS = 10_000;
const KEEP_ALIVE_MS = 5000;
const MAX_CONNECTIONS = 256;
/** Who look at runs at one time. */
const MAX_VISITORS = 64;
/** How long what is told may wait for a visitor. */
const PATIENCE_MS = 30_000;
const MAX_TAIL_BYTES = 256 * 1024;
/** Who is being told the end of a run hears it, or is cut off. */
const DRAIN_MS = 2000;

/** Other pages can neither hold this one in a frame, nor load anything of it, nor learn its addresses. */
const HEADERS = {
  'cache-control': 'no-store',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
};
const NOTHING = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";
/** A report is a page with a script. Whoever made it, it has an origin of its own: it can ask nobody for anything, here neither. */
const REPORT =
  "sandbox allow-scripts allow-popups; default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
};
const PLAIN = 'text/plain; charset=utf-8';

export interface PageServerInit {
  readonly results: string;
  readonly host: string;
  /** 0: a free one. */
  readonly port: number;
  readonly token?: string | undefined;
  /** How long what is told may wait for a visitor who does not read it. */
  readonly patienceMs?: number;
}

export interface PageServer {
  readonly url: string;
  /** Tells those who look on what is known, and ends. */
  close(): Promise<void>;
}

/** @throws PeerLabError `bad-setting`, `bad-results`, and the system's own error when the port is taken */
export async function startPageServer({
  results,
  host,
  port,
  token,
  patienceMs = PATIENCE_MS,
}: PageServerInit): Promise<PageServer> {
  if (!isLoopback(host) && (token?.length ?? 0) < MIN_TOKEN_CHARS)
    throw new PeerLabError('bad-setting', {
      about: 'PEERLAB_SERVE_TOKEN',
      expected: `a token of at least ${MIN_TOKEN_CHARS} characters, as ${host} is beyond this machine`,
      got: token ? `one of ${token.length}` : 'none',
    });
  const gate = new Gate({ host, hostname: hostname(), token });
  const site = new Site({ results: await Results.at(results), gate, patienceMs });
  const server = createServer(
    { maxHeaderSize: MAX_HEADER_BYTES, requestTimeout: REQUEST_TIMEOUT_MS, headersTimeout: HEADERS_TIMEOUT_MS },
    (request, response) => void site.answer(request, response),
  );
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  server.maxConnections = MAX_CONNECTIONS;
  await listening(server, host, port);
  const at = (server.address() as AddressInfo).port;
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${at}/`,
    close: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      site.end();
      const timer = setTimeout(() => server.closeAllConnections(), DRAIN_MS);
      server.closeIdleConnections();
      await closed;
      clearTimeout(timer);
    },
  };
}

function listening(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

export interface SiteInit {
  readonly results: Results;
  readonly gate: Gate;
  readonly patienceMs?: number;
  /** As of RunList. */
  readonly lives?: (id: string) => boolean;
}

/** The page behind its gate, for any server. */
export class Site {
  readonly #results: Results;
  readonly #runs: RunList;
  readonly #gate: Gate;
  readonly #patienceMs: number;
  readonly #over = new AbortController();
  #visitors = 0;

  constructor({ results, gate, patienceMs = PATIENCE_MS, lives }: SiteInit) {
    this.#patienceMs = patienceMs;
    this.#results = results;
    this.#runs = new RunList(results, lives);
    this.#gate = gate;
    builtPage('live').catch(() => {}); // Whoever opens it is told.
  }

  end(): void {
    this.#over.abort();
  }

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      request.resume(); // A body, if there is one, is of no use.
      await this.#answer(request, response);
    } catch (thrown) {
      const error = toPeerLabError(thrown);
      if (response.headersSent) return void response.destroy();
      send(request, response, error.kind.http, TYPES['.json'] as string, JSON.stringify({ error: error.toBody() }));
    }
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = urlOf(request);
    const cookie = this.#gate.admit(request, url);
    if (request.method !== 'GET' && request.method !== 'HEAD')
      throw new PeerLabError('only-reading', { got: request.method?.slice(0, 20) ?? '' });
    if (cookie !== undefined) {
      url.searchParams.delete('token');
      const headers = { ...HEADERS, 'set-cookie': cookie, location: url.pathname + url.search };
      return void response.writeHead(303, headers).end();
    }
    const [first = '', second = '', ...rest] = partsOf(url);
    const wanted = [first, second, ...rest].filter((part) => part !== '').length;
    if (url.pathname === '/') return this.#page(request, response);
    if (url.pathname === '/runs.json') return this.#list(request, response);
    if (first === 'runs' && wanted === 2 && rest.length === 0) return this.#run(request, response, second);
    if (first === 'runs' && wanted === 3 && rest[0] === 'events') return this.#events(request, response, second);
    if (first === 'results' && wanted > 2) return this.#file(request, response, second, rest.join('/'), url);
    throw new PeerLabError('no-such-route', { got: url.pathname.slice(0, 80) });
  }

  async #page(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const html = (await builtPage('live')).replace('<!--title-->', 'PeerLab').replace('<!--data-->', '');
    const [, policy = NOTHING] = /http-equiv="Content-Security-Policy" content="([^"]+)"/.exec(html) ?? [];
    const headers = { 'content-security-policy': `${policy}; frame-ancestors 'none'` };
    send(request, response, 200, TYPES['.html'] as string, html, headers);
  }

  async #list(request: IncomingMessage, response: ServerResponse): Promise<void> {
    send(request, response, 200, TYPES['.json'] as string, JSON.stringify(await this.#runs.list()));
  }

  async #run(request: IncomingMessage, response: ServerResponse, id: string): Promise<void> {
    const latest = id === 'latest' ? await this.#results.latest() : undefined;
    if (latest !== undefined) return void response.writeHead(302, { ...HEADERS, location: `/runs/${latest}` }).end();
    await this.#mustBeThere(id);
    await this.#page(request, response);
  }

  async #events(request: IncomingMessage, response: ServerResponse, id: string): Promise<void> {
    await this.#mustBeThere(id);
    if (this.#visitors >= MAX_VISITORS)
      throw new PeerLabError('busy', { expected: `at most ${MAX_VISITORS} visitors` });
    this.#visitors++;
    try {
      const headers = { ...HEADERS, 'content-security-policy': NOTHING, 'content-type': 'text/event-stream' };
      response.writeHead(200, headers);
      if (request.method === 'HEAD') return;
      const from = request.headers['last-event-id'];
      await visit({
        ...{ id, results: this.#results, runs: this.#runs, response, signal: this.#over.signal },
        patienceMs: this.#patienceMs,
        from: typeof from === 'string' ? from : undefined,
      });
    } finally {
      this.#visitors--;
      response.end();
    }
  }

  async #file(
    request: IncomingMessage,
    response: ServerResponse,
    folder: string,
    file: string,
    url: URL,
  ): Promise<void> {
    await using handle = await this.#results.open(folder, file);
    if (!handle) throw new PeerLabError('no-such-route', { got: `/results/${folder}/${file}`.slice(0, 80) });
    const { size } = await handle.stat();
    const tail = url.searchParams.get('tail');
    const wanted = tail === null ? size : Math.min(size, MAX_TAIL_BYTES, Math.max(0, Number(tail) || 0));
    const type = TYPES[/\.[a-z]+$/.exec(file)?.[0] ?? ''] ?? PLAIN;
    response.writeHead(200, {
      ...HEADERS,
      ...{ 'content-security-policy': file.endsWith('.html') ? REPORT : NOTHING, 'content-type': type },
      'content-length': wanted,
    });
    if (request.method === 'HEAD' || wanted === 0) return void response.end();
    // What is appended meanwhile is not part of the answer: its length was said.
    await pipeline(handle.createReadStream({ start: size - wanted, end: size - 1, autoClose: false }), response);
  }

  async #mustBeThere(id: string): Promise<void> {
    if ((await this.#runs.stateOf(id)) === undefined)
      throw new PeerLabError('no-such-route', { got: `/runs/${id}`.slice(0, 80), expected: 'the id of a run' });
  }
}

/** @throws PeerLabError `bad-request` */
function urlOf({ url = '/' }: IncomingMessage): URL {
  // Not with the address as the base: what begins with // would name another host.
  if (!url.startsWith('/') || url.startsWith('//')) throw new PeerLabError('bad-request', { about: 'the address' });
  return new URL(`http://page${url}`);
}

/** Decoded one by one, so that a `%2f` separates nothing. */
function partsOf({ pathname }: URL): string[] {
  try {
    return pathname.slice(1).split('/').map(decodeURIComponent);
  } catch (cause) {
    throw new PeerLabError('bad-request', { about: 'the address', cause });
  }
}

function send(
  { method }: IncomingMessage,
  response: ServerResponse,
  status: number,
  type: string,
  body: string,
  more: Readonly<Record<string, string>> = {},
): void {
  const bytes = Buffer.byteLength(body);
  const headers = { 'content-security-policy': NOTHING, 'content-type': type, 'content-length': bytes };
  response.writeHead(status, { ...HEADERS, ...headers, ...more }).end(method === 'HEAD' ? undefined : body);
}
