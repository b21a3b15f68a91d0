import { timingSafeEqual } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { RequestListener } from 'node:http';
import type { Express } from 'express';
import { Registry } from 'prom-client';
import { type Config, readConfig } from '#base/config.ts';
import { bearerToken, createHttpApp, type HttpApp, listenHttp } from '#base/http-service.ts';
import { knownLevel, type Logger } from '#base/logger.ts';
import { type HOST_ENV, PEER_ENV } from '#proto/env.ts';
import { PeerLabError, reasonOf, toPeerLabError } from '#proto/errors.ts';
import { type HostedPeers, hostedPeers, pathOfHosted, pathOfHostVerb } from '#proto/hosted-peers.ts';
import { type OpenControl, type Peer, startPeer, TransferMemory } from './peer.ts';

/** Each looks at its share when it starts: more at one time only make each wait longer. */
const STARTS_AT_ONCE = 4;
const MAX_BODY_BYTES = 1024;

export interface Host {
  readonly peers: number;
  readonly controlPort: number;
  stop(): Promise<void>;
}

/**
 * Starts many peers in this process, as `PEER_HOSTED` lists them, and listens when all have started. Each has its own share, gRPC
 * port, session, figures and settings; memory for transfers, CPU, event loop and HTTP port are shared.
 * @throws PeerLabError `bad-setting`, naming the peer
 */
export async function startHost(config: Config<typeof HOST_ENV>, logger: Logger): Promise<Host> {
  const list = await readList(config.PEER_HOSTED);
  const memory = new TransferMemory();
  const peers = new Map(list.map(({ name, env }) => [name, new HostedPeer(name, env, logger, memory)]));
  const waiting = peers.values();
  const starter = async () => {
    for (const peer of waiting) await peer.start();
  };
  await Promise.all(Array.from({ length: STARTS_AT_ONCE }, starter));
  const own = createHttpApp({
    ...{ logger, registry: new Registry(), maxBodyBytes: MAX_BODY_BYTES, isReady: () => true },
    routes: hostRoutes(peers),
  });
  const service = await listenHttp(dispatcher(peers, own), config.PEER_HOST, config.PEER_CONTROL_PORT);
  return {
    peers: peers.size,
    controlPort: service.port,
    stop: async () => {
      await Promise.all(Array.from(peers.values(), (peer) => peer.stop()));
      await service.close();
    },
  };
}

async function readList(file: string): Promise<HostedPeers> {
  try {
    return hostedPeers.parse(JSON.parse(await readFile(file, 'utf8')));
  } catch (cause) {
    throw new PeerLabError('bad-setting', {
      about: 'PEER_HOSTED',
      expected: 'a JSON file with a list of peers: [{"name": …, "env": {…}}, …]',
      got: reasonOf(cause),
      cause,
    });
  }
}

/** One peer of a host: it can be stopped and started again by itself, and keeps its settings, address and share. */
class HostedPeer {
  readonly #name: string;
  readonly #env: Record<string, string>;
  readonly #logger: Logger;
  readonly #memory: TransferMemory;
  #app: HttpApp | undefined;
  #peer: Peer | undefined;
  #turn: Promise<void> = Promise.resolve();

  constructor(name: string, env: Record<string, string>, logger: Logger, memory: TransferMemory) {
    this.#memory = memory;
    this.#name = name;
    this.#env = env;
    this.#logger = logger.child({ peer: name });
  }

  /** What answers its control port; undefined while it is stopped. */
  get app(): HttpApp | undefined {
    return this.#app;
  }

  allows(token: string | undefined): boolean {
    const [right, given] = [Buffer.from(this.#env.PEER_CONTROL_TOKEN ?? ''), Buffer.from(token ?? '')];
    return right.length > 0 && right.length === given.length && timingSafeEqual(right, given);
  }

  start(): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#peer) return;
      const config = readConfig(PEER_ENV, this.#env);
      this.#logger.level = knownLevel(config.LOG_LEVEL);
      const peer = await startPeer(config, this.#logger, this.#openControl, this.#memory);
      this.#peer = peer;
      void peer.scanned.then(() => this.#logger.info({ grpc: peer.address }, 'ready'));
    }).catch((error) => {
      const { code, message } = toPeerLabError(error);
      throw new PeerLabError(code, { about: this.#name, got: message, cause: error });
    });
  }

  stop(): Promise<void> {
    return this.#inTurn(async () => {
      const peer = this.#peer;
      this.#peer = undefined;
      await peer?.stop();
    });
  }

  /** A place on the host's port: the dispatcher finds it by the peer's name. */
  readonly #openControl: OpenControl = async (init) => {
    const app = createHttpApp(init);
    this.#app = app;
    const close = async () => {
      app.drain();
      this.#app = undefined;
    };
    return { port: 0, close };
  };

  #inTurn(work: () => Promise<void>): Promise<void> {
    const turn = this.#turn.then(work);
    this.#turn = turn.catch(() => {});
    return turn;
  }
}

const PEER_PATH = new RegExp(`^${pathOfHosted('([a-z0-9-]+)')}(/.*)$`);

/** To the peer that the path names, which sees the rest of the path; to the host itself otherwise. */
function dispatcher(peers: ReadonlyMap<string, HostedPeer>, own: HttpApp): RequestListener {
  return (req, res) => {
    const [, name = '', rest] = PEER_PATH.exec(req.url ?? '') ?? [];
    if (rest === undefined) return own.answer(req, res);
    const app = peers.get(name)?.app;
    // As where nobody listens: whoever asks must not take the host's answer for the peer's.
    if (!app) return void req.socket.destroy();
    req.url = rest;
    app.answer(req, res);
  };
}

/** What can be done to one peer of a host from outside, with the token of its control port. */
function hostRoutes(peers: ReadonlyMap<string, HostedPeer>): (app: Express) => void {
  const act = (name: string, authorization: string | undefined, work: (peer: HostedPeer) => Promise<void>) => {
    const peer = peers.get(name);
    if (!peer?.allows(bearerToken(authorization))) throw new PeerLabError('unauthorized');
    return work(peer);
  };
  return (app) => {
    app.post<{ name: string }>(pathOfHostVerb('stop', ':name'), async (req, res) => {
      await act(req.params.name, req.headers.authorization, (peer) => peer.stop());
      res.json({});
    });
    app.post<{ name: string }>(pathOfHostVerb('start', ':name'), async (req, res) => {
      await act(req.params.name, req.headers.authorization, (peer) => peer.start());
      res.json({});
    });
  };
}
