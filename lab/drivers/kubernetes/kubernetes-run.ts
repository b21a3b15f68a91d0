import { createWriteStream } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { PeerLabError, reasonOf } from '#proto/errors.ts';
import type { HostedPeers } from '#proto/hosted-peers.ts';
import { PROMISES } from '#proto/promises.ts';
import { createLimit, inPool } from '../../limit.ts';
import type { DirectorySpec, DriverInit, HostSpec, Instance, InstanceMachine, PeerSpec } from '../driver.ts';
import { HOSTED_PORT, HostedPeer, hostMemoryBytes, refuseInHost, SharedUsage } from '../hosted-peer.ts';
import { KeptInstance } from '../kept/kept-instance.ts';
import { Place } from '../kept/place.ts';
import { untilItAnswers } from '../kept/until-it-answers.ts';
import type { LoadedRun } from '../lazy-driver.ts';
import { defined, peerEnv } from '../peer-env.ts';
import type { Tested } from '../program.ts';
import { contentOfHost, HOSTED_FILE, type ShareContent } from '../share-content.ts';
import { stopOrKill, Works } from '../works.ts';
import { type ClusterAbilities, kubernetesCapabilities, type PodSecurity } from './capabilities.ts';
import type { Cluster } from './cluster.ts';
import { Disturber } from './disturber.ts';
import { DrainedNodes } from './drained-nodes.ts';
import { EntryPoints } from './entry-points.ts';
import { podNameOf } from './names.ts';
import { NodeSets } from './node-sets.ts';
import { instancePod, SHARE_DIR } from './pods.ts';
import { CONTROL_PORT, DIRECTORY_PORT, KEEPER_PORT } from './ports.ts';
import { doubleProgram, ownImage, ownProgram, type PodProgram, usersProgram } from './programs.ts';
import { POD_RUNS_WITHIN_MS, RunNamespace } from './run-namespace.ts';
import { surveyCluster } from './survey.ts';
import { TestedImages } from './tested-images.ts';

const FILLS_AT_ONCE = 16;
const LISTS_AT_ONCE = 8;
const ENDS_AT_ONCE = 32;
const KEEPER_ANSWERS_WITHIN_MS = 30_000;
const PAUSE_MS = 200;
/** A server that is away for a minute is no reason to give up a peer. */
const LOST_AFTER_MS = 100_000;
const SETTLE_TIMEOUT_MS = 15_000;
const LOG_TIMEOUT_MS = 60_000;
const HURRY_MS = 2000;
/** After its program. */
const KEEPER_ENDS_SECONDS = 2;

interface Wanted {
  readonly name: string;
  readonly role: Instance['role'];
  readonly program: PodProgram;
  readonly memoryBytes?: number | undefined;
  readonly cpus?: number | undefined;
  readonly diskBytes?: number | undefined;
  readonly fill: (ip: string) => readonly ShareContent[];
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** The instances of one run on one cluster: a pod for each. Behind kubernetes-driver.ts. */
export class KubernetesRun implements LoadedRun {
  readonly #init: DriverInit;
  readonly #cluster: Cluster;
  readonly #images = new TestedImages();
  readonly #fills = createLimit(FILLS_AT_ONCE);
  /** All lives of each place, by the name of the instance. */
  readonly #lives = new Map<string, KeptInstance[]>();
  readonly #places = new Map<string, Place>();
  /** Those whose pods were taken away; their logs have been saved. */
  readonly #evicted = new Set<string>();
  readonly #closing = new AbortController();
  readonly #hurry = new AbortController();
  readonly #over = new AbortController();
  /** Fires when nothing new may be begun. */
  readonly #signal: AbortSignal;
  readonly #works: Works;
  readonly #namespace: RunNamespace;
  readonly #drained: DrainedNodes;
  readonly #nodeSets: NodeSets;
  #abilities: ClusterAbilities = { cpus: 0, kernels: [], podSecurity: 'restricted', nodeCount: 0, drainLacks: [] };
  #entries: EntryPoints | undefined;
  #disturber: Disturber | undefined;
  #ending: Promise<string[]> | undefined;

