import { createHash, timingSafeEqual } from 'node:crypto';
import { lstat, mkdir } from 'node:fs/promises';
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import { isIP } from 'node:net';
import path from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { PeerLabError, reasonOf, toPeerLabError } from '#proto/errors.ts';
import { assertName } from '#proto/names.ts';
import { dial, type Target } from '../machine/dial.ts';
import { freeBytesOf } from '../machine/full-disk.ts';
import { emptyShare, readShare, writeBelow } from '../machine/share-folder.ts';
import { FilledDisk } from './filled-disk.ts';
import type { Keeper } from './keeper.ts';
import {
  type Calls,
  END_WAIT_MS,
  HOLD_HEADER,
  type ListEnd,
  MAX_DIALS,
  ROUTES,
  type Route,
  SIGNALS,
} from './protocol.ts';
import type { Settings } from './settings.ts';

const MAX_BODY_BYTES = 64 * 1024;
const BODY_TIMEOUT_MS = 10_000;
const HEALTH_TIMEOUT_MS = 2000;
/** A connection on which nothing moves for so long is closed; an answer that waits for an end comes earlier. */
const IDLE_MS = 60_000;
/** A list says so often that it goes on, by an empty line. */
const ALIVE_MS = 5000;
const MAX_CONNECTIONS = 64;
const MAX_DIAL_MS = 5000;
/** What still arrives of a request that was refused is read for so long, at most: otherwise the refusal may be lost with the connection. */
const LINGER_MS = 1000;

interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly query: URLSearchParams;
  /** Fires when the caller has gone. */
  readonly gone: AbortSignal;
  /** Whose hold the call is made with. */
  readonly by: string;
}

/** Gives the answer, or nothing when it has written it itself. */
type Handler<R extends Route> = (
  exchange: Exchange,
) => Promise<R extends keyof Calls ? Calls[R]['answer'] | undefined : undefined>;

export interface KeeperServerInit {
  readonly keeper: Keeper;
  readonly settings: Settings;
}

