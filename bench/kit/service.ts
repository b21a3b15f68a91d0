import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type HostedPeers, pathOfHosted } from '#proto/hosted-peers.ts';
import { FreePorts } from '../../lab/machine/ports.ts';
import { cpuSecondsOf, peakMemoryOf } from './tools.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
/** As bin/start and the process driver set them. */
const FLAGS = ['--max-semi-space-size=1'];
const COMPILE_CACHE = join(ROOT, 'node_modules/.cache/peerlab');
/** A share of many gigabytes is hashed before its peer is ready. */
const READY_TIMEOUT_MS = 180_000;
const STOP_TIMEOUT_MS = 10_000;

/** A folder for all that a benchmark makes, removed when it is over, however. */
export class Workshop implements AsyncDisposable {
  readonly folder = mkdtempSync(join(process.env.PEERLAB_BENCH_DIR ?? tmpdir(), 'peerlab-bench-'));
  readonly #services = new Set<Service>();
  #made = 0;

  newFolder(): string {
    const folder = join(this.folder, `${++this.#made}`);
    mkdirSync(folder);
    return folder;
  }

  /** A directory, ready. */
  async directory(): Promise<Service> {
    const env = { DIRECTORY_PORT: '0', LOG_LEVEL: 'info' };
    return this.#started(await Service.start('directory', env, ({ url }) => String(url)));
  }

  /** A peer with the share folder, ready. */
  async peer(share: string, env: Record<string, string> = {}): Promise<Peer> {
    return this.#started(await Peer.launch(share, env)) as Peer;
  }

  /** Many peers in one process, one for each of these settings, with empty shares; ready. */
  async host(settings: readonly Record<string, string>[]): Promise<Host> {
    return this.#started(await Host.launch(this.newFolder(), settings)) as Host;
  }

  #started<S extends Service>(service: S): S {
    this.#services.add(service);
    return service;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const service of this.#services) await service.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

type Ready = Record<string, string | number>;

/** One of PeerLab's services as a process of its own, built from the sources of now. */
export class Service {
  readonly url: string;
  readonly #child: ChildProcess;
  readonly ready: Ready;

  protected constructor(child: ChildProcess, ready: Ready, url: string) {
    this.#child = child;
    this.ready = ready;
    this.url = url;
  }

  static async start(
    kind: 'directory' | 'peer',
    env: Record<string, string>,
    urlOf: (ready: Ready) => string,
  ): Promise<Service> {
    const { child, ready } = await spawnService(kind, env);
    return new Service(child, ready, urlOf(ready));
  }

  get pid(): number {
    return this.#child.pid as number;
  }

  get cpuSeconds(): number {
    return cpuSecondsOf(this.pid);
  }

  get peakMemoryBytes(): number {
    return peakMemoryOf(this.pid);
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGTERM');
    const hard = setTimeout(() => this.#child.kill('SIGKILL'), STOP_TIMEOUT_MS);
    await ended;
    clearTimeout(hard);
  }
}

const TOKEN = 'bench';
let users = 0;

/** A peer that can be told what to do, wherever it runs. */
export interface Controlled {
  readonly url: string;
  /** @throws with the peer's own words when it refuses */
  control<T = Record<string, unknown>>(verb: string, body?: object): Promise<T>;
}

export class Peer extends Service implements Controlled {
  readonly share: string;

  private constructor(child: ChildProcess, ready: Ready, share: string) {
    super(child, ready, `http://127.0.0.1:${ready.control}`);
    this.share = share;
  }

  static async launch(share: string, env: Record<string, string>): Promise<Peer> {
    const { child, ready } = await spawnService('peer', peerEnv(share, env));
    return new Peer(child, ready, share);
  }

  /** `ip:port` of its gRPC service. */
  get address(): string {
    return String(this.ready.grpc);
  }

  control<T = Record<string, unknown>>(verb: string, body: object = {}): Promise<T> {
    return controlOf(this.url, verb, body);
  }
}

/** Many peers in one process. */
export class Host extends Service {
  /** Of all of them. */
  readonly share: string;
  readonly peers: readonly Controlled[];

