import { randomBytes } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { V1Pod } from '@kubernetes/client-node';
import { PeerLabError, reasonOf } from '#proto/errors.ts';
import type { HostedPeers } from '#proto/hosted-peers.ts';
import { PROMISES } from '#proto/promises.ts';
import { createLimit, inPool } from '../../limit.ts';
import { interruption, settled } from '../deadline.ts';
import type { DirectorySpec, DriverInit, HostSpec, Instance, PeerSpec, ShareFile } from '../driver.ts';
import { HostedPeer, refuseInHost, SharedUsage } from '../hosted-peer.ts';
import { KeptInstance } from '../kept/kept-instance.ts';
import { Place, type ShareContent } from '../kept/place.ts';
import { untilItAnswers } from '../kept/until-it-answers.ts';
import type { Tested } from '../program.ts';
import { type ClusterAbilities, kubernetesCapabilities } from './capabilities.ts';
import type { Cluster } from './cluster.ts';
import { EntryPoints } from './entry-points.ts';
import { LeaseRenewal } from './lease-renewal.ts';
import { GATEWAY, namespaceOf, podNameOf } from './names.ts';
import { microTime, namespaceObject, objectsOf, type Tokens } from './objects.ts';
import type { PodState } from './pod-state.ts';
import { PodWatch } from './pod-watch.ts';
import { gatewayPod, instancePod, SHARE_DIR, watchdogPod } from './pods.ts';
import { CONTROL_PORT, DIRECTORY_PORT, GATEWAY_PORT, HOSTED_PORTS, KEEPER_PORT } from './ports.ts';
import { doubleProgram, ownImage, ownProgram, type PodProgram, usersProgram } from './programs.ts';
import { removeNamespace } from './removal.ts';
import { surveyCluster } from './survey.ts';
import { Tunnel } from './tunnel.ts';

/** The cluster makes many pods at one time; each call to its server costs it something. */
const CREATES_AT_ONCE = 16;
const FILLS_AT_ONCE = 16;
const ENDS_AT_ONCE = 32;
/** From the creation of a pod until it runs: images may have to be pulled, nodes may be busy. */
const POD_RUNS_WITHIN_MS = 180_000;
const KEEPER_ANSWERS_WITHIN_MS = 30_000;
const PAUSE_MS = 200;
/** A server that is away for a minute is no reason to give up a peer. */
const LOST_AFTER_MS = 100_000;
const LEASE_SECONDS = 40;
const SETTLE_TIMEOUT_MS = 15_000;
const LOG_TIMEOUT_MS = 60_000;
const HURRY_MS = 2000;
const NAMESPACE_ENDS_MS = 60_000;
const TOKEN_BYTES = 24;
/** The list of hosted peers, beside their folders: no peer has a name with a dot. */
const HOSTED_FILE = 'hosted.json';
const MIB = 1024 * 1024;
/** What a host may use; docs/doctor.md has what it does. */
const HOST_MEMORY_BYTES = { base: 512 * MIB, peer: 8 * MIB };

interface Wanted {
  readonly name: string;
  readonly role: Instance['role'];
  readonly program: PodProgram;
  readonly memoryBytes?: number | undefined;
  readonly cpus?: number | undefined;
  readonly fill: (ip: string) => readonly ShareContent[];
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** One run on one cluster: its namespace, its pods, the tunnel to them. Behind kubernetes-driver.ts. */
export class KubernetesRun {
  artifacts: Record<string, string> = {};
  readonly tested: Tested[] = [];
  readonly #init: DriverInit;
  readonly #cluster: Cluster;
  readonly #namespace: string;
  readonly #tokens: Tokens = { keeper: randomToken(), gateway: randomToken() };
  readonly #creates = createLimit(CREATES_AT_ONCE);
  readonly #fills = createLimit(FILLS_AT_ONCE);
  readonly #begun = new Set<Promise<unknown>>();
  /** All lives of each place, by the name of the instance. */
  readonly #lives = new Map<string, KeptInstance[]>();
  readonly #places = new Map<string, Place>();
  readonly #closing = new AbortController();
  readonly #hurry = new AbortController();
  readonly #over = new AbortController();
  /** Fires when nothing new may be begun. */
  readonly #signal: AbortSignal;
  #abilities: ClusterAbilities = { cpus: 0 };
  #mayBeThere = false;
  #pods: PodWatch | undefined;
  #entries: EntryPoints | undefined;
  #tunnel: Tunnel | undefined;
  #lease: LeaseRenewal | undefined;
  #ending: Promise<string[]> | undefined;

