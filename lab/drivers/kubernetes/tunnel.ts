import { randomBytes } from 'node:crypto';
import { type EventEmitter, once } from 'node:events';
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import http2, { type ClientHttp2Session } from 'node:http2';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { PeerLabError, reasonOf } from '#proto/errors.ts';
import { Dialled } from './dialled.ts';
import { TUNNEL } from './tunnel-settings.ts';

/** A gateway that can't be reached for so long: what waits for it fails; what comes later is tried once. */
const PATIENCE_MS = 75_000;
const PAUSE_MS = { first: 100, most: 2000, growth: 2 };
const CONNECT_TIMEOUT_MS = 15_000;
/** A connection on which nothing has come for so long is given up: a network that drops everything tells nobody. */
const SILENT_AFTER_MS = 30_000;
const PINGS_UNTIL_SILENT = 3;
const STEADY_MS = 10_000;
const STEADY_PAUSE_MS = 300;
const SECRET_BYTES = 16;
/** Hop by hop: those of one connection are not those of the next. */
const NOT_PASSED_ON = new Set(['connection', 'keep-alive', 'transfer-encoding', 'upgrade', 'proxy-connection', 'te']);

export interface TunnelInit {
  /** A new connection to the gateway. */
  readonly connect: () => Promise<Duplex>;
  readonly token: string;
  /** Who listens there is always there: a connection that is refused is tried again, since rules of networks come a moment after pods. */
  readonly steadyPorts?: readonly number[];
  /** A connection broke that had been there, and with it all requests that were under way. */
  readonly broke?: () => void;
  /** Ends it. */
  readonly signal: AbortSignal;
  readonly silentAfterMs?: number;
}

/**
 * THE LAB'S END of the tunnel: one connection to the gateway, made anew when it breaks, and a listener at this machine's loopback by which
 * all that speaks HTTP reaches instances: `http://127.0.0.1:<port>/<secret>/<ip>:<port>/…`. Who does not know the secret gets nothing.
 */
export class Tunnel {
  readonly #init: TunnelInit;
  readonly #secret = randomBytes(SECRET_BYTES).toString('hex');
  readonly #server: http.Server;
  #session: Promise<ClientHttp2Session> | undefined;
  /** Since when it can't be reached. */
  #awaySince: number | undefined;
  /** How often a connection was made. */
  connections = 0;

