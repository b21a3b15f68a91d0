import http from 'node:http';
import https from 'node:https';
import { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { KubeConfig } from '@kubernetes/client-node';
import { PeerLabError, reasonOf } from '#proto/errors.ts';
import { interruption, within } from '../deadline.ts';
import { findKubeconfig } from './kubeconfig.ts';

const CALL_TIMEOUT_MS = 30_000;
/** A server that is away for so long comes back, or the run has lost its cluster. */
const PATIENCE_MS = 90_000;
const PAUSE_MS = { first: 250, most: 3000, growth: 2 };
const FORWARD_TIMEOUT_MS = 15_000;
const CONNECTIONS = 8;
const MAX_ANSWER_BYTES = 256 * 1024 * 1024;
/** The stream of the first port, in either direction; the next one is for its errors. */
const DATA = 0;

/** The server has refused something. */
export class ClusterRefusal extends PeerLabError {
  readonly status: number;

  constructor(about: string, status: number, got: string) {
    super('cluster-failed', { about, got: `${status}: ${got}` });
    this.status = status;
  }
}

export interface CallInit {
  readonly body?: object;
  readonly signal?: AbortSignal;
  /** How long it is tried again while the server is away or too busy. */
  readonly patienceMs?: number;
  /** For one answer. */
  readonly timeoutMs?: number;
  readonly contentType?: string;
}

export interface WatchEvent<T> {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  readonly object: T;
}

/** The API server of one cluster: straight by its REST interface, so that every call is counted. Settings and credentials are client-node's. */
export class Cluster {
  /** How many requests have been sent. */
  calls = 0;
  /** `https://10.0.0.1:6443, the context kind of /home/x/.kube/config` */
  readonly what: string;
  readonly #config: KubeConfig;
  readonly #server: string;
  readonly #agent: https.Agent | http.Agent;

  private constructor(config: KubeConfig, by: string, server: string) {
    this.#config = config;
    this.#server = server;
    const agent = server.startsWith('https:') ? https.Agent : http.Agent;
    this.#agent = new agent({ keepAlive: true, maxSockets: CONNECTIONS });
    this.what = `${server}, ${by}`;
  }

  /** Nothing is asked yet. @throws PeerLabError `no-cluster` when none is named */
  static async named(env: NodeJS.ProcessEnv = process.env): Promise<Cluster> {
    const found = findKubeconfig(env);
    if (!found) throw new PeerLabError('no-cluster', { got: 'no kubeconfig, and no account of a pod' });
    const { KubeConfig } = await import('@kubernetes/client-node');
    const config = new KubeConfig();
    try {
      if (found.kind === 'inside') config.loadFromCluster();
      else if (found.file === undefined) config.loadFromDefault();
      else config.loadFromFile(found.file);
      const server = config.getCurrentCluster()?.server.replace(/\/+$/, '');
      if (!server) throw new Error('it has no current context');
      const by = found.kind === 'inside' ? 'by the account of this pod' : `the context ${config.getCurrentContext()}`;
      return new Cluster(config, by, server);
    } catch (cause) {
      throw new PeerLabError('no-cluster', { got: `${found.by}: ${reasonOf(cause)}`, cause });
    }
  }

  close(): void {
    this.#agent.destroy();
  }

  /** @throws PeerLabError `cluster-lost` when nobody answers; `ClusterRefusal`; `interrupted` */
  async ask<T>(method: string, path: string, init: CallInit = {}): Promise<T> {
    const giveUpAt = performance.now() + (init.patienceMs ?? PATIENCE_MS);
    let pauseMs = PAUSE_MS.first;
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#once<T>(method, path, init);
      } catch (error) {
        if (init.signal?.aborted) throw interruption(init.signal);
        const status = error instanceof ClusterRefusal ? error.status : 0;
        // What was made by an attempt whose answer did not arrive.
        if (attempt > 1 && method === 'POST' && status === 409) return undefined as T;
        if (attempt > 1 && method === 'DELETE' && status === 404) return undefined as T;
        const mayPass = status === 0 || status === 429 || status >= 500;
        if (!mayPass || performance.now() + pauseMs > giveUpAt) {
          if (error instanceof PeerLabError) throw error;
          throw new PeerLabError('cluster-lost', { about: this.#server, got: reasonOf(error), cause: error });
        }
        await sleep(pauseMs, undefined, { ...(init.signal && { signal: init.signal }) }).catch(() => {});
        pauseMs = Math.min(PAUSE_MS.most, pauseMs * PAUSE_MS.growth);
      }
    }
  }

  /** Every change from `resourceVersion` on, until the server ends it, or the signal does. */
  async *watch<T>(path: string, resourceVersion: string, signal: AbortSignal): AsyncGenerator<WatchEvent<T>> {
    const query = `watch=1&allowWatchBookmarks=true&resourceVersion=${resourceVersion}`;
    const response = await this.#send('GET', `${path}${path.includes('?') ? '&' : '?'}${query}`, { signal }, 0);
    if (response.statusCode !== 200) throw refusalOf('watch', response.statusCode, await textOf(response));
    let rest = '';
    response.setEncoding('utf8');
    for await (const part of response) {
      const lines = (rest + part).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) if (line !== '') yield JSON.parse(line) as WatchEvent<T>;
    }
  }

  /** A connection to a port of a pod, through the API server. It heeds how fast either side takes what comes. */
  async forward(namespace: string, pod: string, port: number): Promise<Duplex> {
    const { PortForward } = await import('@kubernetes/client-node');
    this.calls++;
    const stream = new ForwardedStream();
    const forward = new PortForward(this.#config, false);
    // Only what this client calls of a stream: its own way loses sight of backpressure.
    const out = { write: (bytes: Buffer) => stream.arrived(bytes) } as unknown as Duplex;
    const err = { write: (bytes: Buffer) => stream.refused(bytes.toString()) } as unknown as Duplex;
    const none = { on: () => {} } as unknown as Duplex;
    const opening = forward.portForward(namespace, pod, [port], out, err, none) as unknown as Promise<Socket>;
    // One that comes too late is ended, since the stream has been by then.
    opening.then((socket) => stream.over(socket)).catch(() => {});
    try {
      await within(opening, FORWARD_TIMEOUT_MS, () => new Error(`no answer within ${FORWARD_TIMEOUT_MS} ms`));
    } catch (cause) {
      stream.destroy();
      const got =
        cause instanceof Error ? reasonOf(cause) : String((cause as { message?: string }).message ?? 'no word');
      const refused = /server response: (4\d\d)/.exec(got)?.[1];
      if (refused !== undefined) throw new ClusterRefusal(`port-forward to ${pod}`, Number(refused), got);
      throw new PeerLabError('cluster-lost', { about: `port-forward to ${pod}`, got, cause });
    }
    return stream;
  }

  async #once<T>(method: string, path: string, init: CallInit): Promise<T> {
    const response = await this.#send(method, path, init, init.timeoutMs ?? CALL_TIMEOUT_MS);
    const text = await textOf(response);
    const status = response.statusCode ?? 0;
    if (status < 200 || status > 299) throw refusalOf(`${method} ${path.split('?')[0]}`, status, text);
    return (response.headers['content-type']?.includes('json') ? JSON.parse(text) : text) as T;
  }

  /** @param timeoutMs 0: it may take its time */
  async #send(method: string, path: string, init: CallInit, timeoutMs: number): Promise<http.IncomingMessage> {
    const options: https.RequestOptions = { method };
    await this.#config.applyToHTTPSOptions(options as Parameters<KubeConfig['applyToHTTPSOptions']>[0]);
    // Its own agent begins a connection for each call; one that leads through a proxy is kept.
    const ownAgent = this.#config.getCurrentCluster()?.proxyUrl ? options.agent : this.#agent;
    const body = init.body === undefined ? undefined : JSON.stringify(init.body);
    const signals = [init.signal, timeoutMs > 0 ? AbortSignal.timeout(timeoutMs) : undefined];
    const headers = {
      ...options.headers,
      accept: 'application/json',
      ...(body !== undefined && {
        'content-type': init.contentType ?? 'application/json',
        'content-length': Buffer.byteLength(body),
      }),
    };
    this.calls++;
    const { promise, resolve, reject } = Promise.withResolvers<http.IncomingMessage>();
    const { request } = this.#server.startsWith('https:') ? https : http;
    const signal = AbortSignal.any(signals.filter((one) => one !== undefined));
    request(`${this.#server}${path}`, { ...options, agent: ownAgent ?? false, headers, signal }, resolve)
      .on('error', reject)
      .end(body);
    return promise;
  }
}