  constructor(init: DriverInit, cluster: Cluster) {
    this.#init = init;
    this.#cluster = cluster;
    this.#namespace = namespaceOf(init.runId);
    this.#signal = AbortSignal.any([init.signal, this.#closing.signal]);
  }

  prepare(report: (what: string) => void): Promise<void> {
    return this.#work(async () => {
      const { runId, peerImage, directoryImage } = this.#init;
      const [directory, peer] = [programOf('directory', directoryImage), programOf('peer', peerImage)];
      const survey = await surveyCluster(this.#cluster, this.#signal);
      this.#abilities = survey;
      this.artifacts = {
        cluster: `Kubernetes ${survey.version} at ${this.#cluster.what}`,
        directory: directory.image,
        peer: peer.image,
      };
      this.tested.push(testedOf('directory', directory, directoryImage), testedOf('peer', peer, peerImage));
      report(`making the namespace ${this.#namespace}`);
      this.#mayBeThere = true;
      await this.#ask('POST', '/api/v1/namespaces', namespaceObject(runId));
      this.#pods = new PodWatch(this.#cluster, this.#namespace, this.#over.signal);
      this.#entries = new EntryPoints({
        ...{ cluster: this.#cluster, runId, pods: this.#pods, signal: this.#signal, withinMs: POD_RUNS_WITHIN_MS },
        create: (pod) => this.#create(pod),
      });
      for (const turn of objectsOf(runId, this.#tokens, LEASE_SECONDS, microTime()))
        await Promise.all(turn.map(({ path, body }) => this.#creates(() => this.#ask('POST', path, body))));
      this.#lease = new LeaseRenewal(this.#cluster, runId, LEASE_SECONDS, this.#over.signal);
      const lab = ownImage('lab');
      await Promise.all([this.#create(gatewayPod(runId, lab)), this.#create(watchdogPod(runId, lab, LEASE_SECONDS))]);
      this.#tunnel = await Tunnel.open({
        connect: () => this.#cluster.forward(this.#namespace, GATEWAY, GATEWAY_PORT),
        token: this.#tokens.gateway,
        steadyPort: KEEPER_PORT,
        broke: () => this.#tellBroken(),
        signal: this.#over.signal,
      });
      await this.#untilRuns(GATEWAY, GATEWAY);
      await this.#tunnel.ready();
    });
  }

  startDirectory({ name, env }: DirectorySpec): Promise<Instance> {
    const program = programOf('directory', this.#init.directoryImage);
    return this.#work(() => this.#start({ name, role: 'directory', program, env, fill: () => [] }));
  }

  startPeer(spec: PeerSpec): Promise<Instance> {
    return this.#work(async () => {
      const { name, share, image = this.#init.peerImage, double, memoryBytes, cpus } = spec;
      this.#refuse(spec);
      const program = double === undefined ? programOf('peer', image) : doubleProgram(double);
      this.#noteTested(spec.image, program);
      const env = { ...spec.env, PEER_DIRECTORY_URL: spec.directory.address };
      const fill = () => [{ path: '', files: share }];
      return this.#start({ name, role: 'peer', program, memoryBytes, cpus, env, fill });
    });
  }

  /** One pod, one share with a folder for each peer and the list of them; a gRPC port for each. */
  startHost(spec: HostSpec): Promise<Instance[]> {
    return this.#work(async () => {
      refuseInHost(spec, this.#init);
      const list = (ip: string): HostedPeers =>
        spec.peers.map(({ name, env, directory }, i) => ({
          name,
          env: defined({
            ...env,
            PEER_HOST: '0.0.0.0',
            PEER_PORT: String(HOSTED_PORTS.first + i),
            PEER_ADVERTISE: `${ip}:${HOSTED_PORTS.first + i}`,
            PEER_SHARE_DIR: `${SHARE_DIR}/${name}`,
            PEER_DIRECTORY_URL: directory.address,
          }),
        }));
      const host = await this.#start({
        ...{ name: spec.name, role: 'peer', program: ownProgram('peer') },
        env: { PEER_HOSTED: `${SHARE_DIR}/${HOSTED_FILE}` },
        memoryBytes: HOST_MEMORY_BYTES.base + spec.peers.length * HOST_MEMORY_BYTES.peer,
        fill: (ip) => [
          { path: '', files: [fileOf(HOSTED_FILE, JSON.stringify(list(ip)))] },
          ...spec.peers.map(({ name, share }) => ({ path: name, files: share })),
        ],
      });
      const usage = new SharedUsage(host, spec.peers.length);
      const ip = host.address.slice(0, host.address.lastIndexOf(':'));
      const { client } = host.init.place;
      return spec.peers.map(
        (peer, i) =>
          new HostedPeer({
            ...{ spec: peer, host, usage, address: `${ip}:${HOSTED_PORTS.first + i}` },
            storedFiles: () => client.list(this.#over.signal, peer.name),
          }),
      );
    });
  }