  private constructor(init: TunnelInit) {
    this.#init = init;
    this.#server = http.createServer({ requestTimeout: 0, keepAliveTimeout: 60_000 }, (request, response) => {
      this.#pass(request, response).catch(() => request.socket.destroy());
    });
    init.signal.addEventListener('abort', () => this.#close(), { once: true });
  }

  /** Listens. The gateway is asked for when the first request comes. */
  static async open(init: TunnelInit): Promise<Tunnel> {
    const tunnel = new Tunnel(init);
    tunnel.#server.listen(0, '127.0.0.1');
    await once(tunnel.#server, 'listening');
    if (init.signal.aborted) tunnel.#close();
    return tunnel;
  }

  /** Where `ip:port` is found from here. */
  urlOf(address: string): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/${this.#secret}/${address}`;
  }

  /** Waits until the gateway answers. @throws PeerLabError `cluster-lost` */
  async ready(): Promise<void> {
    await this.#connected();
  }

  async #pass(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [, secret, address, rest] = /^\/([0-9a-f]+)\/([^/]+)(\/.*)$/s.exec(request.url ?? '') ?? [];
    if (secret !== this.#secret || !address || !rest) return void response.writeHead(404).end();
    const gone = new AbortController();
    response.on('close', () => gone.abort());
    const stream = await this.#reach(address, gone.signal);
    const headers = { ...Object.fromEntries(passedOn(request.headers)), host: address, connection: 'close' };
    const onward = http.request({ createConnection: () => stream, method: request.method, path: rest, headers });
    // Whatever breaks, breaks here as it did there: by the end of the connection.
    const broke = () => {
      onward.destroy();
      request.socket.destroy();
    };
    onward.on('error', broke);
    stream.on('error', broke);
    gone.signal.addEventListener('abort', () => stream.destroy(), { once: true });
    onward.on('response', (answer) => {
      response.writeHead(answer.statusCode ?? 502, Object.fromEntries(passedOn(answer.headers)));
      answer.on('error', broke);
      answer.on('aborted', broke);
      answer.pipe(response);
    });
    request.on('error', broke);
    request.pipe(onward);
  }

  /** What was not connected when the session broke has sent nothing to anybody: it is dialled again, over the next one. */
  async #reach(address: string, gone: AbortSignal): Promise<Duplex> {
    const port = Number(address.slice(address.lastIndexOf(':') + 1));
    const isSteady = this.#init.steadyPorts?.includes(port) ?? false;
    const began = performance.now();
    for (;;) {
      const session = await this.#usable();
      try {
        return await this.#dial(session, address, gone);
      } catch (error) {
        gone.throwIfAborted();
        const waitedMs = performance.now() - began;
        if (session.destroyed && waitedMs < PATIENCE_MS) continue;
        if (!isSteady || waitedMs > STEADY_MS) throw error;
        await sleep(STEADY_PAUSE_MS, undefined, { signal: gone });
      }
    }
  }

  /** @throws Error when nobody listens there, or the session breaks before somebody answers */
  async #dial(session: ClientHttp2Session, address: string, gone: AbortSignal): Promise<Duplex> {
    gone.throwIfAborted();
    const stream = session.request({
      ...{ ':method': 'CONNECT', ':authority': address },
      authorization: `Bearer ${this.#init.token}`,
    });
    try {
      const [{ ':status': status, ...headers }] = await answerOf(stream, 'response', gone);
      if (status !== 200) throw new Error(`${address}: ${headers['x-peerlab-reason'] ?? status}`);
      return new Dialled(stream);
    } catch (error) {
      stream.on('error', () => {});
      stream.destroy();
      throw error;
    }
  }

  /** One that broke just now may not be forgotten yet. */
  async #usable(): Promise<ClientHttp2Session> {
    const session = await this.#connected();
    if (!session.destroyed && !session.closed) return session;
    this.#session = undefined;
    return this.#connected();
  }

  #connected(): Promise<ClientHttp2Session> {
    this.#session ??= this.#connect().catch((error) => {
      this.#session = undefined;
      throw error;
    });
    return this.#session;
  }

  async #connect(): Promise<ClientHttp2Session> {
    const { signal } = this.#init;
    this.#awaySince ??= performance.now();
    const giveUpAt = this.#awaySince + PATIENCE_MS;
    let pauseMs = PAUSE_MS.first;
    for (;;) {
      signal.throwIfAborted();
      try {
        const session = await sessionOver(await this.#init.connect(), this.#init.silentAfterMs);
        this.connections++;
        this.#awaySince = undefined;
        const forget = () => {
          if (this.#session) this.#session = undefined;
          if (!signal.aborted) this.#init.broke?.();
        };
        session.once('close', forget);
        signal.addEventListener('abort', () => session.destroy(), { once: true });
        return session;
      } catch (error) {
        // Who may not will not be allowed later.
        if (error instanceof PeerLabError && error.code === 'cluster-failed') throw error;
        if (performance.now() + pauseMs > giveUpAt)
          throw new PeerLabError('cluster-lost', {
            about: 'the gateway of this run',
            got: reasonOf(error),
            cause: error,
          });
        await sleep(pauseMs, undefined, { signal }).catch(() => {});
        pauseMs = Math.min(PAUSE_MS.most, pauseMs * PAUSE_MS.growth);
      }
    }
  }

  #close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}

/** A session that has proved that somebody is at the other end. */
async function sessionOver(duplex: Duplex, silentAfterMs = SILENT_AFTER_MS): Promise<ClientHttp2Session> {
  if (duplex.destroyed) throw duplex.errored ?? new Error('the connection broke');
  const session = http2.connect('http://gateway', { ...TUNNEL.options, createConnection: () => duplex });
  session.on('error', () => duplex.destroy());
  duplex.on('error', () => session.destroy());
  duplex.on('close', () => session.destroy());
  try {
    await answerOf(session, 'remoteSettings', AbortSignal.timeout(CONNECT_TIMEOUT_MS));
  } catch (error) {
    session.destroy();
    duplex.destroy();
    throw error;
  }
  session.setLocalWindowSize(TUNNEL.sessionWindowBytes);
  // To the moment, and not at the next ping: for how long a silence may last does not hang on when it began.
  const silence = setTimeout(() => session.destroy(new Error('it is silent')), silentAfterMs);
  const pings = setInterval(() => {
    if (!session.destroyed) session.ping((error) => error ?? silence.refresh());
  }, silentAfterMs / PINGS_UNTIL_SILENT);
  session.on('close', () => {
    clearInterval(pings);
    clearTimeout(silence);
  });
  return session;
}

/** As `once`; and it ends as well when that which is to answer closes without an error, as all do whose connection was ended in order. */
async function answerOf(asked: EventEmitter, event: string, signal: AbortSignal) {
  const closed = new AbortController();
  const close = () => closed.abort(new Error('the connection broke'));
  asked.once('close', close);
  try {
    return await once(asked, event, { signal: AbortSignal.any([signal, closed.signal]) });
  } finally {
    asked.off('close', close);
  }
}

function passedOn(headers: http.IncomingHttpHeaders): [string, string | string[]][] {
  return Object.entries(headers).filter(
    (entry): entry is [string, string | string[]] => entry[1] !== undefined && !NOT_PASSED_ON.has(entry[0]),
  );
}
