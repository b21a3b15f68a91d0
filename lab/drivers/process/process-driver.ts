import { mkdir, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { addressText } from '#proto/addresses.ts';
import type { HostEnv } from '#proto/env.ts';
import { PeerLabError } from '#proto/errors.ts';
import type { HostedPeers } from '#proto/hosted-peers.ts';
import { PROMISES } from '#proto/promises.ts';
import { createLimit } from '../../limit.ts';
import { FreePorts, LOOPBACK } from '../../machine/ports.ts';
import type { PostgresServer } from '../../machine/postgres.ts';
import { readShare, writeShare } from '../../machine/share-folder.ts';
import { buildServices, COMPILE_CACHE, ROOT } from '../artifacts.ts';
import { interruption } from '../deadline.ts';
import type { DirectorySpec, Driver, DriverInit, HostSpec, Instance, PeerSpec } from '../driver.ts';
import { HostedPeer, refuseInHost, SharedUsage } from '../hosted-peer.ts';
import { defined, peerEnv, type Whereabouts } from '../peer-env.ts';
import type { Program, Tested } from '../program.ts';
import { waitUntilHealthy } from '../readiness.ts';
import { stopOrKill, Works } from '../works.ts';
import { processCapabilities } from './capabilities.ts';
import { findCommand, wordsOf } from './command.ts';
import { FRONT, frontCommand, frontEnv, nameBackends, startDatabase } from './common-ground.ts';
import { type ProcessInit, ProcessInstance } from './process-instance.ts';
import { folderOf, processSweeper } from './sweeper.ts';

/** Another program may take a port between our choosing it and the instance's listening on it. */
const PORT_ATTEMPTS = 3;
const PORT_TAKEN = /EADDRINUSE|address already in use/i;
/** Keeps the young generation small: faster and smaller with streams (docs/transfers.md has the figures). */
const PEER_FLAGS = ['--max-semi-space-size=1'];
/** With a large old generation, collecting the young one that often costs as much as the requests. */
const DIRECTORY_FLAGS = ['--max-semi-space-size=4'];
/** Without it glibc keeps the memory of password hashes: 19 MiB for each thread that ever made one. */
const MALLOC = { MALLOC_MMAP_THRESHOLD_: '1048576' };
const SETTLE_TIMEOUT_MS = 10_000;

/** @param host the address of this machine that all instances listen at, such as `::1` */
export function createProcessDriver(init: DriverInit, host = LOOPBACK): Driver {
  return new ProcessDriver(init, host);
}

/** Directory and peers as child processes on a loopback address, with all their files in one temporary folder. */
class ProcessDriver implements Driver {
  readonly kind = 'process';
  artifacts: Record<string, string> = {};
  readonly tested: Tested[] = [];
  readonly #init: DriverInit;
  readonly #folder: string;
  readonly #host: string;
  readonly #ports: FreePorts;
  readonly #limit = createLimit(Math.max(4, 2 * availableParallelism()));
  readonly #instances: ProcessInstance[] = [];
  readonly #works: Works;
  readonly #closing = new AbortController();
  readonly #hurry = new AbortController();
  readonly #signal: AbortSignal;
  #commands: Record<Instance['role'], readonly string[]> = { directory: [], peer: [] };
  /** Of several directories. */
  #database: PostgresServer | undefined;
  #ending: Promise<string[]> | undefined;

  constructor(init: DriverInit, host: string) {
    this.#init = init;
    this.#host = host;
    this.#ports = new FreePorts(host);
    this.#folder = folderOf(init.runId);
    this.#signal = AbortSignal.any([init.signal, this.#closing.signal]);
    this.#works = new Works(this.#signal);
  }

  async prepare(report: (what: string) => void): Promise<void> {
    const { directoryImage, peerImage } = this.#init;
    const services = await buildServices(report, this.#signal);
    const own = (flags: readonly string[], program: string) => [process.execPath, ...flags, program];
    this.#commands = {
      directory: directoryImage === undefined ? own(DIRECTORY_FLAGS, services.directory) : wordsOf(directoryImage),
      peer: peerImage === undefined ? own(PEER_FLAGS, services.peer) : wordsOf(peerImage),
    };
    this.artifacts = {
      node: process.version,
      directory: directoryImage ?? `peerlab ${services.version} (${services.hash.slice(0, 12)})`,
      peer: peerImage ?? `peerlab ${services.version} (${services.hash.slice(0, 12)})`,
    };
    const mine: Program = { name: 'peerlab', version: services.version, digest: `sha256:${services.hash}` };
    this.tested.push(
      { role: 'directory', ...(await testedAs(directoryImage, mine)) },
      { role: 'peer', ...(await testedAs(peerImage, mine)) },
    );
    if (this.#signal.aborted) throw interruption(this.#signal);
    await mkdir(join(this.#folder, 'tmp'), { recursive: true });
  }

  startDirectory(spec: DirectorySpec): Promise<Instance> {
    return this.#start(async () => {
      const port = await this.#ports.take();
      const url = `http://${this.#at(port)}`;
      const state = join(this.#folder, 'state', spec.name);
      const where = { DIRECTORY_HOST: this.#host, DIRECTORY_PORT: String(port), DIRECTORY_DATA_DIR: state };
      const env = { ...spec.env, ...MALLOC, ...where };
      return this.#process({ name: spec.name, role: 'directory', url, address: url }, env);
    });
  }

  /** The front comes first, since its address is that of all of them; whom it sends to, it learns when they are there. */
  async startReplicas(specs: readonly DirectorySpec[]): Promise<Instance[]> {
    const env = { PEERLAB_RUN: this.#init.runId };
    const database = await this.#works.begin(async () => {
      // Kept before it is waited for any longer: what came of it is ended with all else.
      this.#database = await startDatabase({ folder: this.#folder, logsDir: this.#init.logsDir, env });
      return this.#database;
    });
    const backends = join(this.#folder, 'backends');
    const front = await this.#start(async () => {
      const [port, healthPort] = [await this.#ports.take(), await this.#ports.take()];
      const address = `http://${this.#at(port)}`;
      const env = frontEnv({ host: this.#host, port, healthPort, backends });
      return this.#process(
        { name: FRONT, role: 'directory', url: `http://${this.#at(healthPort)}`, address },
        env,
        frontCommand(),
      );
    });
    const { address } = front;
    const replicas = await Promise.all(
      specs.map(({ name, env }) =>
        this.#start(async () => {
          const port = await this.#ports.take();
          const where = {
            DIRECTORY_HOST: this.#host,
            DIRECTORY_PORT: String(port),
            DIRECTORY_DATABASE_URL: database.url,
          };
          const url = `http://${this.#at(port)}`;
          return this.#process({ name, role: 'directory', url, address }, { ...env, ...MALLOC, ...where });
        }),
      ),
    );
    await nameBackends(
      backends,
      replicas.map(({ url }) => url),
    );
    const { gone } = front as ProcessInstance;
    await waitUntilHealthy(`${address}/healthz`, FRONT, this.#readyMs, this.#signal, gone);
    return replicas;
  }

  async startPeer(spec: PeerSpec): Promise<Instance> {
    this.#refuseLimits(spec);
    await this.#noteOwn(spec.image);
    const shareFolder = join(this.#folder, 'shares', spec.name);
    return this.#start(
      async () => {
        const [port, controlPort] = [await this.#ports.take(), await this.#ports.take()];
        const address = this.#at(port);
        const env = { ...peerEnv(spec, this.#where(address, shareFolder)), PEER_CONTROL_PORT: String(controlPort) };
        const url = `http://${this.#at(controlPort)}`;
        const own = spec.image === undefined ? spec.double && doubleCommand(spec.double) : wordsOf(spec.image);
        return this.#process({ name: spec.name, role: 'peer', url, address, shareFolder }, env, own);
      },
      () => writeShare(shareFolder, spec.share, this.#signal),
    );
  }

  /** The shares lie where those of other peers do; the list of settings beside them, readable for this user only. */
  async startHost(spec: HostSpec): Promise<Instance[]> {
    refuseInHost(spec, this.#init);
    const shareOf = ({ name }: PeerSpec) => join(this.#folder, 'shares', name);
    const listFile = join(this.#folder, `${spec.name}.json`);
    const addresses = new Map<PeerSpec, string>();
    const host = await this.#start(
      async () => {
        const list: HostedPeers = [];
        for (const peer of spec.peers) {
          const address = this.#at(await this.#ports.take());
          addresses.set(peer, address);
          list.push({ name: peer.name, env: defined(peerEnv(peer, this.#where(address, shareOf(peer)))) });
        }
        await writeFile(listFile, JSON.stringify(list), { mode: 0o600 });
        const controlPort = await this.#ports.take();
        const url = `http://${this.#at(controlPort)}`;
        const env: HostEnv = { PEER_HOSTED: listFile, PEER_HOST: this.#host, PEER_CONTROL_PORT: String(controlPort) };
        return this.#process({ name: spec.name, role: 'peer', url, address: url }, env);
      },
      async () => {
        for (const peer of spec.peers) await writeShare(shareOf(peer), peer.share, this.#signal);
      },
    );
    const usage = new SharedUsage(host, spec.peers.length);
    return spec.peers.map(
      (peer) =>
        new HostedPeer({
          ...{ spec: peer, host, usage, address: addresses.get(peer) as string },
          storedFiles: () => readShare(shareOf(peer)),
        }),
    );
  }

  restart(instance: Instance): Promise<Instance> {
    if (instance instanceof HostedPeer) return instance.again();
    const { init, gone } = instance as ProcessInstance;
    return this.#start(async () => {
      if (!gone.aborted) throw new PeerLabError('internal', { about: init.name, expected: 'its end before a restart' });
      return init;
    });
  }

  #where(address: string, shareDir: string): Whereabouts {
    return { host: this.#host, address, shareDir };
  }

  #at(port: number): string {
    return addressText({ ip: this.#host, port });
  }

  /** The program of single peers, once for all of them. */
  async #noteOwn(image: string | undefined): Promise<void> {
    if (image === undefined || this.artifacts[`peer ${image}`] !== undefined) return;
    this.artifacts[`peer ${image}`] = image;
    this.tested.push({ role: 'peer', asked: image, ...(await findCommand(image)) });
  }

  #refuseLimits({ name, memoryBytes, cpus, diskBytes }: PeerSpec): void {
    const can = processCapabilities();
    const lack =
      (memoryBytes !== undefined && can['memory-limit'](memoryBytes)) ||
      (cpus !== undefined && can['cpu-limit'](cpus)) ||
      (diskBytes !== undefined && can['disk-limit'](diskBytes));
    if (lack) throw new PeerLabError('not-capable', { about: name, got: `${lack.why}; ${lack.help}` });
  }

  end(orderly: boolean): Promise<string[]> {
    if (!orderly) this.#hurry.abort();
    this.#ending ??= this.#end().catch((error) => [`the end of the run failed: ${error}`]);
    return this.#ending;
  }

  /** One at a time of `limit`; `make` chooses ports and gives a process that is about to be started with them. */
  #start(make: () => Promise<ProcessInit>, before = async () => {}): Promise<Instance> {
    return this.#works.begin(() =>
      this.#limit(async () => {
        if (this.#signal.aborted) throw interruption(this.#signal);
        await before();
        for (let attempt = 1; ; attempt++) {
          const init = await make();
          // From here to the end of the constructor nothing waits: no instance can come into being after `end` has begun.
          if (this.#signal.aborted) throw interruption(this.#signal);
          const instance = new ProcessInstance(init);
          this.#instances.push(instance);
          const log = await this.#untilReady(instance);
          if (log === undefined) return instance;
          if (attempt < PORT_ATTEMPTS && PORT_TAKEN.test(log)) continue;
          throw new PeerLabError('instance-exited', {
            about: init.name,
            got: `"${await instance.ended}" before it was ready; its last words:\n${log || '(nothing)'}`,
          });
        }
      }),
    );
  }

  /** @returns undefined when it is ready, the end of its log when it ended instead. */
  async #untilReady(instance: ProcessInstance): Promise<string | undefined> {
    await waitUntilHealthy(`${instance.url}/healthz`, instance.name, this.#readyMs, this.#signal, instance.gone);
    return instance.gone.aborted ? instance.logTail() : undefined;
  }

  get #readyMs(): number {
    return this.#init.readyTimeoutMs ?? PROMISES.ready.ms;
  }

  #process(
    what: Pick<ProcessInit, 'name' | 'role' | 'url' | 'address' | 'shareFolder'>,
    settings: Readonly<Record<string, string | undefined>>,
    ownCommand?: readonly string[],
  ): ProcessInit {
    const { PATH, HOME, LANG } = process.env;
    const TMPDIR = join(this.#folder, 'tmp');
    const node = { NODE_ENV: 'production', NODE_COMPILE_CACHE: COMPILE_CACHE };
    const env = { PATH, HOME, LANG, TMPDIR, ...node, ...settings, PEERLAB_RUN: this.#init.runId };
    const users = ownCommand ?? (what.role === 'peer' ? this.#init.peerImage : this.#init.directoryImage);
    return {
      ...what,
      command: ownCommand ?? this.#commands[what.role],
      env: defined(env),
      // A command of the user's may name its program relative to where the user is.
      cwd: users === undefined ? this.#folder : process.cwd(),
      logFile: join(this.#init.logsDir, `${what.name}.log`),
      onKill: (graceMs) => this.#init.onKill?.(what.name, graceMs),
    };
  }

  async #end(): Promise<string[]> {
    this.#closing.abort();
    await this.#works.settled(SETTLE_TIMEOUT_MS);
    await Promise.allSettled(this.#instances.map((instance) => stopOrKill(instance, this.#hurry.signal)));
    if (this.#hurry.signal.aborted) this.#database?.signal('SIGQUIT');
    await this.#database?.stop();
    // Processes that left their group still carry the run's id in their environment.
    const left = await processSweeper.sweep(this.#init.runId);
    const alive = this.#instances.filter((instance) => !instance.gone.aborted);
    return [...alive.map((instance) => `process of ${instance.name} is still there`), ...left];
  }
}

/** A program in a role: that of the user, or PeerLab's own. */
async function testedAs(asked: string | undefined, own: Program): Promise<Omit<Tested, 'role'>> {
  return asked === undefined ? own : { asked, ...(await findCommand(asked)) };
}

/** From its source: Node takes the types out by itself. */
function doubleCommand(double: NonNullable<PeerSpec['double']>): string[] {
  return [process.execPath, ...PEER_FLAGS, join(ROOT, 'lab', 'doubles', `${double}.ts`)];
}