  /** Its pod stays, with address and share: its keeper starts the program once more. */
  restart(instance: Instance): Promise<Instance> {
    if (instance instanceof HostedPeer) return instance.again();
    return this.#work(async () => {
      const { init, gone, name } = instance as KeptInstance;
      if (!gone.aborted) throw new PeerLabError('internal', { about: name, expected: 'its end before a restart' });
      return this.#live(init, false);
    });
  }

  /** Nothing new is begun from now on. */
  close(): void {
    this.#closing.abort();
  }

  end(orderly: boolean): Promise<string[]> {
    if (!orderly) this.#hurry.abort();
    this.#ending ??= this.#end().catch((error) => [`the end of the run failed: ${reasonOf(error)}`]);
    return this.#ending;
  }

  async #end(): Promise<string[]> {
    this.close();
    await settled(this.#begun, SETTLE_TIMEOUT_MS);
    await inPool([...this.#lives], ENDS_AT_ONCE, async ([name, lives]) => {
      await this.#stop(lives.at(-1));
      await this.#saveLog(name);
    });
    for (const [name, place] of this.#places) {
      place.forget();
      // One that never lived has nothing to say.
      if (!this.#lives.has(name)) await writeFile(join(this.#init.logsDir, `${name}.log`), '').catch(() => {});
    }
    this.#lease?.stop();
    const removal = { withinMs: NAMESPACE_ENDS_MS, hurry: this.#hurry.signal };
    const left = this.#mayBeThere ? await removeNamespace(this.#cluster, this.#namespace, removal) : [];
    this.#over.abort();
    this.#cluster.close();
    return left;
  }

  async #stop(instance: KeptInstance | undefined): Promise<void> {
    if (!instance) return;
    const hurry = this.#hurry.signal;
    const kill = () => void instance.kill().catch(() => {});
    hurry.addEventListener('abort', kill, { once: true });
    await (hurry.aborted ? instance.kill() : instance.stop()).catch(() => {});
    hurry.removeEventListener('abort', kill);
  }

  async #saveLog(name: string): Promise<void> {
    const file = join(this.#init.logsDir, `${name}.log`);
    const client = this.#places.get(name)?.client;
    const patience = AbortSignal.timeout(this.#hurry.signal.aborted ? HURRY_MS : LOG_TIMEOUT_MS);
    await client?.log(createWriteStream(file), patience).catch(async (error) => {
      await writeFile(file, `(the log could not be fetched: ${reasonOf(error)})\n`).catch(() => {});
    });
  }

  async #start(wanted: Wanted): Promise<KeptInstance> {
    const { name, role, program, memoryBytes, cpus, env } = wanted;
    const { runId } = this.#init;
    const pod = podNameOf(name);
    const labImage = ownImage('lab');
    const command = program.command ?? (await this.#entries?.of(program.image)) ?? [];
    const bringsNode = program.isUsers === true;
    const what = { ...{ runId, name, role, image: program.image, command, labImage, bringsNode, memoryBytes, cpus } };
    await this.#creates(() => this.#create(instancePod(what)));
    const ip = await this.#untilRuns(pod, name);
    this.#noteImage(role, program, pod);
    const place = await this.#place(name, ip);
    const httpPort = role === 'directory' ? DIRECTORY_PORT : CONTROL_PORT;
    const init = {
      ...{ name, role, place, env: defined(env), signal: this.#over.signal },
      url: this.#open().urlOf(`${ip}:${httpPort}`),
      address: role === 'directory' ? `http://${ip}:${httpPort}` : (place.state.address ?? ip),
      onKill: (graceMs: number) => this.#init.onKill?.(name, graceMs),
      machineEnded: this.#untilEnded(pod),
    };
    return this.#fills(() => place.lay(wanted.fill(ip), this.#signal)).then(() => this.#live(init, true));
  }

  /** Starts the program of a pod, and waits until it answers. */
  async #live(init: Omit<KeptInstance['init'], 'life'>, freshLog: boolean): Promise<KeptInstance> {
    const life = await init.place.start(init.env, freshLog, this.#signal);
    const instance = new KeptInstance({ ...init, life });
    this.#lives.set(init.name, [...(this.#lives.get(init.name) ?? []), instance]);
    await untilItAnswers(instance, this.#init.readyTimeoutMs ?? PROMISES.ready.ms, this.#signal);
    return instance;
  }

  /** @returns the address of the pod. @throws PeerLabError `image-not-on-node`, `pod-stuck`, `instance-exited` */
  async #untilRuns(pod: string, about: string): Promise<string> {
    const late = AbortSignal.timeout(POD_RUNS_WITHIN_MS);
    const waited = this.#watch().until(
      pod,
      (state) => (state.is === 'pending' ? undefined : state),
      AbortSignal.any([this.#signal, late]),
    );
    const state: PodState = await waited.catch((error) => {
      if (!late.aborted) throw error;
      return { is: 'stuck', why: `it does not run within ${POD_RUNS_WITHIN_MS / 1000} s` };
    });
    if (state.is === 'running') return state.ip;
    if (state.is === 'ended')
      throw new PeerLabError('instance-exited', { about, got: `"${about} ${state.how}" before it was ready` });
    const { missingImage, why } = state as Extract<PodState, { is: 'stuck' }>;
    if (missingImage !== undefined) throw new PeerLabError('image-not-on-node', { about: missingImage, got: why });
    throw new PeerLabError('pod-stuck', { about, got: why });
  }

  #untilEnded(pod: string): Promise<string> {
    const how = (state: PodState) => (state.is === 'ended' ? state.how : undefined);
    const ended = this.#watch().until(pod, how, this.#over.signal);
    // Where the share could not be laid, no instance is there to listen.
    ended.catch(() => {});
    return ended;
  }

  /** The keeper listens a moment after its container runs. */
  async #place(name: string, ip: string): Promise<Place> {
    const url = this.#open().urlOf(`${ip}:${KEEPER_PORT}`);
    const init = { url, token: this.#tokens.keeper, runId: this.#init.runId, lostAfterMs: LOST_AFTER_MS };
    const giveUpAt = performance.now() + KEEPER_ANSWERS_WITHIN_MS;
    for (;;) {
      try {
        const place = await Place.take(init, this.#signal);
        this.#places.set(name, place);
        return place;
      } catch (error) {
        if (!isLost(error) || performance.now() > giveUpAt) throw error;
        await this.#assertStands(name);
        await sleep(PAUSE_MS, undefined, { signal: this.#signal });
      }
    }
  }

  async #assertStands(name: string): Promise<void> {
    if (this.#watch().state(podNameOf(name)).is !== 'running') await this.#untilRuns(podNameOf(name), name);
  }

  async #create(pod: V1Pod): Promise<void> {
    try {
      await this.#ask('POST', `/api/v1/namespaces/${this.#namespace}/pods`, pod);
    } catch (error) {
      const text = reasonOf(error);
      if (/exceeded quota/.test(text))
        throw new PeerLabError('pod-stuck', { about: pod.metadata?.name ?? '', got: text });
      throw error;
    }
  }

  #ask(method: string, path: string, body: object): Promise<unknown> {
    return this.#cluster.ask(method, path, { body, signal: this.#signal });
  }

  #refuse({ name, memoryBytes, cpus, diskBytes }: PeerSpec): void {
    const can = kubernetesCapabilities(this.#abilities);
    const lack =
      (memoryBytes !== undefined && can['memory-limit'](memoryBytes)) ||
      (cpus !== undefined && can['cpu-limit'](cpus)) ||
      (diskBytes !== undefined && can['disk-limit'](diskBytes));
    if (lack) throw new PeerLabError('not-capable', { about: name, got: `${lack.why}; ${lack.help}` });
  }

  /** Nodes know the content of an image by a digest: that of the first pod that runs it is said. */
  #noteImage(role: Instance['role'], { image }: PodProgram, pod: string): void {
    const digest = /sha256:[0-9a-f]{64}/.exec(
      this.#watch().pod(pod)?.status?.containerStatuses?.[0]?.imageID ?? '',
    )?.[0];
    if (digest === undefined) return;
    for (const [key, value] of Object.entries(this.artifacts))
      if (value === image) this.artifacts[key] = `${image} ${digest}`;
    const at = this.tested.findIndex((one) => one.role === role && one.name === image && one.digest === undefined);
    const found = this.tested[at];
    if (found) this.tested[at] = { ...found, digest };
  }

  #noteTested(asked: string | undefined, program: PodProgram): void {
    const key = `peer ${asked}`;
    if (asked === undefined || this.artifacts[key] !== undefined) return;
    this.artifacts[key] = program.image;
    this.tested.push(testedOf('peer', program, asked));
  }

  /** `end` waits for it. What fails because the run is interrupted says that, and nothing else. */
  #work<T>(work: () => Promise<T>): Promise<T> {
    const begun = (async () => {
      if (this.#signal.aborted) throw interruption(this.#signal);
      return work();
    })().catch((error) => {
      throw this.#signal.aborted ? interruption(this.#signal) : error;
    });
    this.#begun.add(begun);
    const done = () => this.#begun.delete(begun);
    begun.then(done, done);
    return begun;
  }

  /** While a run ends, nothing that is asked counts any more. */
  #tellBroken(): void {
    if (this.#closing.signal.aborted) return;
    const got = 'the connection to its gateway broke, and was made anew';
    this.#init.onTrouble?.(new PeerLabError('cluster-lost', { about: this.#cluster.what, got }));
  }

  #open(): Tunnel {
    if (!this.#tunnel) throw new PeerLabError('internal', { expected: 'prepare()' });
    return this.#tunnel;
  }

  #watch(): PodWatch {
    if (!this.#pods) throw new PeerLabError('internal', { expected: 'prepare()' });
    return this.#pods;
  }
}

function programOf(role: Instance['role'], asked: string | undefined): PodProgram {
  return asked === undefined ? ownProgram(role) : usersProgram(asked);
}

function testedOf(role: Instance['role'], { image }: PodProgram, asked: string | undefined): Tested {
  return { role, name: image, ...(asked !== undefined && { asked }) };
}

function isLost(error: unknown): boolean {
  return error instanceof PeerLabError && error.code === 'keeper-lost';
}

function randomToken(): string {
  return randomBytes(TOKEN_BYTES).toString('base64url');
}

function defined(env: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined));
}

function fileOf(name: string, text: string): ShareFile {
  return { name, sizeBytes: Buffer.byteLength(text), open: () => Readable.from([Buffer.from(text)]) };
}
