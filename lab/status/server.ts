import { createHash, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { PeerLabError, toPeerLabError } from '#proto/errors.ts';
import { lockedHtml, statusHtml } from './html.ts';
import type { NetworkState } from './network.ts';
import { RUNS_PATH, type RunState, runState } from './run-state.ts';

/** How long a look at the network is good for: many who look on cost no more than one. */
const LOOK_MS = 1000;
const MAX_BODY_BYTES = 64 * 1024;
/** Runs that are shown, the latest first. */
const MAX_RUNS = 20;
const REQUEST_TIMEOUT_MS = 10_000;
const MAX_CONNECTIONS = 512;

/** Nothing of another place is loaded, and the address, which has the token, is told to nobody. */
const HEADERS = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
};

export interface StatusServerInit {
  readonly token: string;
  readonly look: () => Promise<NetworkState>;
}

/**
 * The page (`GET /`), the same as JSON (`GET /status`), and where labs report (`POST /runs`): all behind the token, as `Bearer` or as
 * `?token=`. `GET /healthz` is for machines. What labs told is kept in memory.
 */
export function createStatusServer({ token, look }: StatusServerInit): Server {
  const runs = new Map<string, RunState>();
  const right = digest(token);
  const network = held(look);
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const url = new URL(request.url ?? '/', 'http://page');
    if (url.pathname === '/healthz') return send(response, 200, 'application/json', '{"status":"ok"}');
    const given = bearerOf(request) ?? url.searchParams.get('token') ?? '';
    const wanted = `${request.method} ${url.pathname}`;
    if (!timingSafeEqual(digest(given), right)) {
      if (wanted === 'GET /') return send(response, 401, 'text/html; charset=utf-8', lockedHtml());
      throw new PeerLabError('unauthorized');
    }
    const latest = () => [...runs.values()].reverse();
    switch (wanted) {
      case 'GET /':
        return send(response, 200, 'text/html; charset=utf-8', statusHtml(await network(), latest()));
      case 'GET /status':
        return send(response, 200, 'application/json', JSON.stringify({ ...(await network()), runs: latest() }));
      case `POST ${RUNS_PATH}`: {
        keep(runs, await runOf(request));
        return void response.writeHead(204, HEADERS).end();
      }
      default:
        throw new PeerLabError('no-such-route', { got: `${wanted.slice(0, 80)}` });
    }
  };
  const server = createServer({ requestTimeout: REQUEST_TIMEOUT_MS }, (request, response) => {
    answer(request, response).catch((thrown) => {
      const error = toPeerLabError(thrown);
      if (response.headersSent) return void response.destroy();
      send(response, error.kind.http, 'application/json', JSON.stringify({ error: error.toBody() }));
    });
  });
  server.maxConnections = MAX_CONNECTIONS;
  return server;
}

function send(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, { ...HEADERS, 'content-type': type, 'content-length': Buffer.byteLength(body) }).end(body);
}

/** The latest last; the oldest makes room. */
function keep(runs: Map<string, RunState>, run: RunState): void {
  runs.set(run.runId, run);
  for (const id of runs.keys()) {
    if (runs.size <= MAX_RUNS) break;
    runs.delete(id);
  }
}

/** @throws PeerLabError `body-too-large`, `bad-request` */
async function runOf(request: IncomingMessage): Promise<RunState> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of request) {
    bytes += (part as Buffer).length;
    if (bytes > MAX_BODY_BYTES)
      throw new PeerLabError('body-too-large', { expected: `at most ${MAX_BODY_BYTES} bytes` });
    parts.push(part as Buffer);
  }
  try {
    return runState.parse(JSON.parse(Buffer.concat(parts).toString()));
  } catch (cause) {
    throw new PeerLabError('bad-request', { expected: 'how a run goes, as JSON', cause });
  }
}

/** One look at a time, shared by all who ask while it is fresh. */
function held<T>(look: () => Promise<T>): () => Promise<T> {
  let last: Promise<T> | undefined;
  let until = 0;
  return () => {
    const now = performance.now();
    if (last === undefined || now > until) {
      last = look();
      until = Number.POSITIVE_INFINITY;
      void last.finally(() => {
        until = performance.now() + LOOK_MS;
      });
    }
    return last;
  };
}

function bearerOf({ headers }: IncomingMessage): string | undefined {
  return /^Bearer (\S{1,4096})$/i.exec(headers.authorization ?? '')?.[1];
}

/** Digests are compared, so that neither the length nor a common beginning of the token shows in the time taken. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
