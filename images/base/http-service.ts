import type { RequestListener, Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import express, {
  type ErrorRequestHandler,
  type Express,
  type Request,
  type RequestHandler,
  type Response,
} from 'express';
import { pinoHttp } from 'pino-http';
import type { Registry } from 'prom-client';
import type { z } from 'zod';
import { addressText } from '#proto/addresses.ts';
import { type ErrorCode, PeerLabError, toPeerLabError } from '#proto/errors.ts';
import { cutOffSilent, holdRoom, inTurn } from './connections.ts';
import type { Logger } from './logger.ts';

// Not imported: an import of node:http from an ES module evaluates its getters, undici among them: 20 ms of CPU at every start.
const http = process.getBuiltinModule('node:http');
const https = process.getBuiltinModule('node:https');

export interface HttpServiceInit {
  logger: Logger;
  registry: Registry;
  /** Whether work may be sent here; `/readyz` answers 503 until it is true, and again while draining. */
  isReady: () => boolean;
  /** What keeps the service from being ready, for people who ask. */
  whyNot?: () => string | undefined;
  /** Largest request body taken, in bytes. Without it the routes read bodies themselves. */
  maxBodyBytes?: number;
  /** A line for every request, by default; routes that are asked thousands of times a second do without. */
  logRequests?: boolean;
  /** Certificate chain and key (PEM): HTTPS instead of HTTP. */
  tls?: Tls;
  /** Called once an answer is out. `endpoint` is the route's path, or "unknown". */
  observe?: (endpoint: string, method: string, status: number, seconds: number) => void;
  /** Adds the service's own routes. */
  routes: (app: Express) => void;
}

export interface Tls {
  readonly cert: Buffer;
  readonly key: Buffer;
}

export interface HttpService {
  readonly port: number;
  /** Takes no new connections, lets requests under way end for `graceMs`, then cuts them off. */
  close(graceMs?: number): Promise<void>;
}

/** Bounds on a client that is slow or silent, in milliseconds; and on how many there may be. */
const HEADERS_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 60_000;
/** How often both are looked at; Node's 30 s would be three times the shorter one. */
const TIMEOUT_CHECK_MS = 2000;
const MAX_CONNECTIONS = 4096;
/** For a client's next request. Clients are told, and give the connection up before. */
const KEEP_ALIVE_TIMEOUT_MS = 30_000;

/** What answers the requests of a service. */
export interface HttpApp {
  readonly answer: RequestListener;
  /** From now on `/readyz` says that no work may be sent here. */
  drain(): void;
}

/** A JSON service with `/healthz`, `/readyz`, `/metrics`, request logs, and one error shape; it listens nowhere yet. */
export function createHttpApp(init: HttpServiceInit): HttpApp {
  let draining = false;
  const app = express();
  app.disable('x-powered-by').disable('etag');
  app.get('/healthz', (_req, res) => void res.json({ status: 'ok' }));
  app.get('/readyz', (_req, res) => {
    const ready = init.isReady() && !draining;
    const reason = ready ? undefined : init.whyNot?.();
    res.status(ready ? 200 : 503).json({ status: ready ? 'ready' : 'not ready', reason });
  });
  app.get('/metrics', async (_req, res) => {
    res.type(init.registry.contentType).send(await init.registry.metrics());
  });
  if (init.observe) app.use(observer(init.observe));
  if (init.logRequests !== false) app.use(requestLog(init.logger));
  // Any Content-Type, and none, is read as JSON: curl without a header should just work.
  if (init.maxBodyBytes !== undefined) app.use(express.json({ limit: init.maxBodyBytes, type: () => true }));
  init.routes(app);
  app.use((req) => {
    throw new PeerLabError('no-such-route', { got: `${req.method} ${req.path.slice(0, 80)}` });
  });
  app.use(errorAnswer(init.logger));
  const drain = () => {
    draining = true;
  };
  // Where not even the path can be read, Express has no route to go, and would answer in HTML.
  const answer: RequestListener = (req, res) => {
    app(req as Request, res as Response, () => {
      const error = new PeerLabError('bad-request', { about: 'URL' });
      (res as Response).status(error.kind.http).json({ error: error.toBody() });
    });
  };
  return { answer, drain };
}

/** Starts a service on a port of its own. */
export async function startHttpService(init: HttpServiceInit, host: string, port: number): Promise<HttpService> {
  const app = createHttpApp(init);
  const service = await listenHttp(app.answer, host, port, init.tls);
  return {
    port: service.port,
    close: (graceMs) => {
      app.drain();
      return service.close(graceMs);
    },
  };
}

/** Listens for what `answer` answers, with the bounds on clients that every service has. */
export async function listenHttp(answer: RequestListener, host: string, port: number, tls?: Tls): Promise<HttpService> {
  const server = listener(tls, answer);
  await listen(server, host, port);
  return { port: (server.address() as AddressInfo).port, close: (graceMs = 2000) => drain(server, graceMs) };
}

/**
 * Checks what came against `schema`.
 * @throws PeerLabError `bad-request`, naming each field that is wrong (at most five)
 */
export function parse<S extends z.ZodType>(schema: S, value: unknown): z.output<S> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const flaws = result.error.issues.slice(0, 5).map((issue) => `${issue.path.join('.') || 'body'}: ${issue.message}`);
  throw new PeerLabError('bad-request', { got: flaws.join('; ') });
}