export function createKeeperServer({ keeper, settings }: KeeperServerInit): http.Server {
  const { program } = keeper;
  const disk = new FilledDisk(settings.shareDir);
  const handlers: { readonly [R in Route]: Handler<R> } = {
    async health({ gone }) {
      if (keeper.isHeld) return { status: 'held' };
      await assertHealthy(settings, gone);
      return { status: 'ok' };
    },
    state: async () => keeper.state(),
    async hold({ request }) {
      const { by } = await bodyOf<'hold'>(request);
      if (typeof by !== 'string' || !/^[\w.-]{1,100}$/.test(by))
        throw new PeerLabError('bad-request', { about: 'by', expected: '1 to 100 letters, digits, ".", "_" or "-"' });
      return keeper.hold(by);
    },
    async release({ by }) {
      await keeper.release(by);
      return {};
    },
    async start({ request, by }) {
      const { env, freshLog } = await bodyOf<'start'>(request);
      if (!isTexts(env)) throw new PeerLabError('bad-request', { about: 'env', expected: 'texts by name' });
      keeper.assertHeld(by);
      return { life: keeper.start(env, freshLog === true) };
    },
    async signal({ request, by }) {
      const { signal } = await bodyOf<'signal'>(request);
      if (!SIGNALS.includes(signal))
        throw new PeerLabError('bad-request', { about: 'signal', expected: SIGNALS.join(', ') });
      keeper.assertHeld(by);
      keeper.signal(signal);
      return {};
    },
    async end({ query, gone }) {
      const end = program.endOf(Number(query.get('life')));
      if (!end) throw new PeerLabError('bad-request', { about: 'life', expected: `at most ${program.life}` });
      const late = sleep(END_WAIT_MS, undefined, { signal: gone }).catch(() => {});
      return { ended: (await Promise.race([end, late]))?.how ?? null };
    },
    usage: async () => ({ usage: (await program.usage()) ?? null }),
    async log({ response }) {
      response.setHeader('content-type', 'text/plain; charset=utf-8');
      await pipeline(Readable.from(program.log.parts()), response);
      return undefined;
    },
    async empty() {
      assertEnded(keeper);
      await emptyShare(settings.shareDir);
      return {};
    },
    async folder({ request }) {
      assertEnded(keeper);
      const { name } = await bodyOf<'folder'>(request);
      assertName(name);
      await mkdir(path.join(settings.shareDir, name), { recursive: true });
      return {};
    },
    async put({ request, query, gone }) {
      assertEnded(keeper);
      const sizeBytes = Number(query.get('size'));
      if (!Number.isSafeInteger(sizeBytes) || sizeBytes < 0)
        throw new PeerLabError('bad-request', { about: 'size', expected: 'a number of bytes' });
      // What is refused is still to be answered on this connection.
      const content = () => Readable.from(request.iterator({ destroyOnReturn: false }));
      await writeBelow(settings.shareDir, { name: query.get('name') ?? '', sizeBytes, open: content }, gone);
      return {};
    },
    async list({ response, query }) {
      const folder = await folderOf(settings.shareDir, query.get('under'));
      response.setHeader('content-type', 'application/x-ndjson');
      // A large file takes its time to be read.
      const alive = setInterval(() => response.write('\n'), ALIVE_MS);
      try {
        await pipeline(Readable.from(listOf(folder)), response);
      } finally {
        clearInterval(alive);
      }
      return undefined;
    },
    async fill({ request }) {
      const { full } = await bodyOf<'fill'>(request);
      await disk.keepFull(full === true);
      return {};
    },
    free: async () => ({ freeBytes: await freeBytesOf(settings.shareDir) }),
    async dial({ request }) {
      const { targets, timeoutMs } = await bodyOf<'dial'>(request);
      if (!areTargets(targets) || !(timeoutMs > 0 && timeoutMs <= MAX_DIAL_MS))
        throw new PeerLabError('bad-request', { about: 'dial', expected: 'targets, and at most 5000 ms' });
      return { dialled: await Promise.all(targets.map((target) => dial(target, timeoutMs))) };
    },
  };

  const server = http.createServer(
    { headersTimeout: BODY_TIMEOUT_MS, requestTimeout: 0, keepAliveTimeout: 1000 },
    (request, response) => {
      const gone = new AbortController();
      response.on('close', () => gone.abort());
      answer(request, response, gone.signal).catch((error) => refuse(request, response, error));
    },
  );
  server.maxConnections = MAX_CONNECTIONS;
  server.timeout = IDLE_MS;
  return server;

  async function answer(request: IncomingMessage, response: ServerResponse, gone: AbortSignal): Promise<void> {
    const { pathname, searchParams: query } = new URL(request.url ?? '/', 'http://keeper');
    const route = routeOf(request.method, pathname);
    if (route !== 'health') assertToken(request, settings.token);
    if (route === undefined)
      throw new PeerLabError('no-such-route', { about: `${request.method} ${pathname.slice(0, 100)}` });
    const by = String(request.headers[HOLD_HEADER] ?? '').slice(0, 100);
    if (request.method !== 'GET' && route !== 'hold') keeper.assertHeld(by);
    const body = await (handlers[route] as Handler<'state'>)({ request, response, query, gone, by });
    if (body !== undefined) send(response, 200, body);
  }
}

function routeOf(method: string | undefined, path: string): Route | undefined {
  const found = Object.entries(ROUTES).find(([, route]) => route.method === method && route.path === path);
  return found?.[0] as Route | undefined;
}

/** Hashes have one length, whatever is compared. @throws PeerLabError `unauthorized` */
function assertToken({ headers }: IncomingMessage, token: string): void {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  if (!timingSafeEqual(digest(headers.authorization ?? ''), digest(`Bearer ${token}`)))
    throw new PeerLabError('unauthorized');
}