  private constructor(child: ChildProcess, ready: Ready, share: string, list: HostedPeers) {
    const url = `http://127.0.0.1:${ready.control}`;
    super(child, ready, url);
    this.share = share;
    this.peers = list.map(({ name }) => {
      const peerUrl = `${url}${pathOfHosted(name)}`;
      return { url: peerUrl, control: (verb, body = {}) => controlOf(peerUrl, verb, body) };
    });
  }

  /** @param folder empty: a share for each of them is made in it */
  static async launch(folder: string, settings: readonly Record<string, string>[]): Promise<Host> {
    const list = settings.map((env, i) => {
      const share = join(folder, `${i}`);
      mkdirSync(share);
      return { name: `peer-${i}`, env: peerEnv(share, env) };
    });
    const PEER_HOSTED = join(folder, 'hosted.json');
    writeFileSync(PEER_HOSTED, JSON.stringify(list));
    const { child, ready } = await spawnService('peer', { PEER_HOSTED, PEER_CONTROL_PORT: '0' });
    return new Host(child, ready, folder, list);
  }
}

function peerEnv(share: string, env: Record<string, string>): Record<string, string> {
  return {
    ...{ PEER_USER: `bench-${++users}`, PEER_PASSWORD: 'bench', PEER_CONTROL_TOKEN: TOKEN },
    ...{ PEER_PORT: '0', PEER_CONTROL_PORT: '0', PEER_SHARE_DIR: share },
    ...env,
  };
}

async function controlOf<T>(url: string, verb: string, body: object): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  const request = http.request(`${url}/control/${verb}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
  });
  request.on('error', reject).on('response', async (response) => {
    let text = '';
    for await (const part of response) text += part;
    if (response.statusCode === 200) resolve(JSON.parse(text));
    else reject(new Error(`${verb}: ${text}`));
  });
  request.end(JSON.stringify(body));
  return promise;
}

async function spawnService(
  kind: 'directory' | 'peer',
  env: Record<string, string>,
): Promise<{ child: ChildProcess; ready: Ready }> {
  const main = join(ROOT, 'dist/images', kind, 'main.js');
  const { PATH, HOME } = process.env;
  const child = spawn(process.execPath, [...FLAGS, main], {
    env: { PATH, HOME, NODE_ENV: 'production', NODE_COMPILE_CACHE: COMPILE_CACHE, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const late = setTimeout(() => child.kill('SIGKILL'), READY_TIMEOUT_MS);
  const lines = createInterface({ input: child.stdout });
  const { promise, resolve, reject } = Promise.withResolvers<Ready>();
  lines.on('line', (line) => {
    const said = JSON.parse(line);
    // Each peer of a host says so as well, before the host does.
    if (said.msg === 'ready' && said.peer === undefined) resolve(said);
  });
  child.once('exit', () => reject(new Error(`the ${kind} ended before it was ready`)));
  const ready = await promise;
  clearTimeout(late);
  return { child, ready };
}

/** A web server for a folder, as people would set one up to hand out files: sendfile, no log. */
export async function nginx(
  command: string,
  root: string,
  work: string,
): Promise<{ url: string; stop(): Promise<void> }> {
  const port = await new FreePorts().take();
  const config = join(work, 'nginx.conf');
  writeFileSync(
    config,
    `daemon off; worker_processes 2; pid ${join(work, 'nginx.pid')}; error_log stderr; user root;
events { worker_connections 1024; }
http { access_log off; sendfile on; tcp_nopush on; keepalive_requests 100000;
  client_body_temp_path ${work}; proxy_temp_path ${work}; fastcgi_temp_path ${work}; uwsgi_temp_path ${work}; scgi_temp_path ${work};
  server { listen 127.0.0.1:${port}; root ${root}; } }
`,
  );
  const child = spawn(command, ['-c', config, '-p', work], { stdio: ['ignore', 'ignore', 'ignore'] });
  const url = `http://127.0.0.1:${port}`;
  for (let tries = 0; tries < 100 && !(await answers(url)); tries++) await new Promise((done) => setTimeout(done, 50));
  return {
    url,
    stop: async () => {
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      await ended;
    },
  };
}

async function answers(url: string): Promise<boolean> {
  return fetch(url).then(
    () => true,
    () => false,
  );
}