/** The token of `Authorization: Bearer <token>`, if there is one. */
export function bearerToken(header: string | undefined): string | undefined {
  return /^Bearer ([\x21-\x7e]{1,4096})$/i.exec(header ?? '')?.[1];
}

/** Answers as `res.json` does (@throws PeerLabError `busy`, see `holdRoom`), without asking Express each time for settings and media types that never change. */
export function sendJson(res: Response, body: object): void {
  sendJsonText(res, JSON.stringify(body));
}

/** The same for an answer that is JSON already. */
export function sendJsonText(res: Response, text: string): void {
  const bytes = Buffer.byteLength(text);
  holdRoom(res, bytes);
  res.writeHead(200, { 'Content-Type': 'application/json; charset=utf-8', 'Content-Length': bytes });
  res.end(text);
}

function requestLog(logger: Logger): RequestHandler {
  return pinoHttp({
    logger,
    customLogLevel: (_req, res, error) => (error || res.statusCode >= 500 ? 'error' : 'info'),
    serializers: {
      req: (req) => ({ method: req.method, url: req.url.split('?')[0], from: req.remoteAddress }),
      res: (res) => ({ status: res.statusCode }),
    },
  });
}

function observer(observe: NonNullable<HttpServiceInit['observe']>): RequestHandler {
  return (req, res, next) => {
    const start = process.hrtime.bigint();
    res.once('close', () => {
      const endpoint = typeof req.route?.path === 'string' ? req.route.path : 'unknown';
      observe(endpoint, req.method, res.statusCode, Number(process.hrtime.bigint() - start) / 1e9);
    });
    next();
  };
}

/** What body-parser calls its errors. */
const PARSER_ERRORS: Record<string, ErrorCode> = {
  'entity.too.large': 'body-too-large',
  'entity.parse.failed': 'bad-request',
};

function errorAnswer(logger: Logger): ErrorRequestHandler {
  return (thrown, _req, res, next) => {
    const code =
      PARSER_ERRORS[thrown?.type] ?? (thrown?.status >= 400 && thrown?.status < 500 ? 'bad-request' : undefined);
    const error = code ? new PeerLabError(code, { cause: thrown }) : toPeerLabError(thrown);
    if (error.code === 'internal') logger.error({ err: thrown }, 'unforeseen error');
    if (res.headersSent) return next(thrown);
    const { retryAfterSeconds } = error.beside as { retryAfterSeconds?: number };
    if (retryAfterSeconds !== undefined) res.set('retry-after', String(retryAfterSeconds));
    res.status(error.kind.http).json({ error: error.toBody(), ...error.beside });
  };
}

function listener(tls: Tls | undefined, app: RequestListener): Server {
  const bounds = {
    headersTimeout: HEADERS_TIMEOUT_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
    connectionsCheckingInterval: TIMEOUT_CHECK_MS,
  };
  const answer = inTurn(app);
  const server = tls ? https.createServer({ ...bounds, ...tls }, answer) : http.createServer(bounds, answer);
  cutOffSilent(server);
  server.maxConnections = MAX_CONNECTIONS;
  // Who has nothing to ask right now makes room for who has.
  server.on('drop', () => server.closeIdleConnections());
  server.on('clientError', refuseConnection);
  return server;
}

/** What Node calls requests that never became one. */
const CONNECTION_ERRORS: Record<string, ErrorCode> = {
  HPE_HEADER_OVERFLOW: 'headers-too-large',
  ERR_HTTP_REQUEST_TIMEOUT: 'too-slow',
};

/** No request, so no route and no handler: the answer is written by hand. */
function refuseConnection(thrown: NodeJS.ErrnoException, socket: Duplex): void {
  if (!socket.writable || thrown.code === 'ECONNRESET') return void socket.destroy();
  const error = new PeerLabError(CONNECTION_ERRORS[thrown.code ?? ''] ?? 'bad-request');
  const body = JSON.stringify({ error: error.toBody() });
  const head = [
    `HTTP/1.1 ${error.kind.http} ${http.STATUS_CODES[error.kind.http]}`,
    'Content-Type: application/json; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy());
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(
        new PeerLabError('bad-setting', {
          about: addressText({ ip: host, port }),
          expected: 'a free address to listen on',
          got: error.code ?? error.message,
        }),
      );
    });
    server.listen(port, host, resolve);
  });
}

function drain(server: Server, graceMs: number): Promise<void> {
  return new Promise((resolve) => {
    const cut = setTimeout(() => server.closeAllConnections(), graceMs);
    server.close(() => {
      clearTimeout(cut);
      resolve();
    });
    server.closeIdleConnections();
  });
}