/** What is used of a WebSocket of the package ws. */
interface Socket {
  send(bytes: Buffer, done: (error?: Error) => void): void;
  pause(): void;
  resume(): void;
  close(): void;
  terminate(): void;
  onclose: (event: { reason?: string }) => void;
  onerror: (event: { message?: string }) => void;
}

/** One forwarded port as a stream: the frames of a WebSocket, each with the number of its channel before it. */
class ForwardedStream extends Duplex {
  #socket: Socket | undefined;
  #isFull = false;

  constructor() {
    super();
    // It may break before anybody has it: `errored` says so then.
    this.on('error', () => {});
  }

  over(socket: Socket): void {
    this.#socket = socket;
    socket.onclose = () => this.destroy();
    socket.onerror = ({ message }) => void this.destroy(new Error(message ?? 'the connection broke'));
    if (this.#isFull) socket.pause();
    if (this.destroyed) socket.terminate();
  }

  arrived(bytes: Buffer): void {
    if (bytes.length === 0 || this.destroyed) return;
    this.#isFull = !this.push(bytes);
    if (this.#isFull) this.#socket?.pause();
  }

  refused(text: string): void {
    if (text.length > 0) this.destroy(new Error(text.trim()));
  }

  override _read(): void {
    if (!this.#isFull) return;
    this.#isFull = false;
    this.#socket?.resume();
  }

  override _write(bytes: Buffer, _: BufferEncoding, done: (error?: Error | null) => void): void {
    const frame = Buffer.allocUnsafe(bytes.length + 1);
    frame[0] = DATA;
    bytes.copy(frame, 1);
    if (this.#socket) this.#socket.send(frame, (error) => done(error ?? null));
    else done(new Error('not connected'));
  }

  override _final(done: () => void): void {
    this.#socket?.close();
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#socket?.terminate();
    done(error);
  }
}

function refusalOf(about: string, status: number | undefined, text: string): ClusterRefusal {
  let said = text.slice(0, 500);
  try {
    said = JSON.parse(text).message ?? said;
  } catch {
    // Not the API server's.
  }
  return new ClusterRefusal(about, status ?? 0, said);
}

async function textOf(response: http.IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of response) {
    size += part.length;
    if (size > MAX_ANSWER_BYTES) throw new Error('an answer without an end');
    parts.push(part);
  }
  return Buffer.concat(parts).toString();
}
