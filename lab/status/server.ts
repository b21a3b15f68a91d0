import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { z } from 'zod';
import { PeerLabError, toPeerLabError } from '#proto/errors.ts';
import { Gate } from '../serve/gate.ts';
import { Results } from '../serve/results.ts';
import { Site } from '../serve/server.ts';
import { Copies } from './copies.ts';
import { COPIES_PATH, copyMessage, MAX_COPY_BYTES } from './copy.ts';
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
/** What the live page asks for: itself, its runs, their events and files. */
const LIVE = /^\/(runs\/|runs\.json$|results\/)/;

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
  /** Where copies of runs are kept, to be shown on the live page. */
  readonly results: string;
}

/**
 * The page (`GET /`), the same as JSON (`GET /status`), the live page of each run (`GET /runs/…`), and where labs report (`POST /runs`) and
 * show their runs (`POST /copies`): all behind the token, as `Bearer`, as `?token=`, or as the cookie that it becomes. `GET /healthz` is
 * for machines. What labs told is kept in memory, and copies of the last runs on the disk.
 */
export async function createStatusServer({ token, look, results }: StatusServerInit): Promise<Server> {
  const runs = new Map<string, RunState>();
  const copies = new Copies(results);
  const gate = new Gate({ host: '0.0.0.0', hostname: '', token, isBehindService: true });
  const site = new Site({ results: await Results.at(results), gate, lives: (id) => copies.isLive(id) });
  const network = held(look);
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const url = new URL(request.url ?? '/', 'http://page');
    if (url.pathname === '/healthz') return send(response, 200, 'application/json', '{"status":"ok"}');
    if (request.method === 'GET' && LIVE.test(url.pathname)) return site.answer(request, response);
    const wanted = `${request.method} ${url.pathname}`;
    try {
      const cookie = gate.admit(request, url);
      if (cookie !== undefined) response.setHeader('set-cookie', cookie);
    } catch (error) {
      if (wanted === 'GET /') return send(response, 401, 'text/html; charset=utf-8', lockedHtml());
      throw error;
    }
    const latest = () => [...runs.values()].reverse();
    switch (wanted) {
      case 'GET /':
        return send(
          response,
          200,
          'text/html; charset=utf-8',
          statusHtml(await network(), latest(), (id) => copies.has(id)),
        );
      case 'GET /status':
        return send(response, 200, 'application/json', JSON.stringify({ ...(await network()), runs: latest() }));
      case `POST ${RUNS_PATH}`: {
        keep(runs, shaped(runState, await jsonOf(request, MAX_BODY_BYTES)));
        return void response.writeHead(204, HEADERS).end();
      }
      case `POST ${COPIES_PATH}`: {
        const answer = copies.take(shaped(copyMessage, await jsonOf(request, MAX_COPY_BYTES)));
        return send(response, 200, 'application/json', JSON.stringify(answer));
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
async function jsonOf(request: IncomingMessage, maxBytes: number): Promise<unknown> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of request) {
    bytes += (part as Buffer).length;
    if (bytes > maxBytes) throw new PeerLabError('body-too-large', { expected: `at most ${maxBytes} bytes` });
    parts.push(part as Buffer);
  }
  try {
    return JSON.parse(Buffer.concat(parts).toString());
  } catch (cause) {
    throw new PeerLabError('bad-request', { expected: 'how a run goes, as JSON', cause });
  }
}

/** @throws PeerLabError `bad-request` */
function shaped<T>(shape: z.ZodType<T>, value: unknown): T {
  const read = shape.safeParse(value);
  if (!read.success) throw new PeerLabError('bad-request', { expected: 'how a run goes, as JSON', cause: read.error });
  return read.data;
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