  constructor(init: DriverInit, cluster: Cluster) {
    this.#init = init;
    this.#cluster = cluster;
    this.#signal = AbortSignal.any([init.signal, this.#closing.signal]);
    this.#works = new Works(this.#signal);
    const signals = { signal: this.#signal, over: this.#over.signal };
    this.#namespace = new RunNamespace({
      ...{ cluster, runId: init.runId, ...signals },
      broke: () => this.#tellBroken(),
    });
    this.#drained = new DrainedNodes({ cluster, runId: init.runId, namespaceUid: () => this.#namespace.uid() });
    this.#nodeSets = new NodeSets({
      ...{ sets: init.drains ?? [], nodes: this.#drained, evict: (peer) => this.#evict(peer) },
      nodeOf: (peer) => this.#namespace.pods.pod(podNameOf(peer))?.spec?.nodeName,
      podsOn: (node) => this.#namespace.podsOn(node),
    });
  }

  get artifacts(): Readonly<Record<string, string>> {
    return this.#images.artifacts;
  }

  get tested(): readonly Tested[] {
    return this.#images.tested;
  }

  prepare(report: (what: string) => void): Promise<void> {
    return this.#works.begin(async () => {
      const { runId, peerImage, directoryImage } = this.#init;
      const programs = { directory: programOf('directory', directoryImage), peer: programOf('peer', peerImage) };
      const survey = await surveyCluster(this.#cluster, this.#signal);
      this.#abilities = survey;
      this.#images.artifacts.cluster = `Kubernetes ${survey.version} at ${this.#cluster.what}`;
      this.#images.add('directory', 'directory', programs.directory, directoryImage);
      this.#images.add('peer', 'peer', programs.peer, peerImage);
      report(`making the namespace ${this.#namespace.name}`);
      const disturbsNetworks = this.#init.disturbs?.some((what) => what !== 'disk') ?? false;
      await this.#namespace.make(survey.podSecurity, disturbsNetworks);
      if (disturbsNetworks) await this.#makeDisturber(survey.podSecurity);
      this.#entries = new EntryPoints({
        ...{ cluster: this.#cluster, runId, signal: this.#signal, withinMs: POD_RUNS_WITHIN_MS },
        pods: this.#namespace.pods,
        create: (pod) => this.#namespace.create(pod),
      });
    });
  }

  async #makeDisturber(podSecurity: PodSecurity): Promise<void> {
    const { runId } = this.#init;
    const around = { cluster: this.#cluster, namespace: this.#namespace, runId, signal: this.#signal };
    this.#disturber = new Disturber({ ...around, podSecurity });
    await this.#disturber.begin();
  }

  startDirectory({ name, env }: DirectorySpec): Promise<Instance> {
    const program = programOf('directory', this.#init.directoryImage);
    return this.#works.begin(() => this.#start({ name, role: 'directory', program, env, fill: () => [] }));
  }

  startPeer(spec: PeerSpec): Promise<Instance> {
    return this.#works.begin(async () => {
      const { name, share, image = this.#init.peerImage, double } = spec;
      this.#refuse(spec);
      const program = double === undefined ? programOf('peer', image) : doubleProgram(double);
      if (spec.image !== undefined) this.#images.add(`peer ${spec.image}`, 'peer', program, spec.image);
      const env = { ...spec.env, PEER_DIRECTORY_URL: spec.directory.address };
      const fill = () => [{ path: '', files: share }];
      const { memoryBytes, cpus, diskBytes } = spec;
      return this.#start({ name, role: 'peer', program, memoryBytes, cpus, diskBytes, env, fill });
    });
  }

  /** One pod, one share with a folder for each peer and the list of them; a gRPC port for each. */
  startHost(spec: HostSpec): Promise<Instance[]> {
    return this.#works.begin(async () => {
      refuseInHost(spec, this.#init);
      const addressOf = (ip: string, i: number) => `${ip}:${HOSTED_PORT + i}`;
      const list = (ip: string): HostedPeers =>
        spec.peers.map((peer, i) => {
          const where = { host: '0.0.0.0', address: addressOf(ip, i), shareDir: `${SHARE_DIR}/${peer.name}` };
          return { name: peer.name, env: defined(peerEnv(peer, where)) };
        });
      const host = await this.#start({
        ...{ name: spec.name, role: 'peer', program: ownProgram('peer'), memoryBytes: hostMemoryBytes(spec) },
        env: { PEER_HOSTED: `${SHARE_DIR}/${HOSTED_FILE}` },
        fill: (ip) => contentOfHost(spec.peers, list(ip)),
      });
      const usage = new SharedUsage(host, spec.peers.length);
      const ip = host.address.slice(0, host.address.lastIndexOf(':'));
      const { client } = host.init.place;
      // All shares of a host are asked for at one time, and its keeper has no ear for a hundred.
      const lists = createLimit(LISTS_AT_ONCE);
      const listOf = async function* (name: string, signal: AbortSignal) {
        yield* await lists(() => Array.fromAsync(client.list(signal, name)));
      };
      return spec.peers.map(
        (peer, i) =>
          new HostedPeer({
            ...{ spec: peer, host, usage, address: addressOf(ip, i) },
            storedFiles: () => listOf(peer.name, this.#over.signal),
          }),
      );
    });
  }

  /** Its pod stays, with address and share: its keeper starts the program once more. */
  restart(instance: Instance): Promise<Instance> {
    if (instance instanceof HostedPeer) return instance.again();
    return this.#works.begin(async () => {
      const { init, gone, name } = instance as KeptInstance;
      if (!gone.aborted) throw new PeerLabError('internal', { about: name, expected: 'its end before a restart' });
      // What is around it goes on with its pod, unlike on a machine that was switched off.
      await this.#disturber?.undo(podNameOf(name));
      if (init.hasDisk) await init.place.client.ask('fill', { full: false }, this.#signal);
      return this.#live(init, false);
    });
  }

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
    await this.#works.settled(SETTLE_TIMEOUT_MS);
    // Where nobody answers any more, each of these would wait for its own time.
    const isReached = this.#lives.size > 0 && (await this.#isReached());
    await inPool([...this.#lives], ENDS_AT_ONCE, async ([name, lives]) => {
      const last = lives.at(-1);
      if (last && isReached) await stopOrKill(last, this.#hurry.signal);
      if (!this.#evicted.has(name)) await this.#saveLog(name, isReached);
    });
    for (const [name, place] of this.#places) {
      place.forget();
      // One that never lived has nothing to say.
      if (!this.#lives.has(name)) await writeFile(join(this.#init.logsDir, `${name}.log`), '').catch(() => {});
    }
    // Before the watchdog loses the right to do it.
    const out = await this.#drained.uncordonAll();
    const left = [...out, ...(await this.#namespace.remove(this.#hurry.signal))];
    this.#over.abort();
    this.#cluster.close();
    return left;
  }

  /** It waits for a cluster that is away, but not long where the end must be quick. */
  #isReached(): Promise<boolean> {
    const hurry = this.#hurry.signal;
    const { promise: late, resolve } = Promise.withResolvers<boolean>();
    const hurried = () => setTimeout(resolve, HURRY_MS, false).unref();
    if (hurry.aborted) hurried();
    else hurry.addEventListener('abort', hurried, { once: true });
    return Promise.race([this.#namespace.isReached(), late]);
  }

  async #saveLog(name: string, isReached: boolean): Promise<void> {
    const file = join(this.#init.logsDir, `${name}.log`);
    if (!isReached) return writeFile(file, '(the log could not be fetched: the cluster is lost)\n').catch(() => {});
    const client = this.#places.get(name)?.client;
    const patience = AbortSignal.timeout(this.#hurry.signal.aborted ? HURRY_MS : LOG_TIMEOUT_MS);
    await client?.log(createWriteStream(file), patience).catch(async (error) => {
      await writeFile(file, `(the log could not be fetched: ${reasonOf(error)})\n`).catch(() => {});
    });
  }

  async #start(wanted: Wanted): Promise<KeptInstance> {
    const { name, role, program, env, memoryBytes, cpus, diskBytes } = wanted;
    const { runId } = this.#init;
    const pod = podNameOf(name);
    const labImage = ownImage('lab');
    const command = program.command ?? (await this.#entries?.of(program.image)) ?? [];
    const bringsNode = program.isUsers === true;
    const limits = { memoryBytes, cpus, diskBytes };
    const nodeSet = this.#nodeSets.labelOf(name);
    const what = { ...{ runId, name, role, image: program.image, command, labImage, bringsNode, nodeSet }, ...limits };
    await this.#namespace.create(instancePod(what));
    const ip = await this.#namespace.untilRuns(pod, name);
    this.#images.seen(role, program, this.#namespace.pods.pod(pod));
    const place = await this.#place(name, ip);
    const httpPort = role === 'directory' ? DIRECTORY_PORT : CONTROL_PORT;
    const init: Omit<KeptInstance['init'], 'life'> = {
      ...{ name, role, place, env: defined(env), signal: this.#over.signal },
      url: this.#namespace.urlOf(`${ip}:${httpPort}`),
      address: role === 'directory' ? `http://${ip}:${httpPort}` : (place.state.address ?? ip),
      onKill: (graceMs: number) => this.#init.onKill?.(name, graceMs),
      machineEnded: this.#namespace.untilEnded(pod),
      hasDisk: diskBytes !== undefined,
      ...this.#networkOf(pod),
      ...(role === 'peer' && { machine: this.#machineOf(name, pod) }),
    };
    await this.#fills(() => place.lay(wanted.fill(ip), this.#signal));
    return this.#live(init, true);
  }

  #machineOf(name: string, pod: string): InstanceMachine {
    const node = this.#nodeSets.machineNodeOf(name);
    return {
      isThere: () => this.#namespace.has(pod),
      evict: () => this.#evict(name),
      ...(node && { node }),
    };
  }

  async #evict(name: string): Promise<void> {
    // What the program says while it ends is lost with the pod.
    await this.#saveLog(name, true);
    this.#evicted.add(name);
    await this.#namespace.evict(podNameOf(name), Math.ceil(PROMISES.end.ms / 1000) + KEEPER_ENDS_SECONDS);
  }

  #networkOf(pod: string): Pick<KeptInstance['init'], 'networkOf'> {
    const disturber = this.#disturber;
    if (!disturber) return {};
    return { networkOf: (instance) => disturber.networkOf(instance, pod) };
  }

  /** Starts the program of a pod, and waits until it answers. */
  async #live(init: Omit<KeptInstance['init'], 'life'>, freshLog: boolean): Promise<KeptInstance> {
    const life = await init.place.start(init.env, freshLog, this.#signal);
    const instance = new KeptInstance({ ...init, life });
    this.#lives.set(init.name, [...(this.#lives.get(init.name) ?? []), instance]);
    await untilItAnswers(instance, this.#init.readyTimeoutMs ?? PROMISES.ready.ms, this.#signal);
    return instance;
  }

  /** The keeper listens a moment after its container runs. */
  async #place(name: string, ip: string): Promise<Place> {
    const url = this.#namespace.urlOf(`${ip}:${KEEPER_PORT}`);
    const token = this.#namespace.tokens.keeper;
    const init = { url, token, runId: this.#init.runId, lostAfterMs: LOST_AFTER_MS };
    const giveUpAt = performance.now() + KEEPER_ANSWERS_WITHIN_MS;
    for (;;) {
      try {
        const place = await Place.take(init, this.#signal);
        this.#places.set(name, place);
        return place;
      } catch (error) {
        const isLost = error instanceof PeerLabError && error.code === 'keeper-lost';
        if (!isLost || performance.now() > giveUpAt) throw error;
        // What became of its pod says more than that its keeper is silent.
        await this.#namespace.untilRuns(podNameOf(name), name);
        await sleep(PAUSE_MS, undefined, { signal: this.#signal });
      }
    }
  }

  #refuse({ name, memoryBytes, cpus, diskBytes }: PeerSpec): void {
    const can = kubernetesCapabilities(this.#abilities);
    const lack =
      (memoryBytes !== undefined && can['memory-limit'](memoryBytes)) ||
      (cpus !== undefined && can['cpu-limit'](cpus)) ||
      (diskBytes !== undefined && can['disk-limit'](diskBytes));
    if (lack) throw new PeerLabError('not-capable', { about: name, got: `${lack.why}; ${lack.help}` });
  }

  /** While a run ends, nothing that is asked counts any more. */
  #tellBroken(): void {
    if (this.#closing.signal.aborted) return;
    const got = 'the connection to its gateway broke, and was made anew';
    this.#init.onTrouble?.(new PeerLabError('cluster-lost', { about: this.#cluster.what, got }));
  }
}

function programOf(role: Instance['role'], asked: string | undefined): PodProgram {
  return asked === undefined ? ownProgram(role) : usersProgram(asked);
}