/** A peer that writes meanwhile would find its files changed under it. */
function assertEnded({ program }: Keeper): void {
  if (program.isRunning)
    throw new PeerLabError('bad-request', {
      about: 'share',
      expected: 'the end of the program before',
      got: 'it runs',
    });
}

async function bodyOf<R extends keyof Calls>(request: IncomingMessage): Promise<Calls[R]['asked']> {
  const late = setTimeout(() => request.destroy(), BODY_TIMEOUT_MS);
  const parts: Buffer[] = [];
  let size = 0;
  try {
    for await (const part of request) {
      size += part.length;
      if (size > MAX_BODY_BYTES)
        throw new PeerLabError('body-too-large', { expected: `at most ${MAX_BODY_BYTES} bytes` });
      parts.push(part);
    }
  } finally {
    clearTimeout(late);
  }
  try {
    const body = JSON.parse(Buffer.concat(parts).toString());
    if (typeof body === 'object' && body !== null) return body;
  } catch {
    // Said below.
  }
  throw new PeerLabError('bad-request', { expected: 'an object in JSON' });
}

/** A link is none: it may lead out of the share. @throws PeerLabError `bad-name`, `bad-request` */
async function folderOf(share: string, under: string | null): Promise<string> {
  if (under === null) return share;
  assertName(under);
  const folder = path.join(share, under);
  const stats = await lstat(folder).catch(() => undefined);
  if (stats && !stats.isDirectory()) throw new PeerLabError('bad-request', { about: 'under', expected: 'a folder' });
  return folder;
}

function areTargets(targets: unknown): targets is readonly Target[] {
  return (
    Array.isArray(targets) &&
    targets.length <= MAX_DIALS &&
    targets.every(({ host, port }) => isIP(host) > 0 && Number.isInteger(port) && port > 0 && port < 65_536)
  );
}

function isTexts(value: unknown): value is Record<string, string> {
  if (typeof value !== 'object' || value === null) return false;
  return Object.values(value).every((text) => typeof text === 'string' && !text.includes('\0'));
}

async function* listOf(folder: string): AsyncGenerator<string> {
  let files = 0;
  for await (const file of readShare(folder)) {
    files++;
    yield `${JSON.stringify(file)}\n`;
  }
  yield `${JSON.stringify({ files } satisfies ListEnd)}\n`;
}

/** Asks the program itself. @throws PeerLabError `not-ready` */
function assertHealthy({ controlHost: host, controlPort: port }: Settings, gone: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const no = (got: string) => reject(new PeerLabError('not-ready', { about: 'the program', got }));
    const signal = AbortSignal.any([gone, AbortSignal.timeout(HEALTH_TIMEOUT_MS)]);
    http
      .get({ host, port, path: '/healthz', agent: false, signal }, (response) => {
        response.resume().on('error', () => {});
        if (response.statusCode === 200) resolve();
        else no(`status ${response.statusCode}`);
      })
      .on('error', (error) => no(signal.aborted ? 'no answer' : reasonOf(error)));
  });
}

function send(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}

/** Answers when the caller has sent all, or a moment later: Node closes the connection right after the answer, and what arrives then resets it. */
async function refuse(request: IncomingMessage, response: ServerResponse, thrown: unknown): Promise<void> {
  // Half an answer can't be taken back: whoever reads it sees that its end is missing.
  if (response.headersSent || response.destroyed) return void response.destroy();
  request.on('error', () => {}).resume();
  if (!request.complete) {
    const sent = new AbortController();
    request.once('close', () => sent.abort()).once('end', () => sent.abort());
    await sleep(LINGER_MS, undefined, { signal: sent.signal, ref: false }).catch(() => {});
  }
  if (response.destroyed) return;
  const error = toPeerLabError(thrown);
  response.setHeader('connection', 'close');
  send(response, error.kind.http, { error: error.toBody() });
}
