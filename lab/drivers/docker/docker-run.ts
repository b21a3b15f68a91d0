import type { Container } from 'dockerode';
import type { HostEnv } from '#proto/env.ts';
import { PeerLabError } from '#proto/errors.ts';
import type { HostedPeers } from '#proto/hosted-peers.ts';
import { PROMISES } from '#proto/promises.ts';
import { createLimit } from '../../limit.ts';
import { DisturbedNetwork } from '../agent/disturbed-network.ts';
import { ensureFaultImage } from '../agent/image.ts';
import type { LimitedDisk } from '../agent/limited-disk.ts';
import { interruption, settled } from '../deadline.ts';
import type { DirectorySpec, DriverInit, HostSpec, Instance, PeerSpec } from '../driver.ts';
import { HOSTED_PORT, HostedPeer, hostMemoryBytes, refuseInHost, SharedUsage } from '../hosted-peer.ts';
import { type Images, imagesOn } from '../images/build.ts';
import { type Image, programOf, userImage } from '../images/image-store.ts';
import { defined, peerEnv, type Whereabouts } from '../peer-env.ts';
import type { Tested } from '../program.ts';
import { waitUntilHealthy } from '../readiness.ts';
import { contentOfHost, HOSTED_FILE, type ShareContent } from '../share-content.ts';
import { EngineConnection } from './connection.ts';
import { type ContainerInit, containerOptions, type PeerLimits } from './container.ts';
import { Disturber } from './disturber.ts';
import { DockerImages } from './docker-images.ts';
import { DockerInstance } from './docker-instance.ts';
import { Endings } from './endings.ts';
import type { EngineInfo } from './engine.ts';
import { HostShares } from './host-shares.ts';
import { labelsOf } from './labels.ts';
import { logTail } from './log.ts';
import { createNetwork, type RunNetwork } from './network.ts';
import { ownerOf } from './owner.ts';
import { makeShareDisk } from './share-disk.ts';
import { fillShare, SHARE_DIR } from './share-volume.ts';
import { sweep } from './sweep.ts';
import { testcontainersOn } from './testcontainers-client.ts';

const DIRECTORY_PORT = 5000;
const GRPC_PORT = 50_051;
const CONTROL_PORT = 50_052;
/** Where the directory keeps its state: the folder is in our image. */
const STATE_DIR = '/data';
/** The engine starts containers one after another anyway: more at one time only makes each wait longer. */
const STARTS_AT_ONCE = 8;
/** In equal parts the one directory would get a hundredth of the CPU beside a hundred peers, and the run would measure that. */
const DIRECTORY_CPU_SHARES = 10 * 1024;
const SETTLE_TIMEOUT_MS = 15_000;
/** Docker's bridges have that of Ethernet. */
const MTU_BYTES = 1500;
/** For the engine to start a container that was created. */
const ENGINE_START_MS = 60_000;

interface ContainerSpec {
  readonly name: string;
  readonly role: Instance['role'];
  readonly image: Image;
  readonly limits: PeerLimits;
  readonly httpPort: number;
  readonly address: string;
  readonly instanceAddress: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly command?: readonly string[];
  readonly fill?: (container: Container) => Promise<void>;
  /** Size of the share's disk, where it is to have one. */
  readonly diskBytes?: number | undefined;
}

/** One run on one engine: its images, its network, its containers. Behind docker-driver.ts, which loads it when needed. */
export class DockerRun {
  artifacts: Record<string, string> = {};
  readonly tested: Tested[] = [];
  readonly #init: DriverInit;
  readonly #engine: EngineConnection;
  readonly #store: DockerImages;
  readonly #limit = createLimit(STARTS_AT_ONCE);
  readonly #creating = new Set<Promise<unknown>>();
  readonly #closing = new AbortController();
  readonly #hurry = new AbortController();
  /** Fires when nothing new may be begun: the run was interrupted, is ending, or has lost its engine. */
  readonly #signal: AbortSignal;
  #images: Record<Instance['role'], Image> | undefined;
  /** Images of single peers, by name: each is looked for, and pulled, once. */
  readonly #ownImages = new Map<string, Promise<Image>>();
  #doubles: Promise<Image> | undefined;
  #network: RunNetwork | undefined;
  #disturber: Disturber | undefined;
  #endings: Endings | undefined;
  #ending: Promise<string[]> | undefined;

  constructor(init: DriverInit, info: EngineInfo) {
    this.#init = init;
    this.#engine = new EngineConnection(info);
    this.#store = new DockerImages(this.#engine);
    this.#signal = AbortSignal.any([init.signal, this.#closing.signal, this.#engine.lost]);
  }

  async prepare(report: (what: string) => void): Promise<void> {
    await this.#prepare(report).catch((error) => {
      throw this.#signal.aborted ? interruption(this.#signal) : error;
    });
  }

  async #prepare(report: (what: string) => void): Promise<void> {
    const { directoryImage, peerImage, runId } = this.#init;
    // Both of the user's own: nothing of ours needs to be built.
    const areBothTheirs = directoryImage !== undefined && peerImage !== undefined;
    const own = areBothTheirs ? undefined : await imagesOn(this.#store, report, this.#signal);
    const imageFor = async (role: Instance['role'], users: string | undefined) =>
      users === undefined ? (own as Images)[role] : userImage(this.#store, users, this.#signal);
    this.#images = {
      directory: await imageFor('directory', directoryImage),
      peer: await imageFor('peer', peerImage),
    };
    const { version, apiVersion } = this.#engine.info;
    this.artifacts = {
      engine: `Docker ${version} (API ${apiVersion})`,
      directory: `${this.#images.directory.name} ${this.#images.directory.id}`,
      peer: `${this.#images.peer.name} ${this.#images.peer.id}`,
    };
    for (const [role, asked] of Object.entries({ directory: directoryImage, peer: peerImage }))
      this.#noteTested(role as Instance['role'], asked, this.#images[role as Instance['role']], own?.version);
    this.#throwIfOver();
    const isDisturbed = (this.#init.disturbs?.length ?? 0) > 0;
    const faultImage = isDisturbed ? await ensureFaultImage(this.#store, report, this.#signal) : undefined;
    this.#throwIfOver();
    this.#endings = await Endings.watch(this.#engine, runId);
    const client = await testcontainersOn(this.#engine);
    this.#throwIfOver();
    this.#network = await createNetwork(this.#engine, client, runId);
    if (!faultImage) return;
    this.artifacts.faults = `${faultImage.name} ${faultImage.id}`;
    const around = { engine: this.#engine, network: this.#network, runId, signal: this.#signal };
    this.#disturber = new Disturber({ ...around, image: faultImage, track: (work) => this.#track(work) });
  }

  startDirectory({ name, env }: DirectorySpec): Promise<Instance> {
    return this.#start(() => {
      const { network, images } = this.#ready();
      const address = network.takeAddress();
      return {
        name,
        role: 'directory',
        image: images.directory,
        limits: {},
        httpPort: DIRECTORY_PORT,
        address,
        instanceAddress: `http://${address}:${DIRECTORY_PORT}`,
        env: {
          ...env,
          DIRECTORY_HOST: '0.0.0.0',
          DIRECTORY_PORT: String(DIRECTORY_PORT),
          DIRECTORY_DATA_DIR: STATE_DIR,
        },
      };
    });
  }

  startPeer(spec: PeerSpec): Promise<Instance> {
    const { name, share, image: ownImage, double, memoryBytes, cpus, diskBytes } = spec;
    return this.#start(async () => {
      const image = await this.#imageOf(ownImage, double);
      const address = this.#ready().network.takeAddress();
      const instanceAddress = `${address}:${GRPC_PORT}`;
      return {
        name,
        role: 'peer',
        image,
        limits: { memoryBytes, cpus },
        ...(double !== undefined && { command: [`/app/lab/doubles/${double}.ts`] }),
        httpPort: CONTROL_PORT,
        address,
        instanceAddress,
        env: { ...peerEnv(spec, inContainer(instanceAddress, SHARE_DIR)), PEER_CONTROL_PORT: String(CONTROL_PORT) },
        // Our own image brings the folder, with the right owner: an empty share needs no copy.
        ...((share.length > 0 || image !== this.#images?.peer || this.#init.peerImage || diskBytes !== undefined) && {
          fill: (container: Container) => this.#fill(container, image, [{ path: '', files: share }]),
        }),
        diskBytes,
      };
    });
  }

  /** One container, one volume with a folder for each peer and the list of them, one published port; a gRPC port for each. */
  async startHost(spec: HostSpec): Promise<Instance[]> {
    refuseInHost(spec, this.#init);
    let address = '';
    const host = (await this.#start(() => {
      const { network, images } = this.#ready();
      address = network.takeAddress();
      const list: HostedPeers = spec.peers.map((peer, i) => ({
        name: peer.name,
        env: defined(peerEnv(peer, inContainer(`${address}:${HOSTED_PORT + i}`, `${SHARE_DIR}/${peer.name}`))),
      }));
      const env: HostEnv = {
        PEER_HOSTED: `${SHARE_DIR}/${HOSTED_FILE}`,
        PEER_HOST: '0.0.0.0',
        PEER_CONTROL_PORT: String(CONTROL_PORT),
      };
      return {
        ...{ name: spec.name, role: 'peer', image: images.peer, httpPort: CONTROL_PORT, address, env },
        limits: { memoryBytes: hostMemoryBytes(spec) },
        instanceAddress: address,
        fill: (container) => this.#fill(container, images.peer, contentOfHost(spec.peers, list)),
      };
    })) as DockerInstance;
    const usage = new SharedUsage(host, spec.peers.length);
    const shares = new HostShares(this.#engine, host.container);
    return spec.peers.map(
      (peer, i) =>
        new HostedPeer({
          ...{ spec: peer, host, usage, address: `${address}:${HOSTED_PORT + i}` },
          storedFiles: () => shares.storedFiles(peer.name),
        }),
    );
  }

  /** The container keeps its address and its volume; the port that it is reached at is published anew. */
  restart(instance: Instance): Promise<Instance> {
    if (instance instanceof HostedPeer) return instance.again();
    return this.#limit(async () => {
      this.#throwIfOver();
      const again = (instance as DockerInstance).again();
      await this.#engine.call(`start ${again.name} again`, again.container.start(), ENGINE_START_MS);
      again.reachedAt(await this.#publishedAt(again));
      await this.#untilHealthy(again);
      return again;
    }).catch((error) => {
      throw this.#signal.aborted ? interruption(this.#signal) : this.#engine.errorOf('restart a container', error);
    });
  }

  async #publishedAt({ name, role, container }: DockerInstance): Promise<string> {
    const { NetworkSettings } = await this.#engine.call(`inspect ${name}`, container.inspect());
    const [bound] = NetworkSettings.Ports[`${role === 'directory' ? DIRECTORY_PORT : CONTROL_PORT}/tcp`] ?? [];
    // An instance that ended at once has none: whoever waits for it finds that out.
    return `http://127.0.0.1:${bound?.HostPort ?? 0}`;
  }

  async #untilHealthy(instance: DockerInstance): Promise<void> {
    const gone = new AbortController();
    const exited = instance.ended.then((how) => {
      gone.abort();
      return how;
    });
    const timeoutMs = this.#init.readyTimeoutMs ?? PROMISES.ready.ms;
    await waitUntilHealthy(`${instance.url}/healthz`, instance.name, timeoutMs, this.#signal, gone.signal);
    if (gone.signal.aborted) throw await this.#exitedEarly(instance, await exited);
  }

  /** Nothing new is begun from now on. */
  close(): void {
    this.#closing.abort();
  }

  end(orderly: boolean): Promise<string[]> {
    if (!orderly) this.#hurry.abort();
    this.#ending ??= this.#end();
    return this.#ending;
  }

  async #end(): Promise<string[]> {
    this.close();
    await settled(this.#creating, SETTLE_TIMEOUT_MS);
    const { runId, logsDir, onKill } = this.#init;
    const left = await sweep(this.#engine.info, runId, logsDir, this.#hurry.signal, onKill);
    this.#endings?.close();
    return left;
  }

  #start(specify: () => ContainerSpec | Promise<ContainerSpec>): Promise<Instance> {
    return this.#limit(async () => {
      this.#throwIfOver();
      const spec = await specify();
      this.#throwIfOver();
      return this.#startContainer(spec);
    }).catch((error) => {
      throw this.#signal.aborted ? interruption(this.#signal) : this.#engine.errorOf('start a container', error);
    });
  }

  /** Straight through the engine's API: set-up is bound by the engine, and a client that asks it more often makes it slower. */
  async #startContainer(spec: ContainerSpec): Promise<Instance> {
    const instance = await this.#create(spec);
    this.#throwIfOver();
    await spec.fill?.(instance.container);
    this.#throwIfOver();
    await this.#engine.call(`start ${spec.name}`, instance.container.start(), ENGINE_START_MS);
    instance.reachedAt(await this.#publishedAt(instance));
    await this.#untilHealthy(instance);
    return instance;
  }

  /** From here on the sweep finds the container by its label. */
  async #create(spec: ContainerSpec): Promise<DockerInstance> {
    const { name, role, instanceAddress: address } = spec;
    const disk = await this.#diskOf(spec);
    const creating = this.#engine.docker.createContainer(containerOptions(this.#containerInit(spec)));
    this.#track(creating);
    const container = await this.#engine.call(`create ${name}`, creating, ENGINE_START_MS);
    const what = { name, role, address, ...(disk && { disk }) };
    return new DockerInstance(
      this.#engine,
      this.#ready().endings,
      container,
      what,
      this.#networkOf(),
      this.#init.onKill,
    );
  }

  #networkOf(): ConstructorParameters<typeof DockerInstance>[4] {
    const disturber = this.#disturber;
    const { gateway } = this.#ready().network;
    if (!disturber) return undefined;
    return (instance) =>
      new DisturbedNetwork({
        ...{ instance, gateway, mtuBytes: async () => MTU_BYTES },
        helpIt: () => disturber.inNetworkOf(instance.name, instance.container),
        witness: () => disturber.witness(),
      });
  }

  async #diskOf({ name, diskBytes }: ContainerSpec): Promise<LimitedDisk | undefined> {
    if (diskBytes === undefined) return undefined;
    if (!this.#disturber) throw new PeerLabError('internal', { expected: '`disturbs` for a disk with a size' });
    const { runId } = this.#init;
    const volume = `peerlab-${runId}-${name}`;
    const making = makeShareDisk(this.#engine, this.#disturber, { runId, name, volume, sizeBytes: diskBytes });
    this.#track(making);
    return making;
  }

  async #exitedEarly({ name, container }: DockerInstance, how: string): Promise<PeerLabError> {
    if (this.#engine.lost.aborted) return interruption(this.#engine.lost);
    const log = await logTail(this.#engine, container);
    return new PeerLabError('instance-exited', {
      about: name,
      got: `"${how}" before it was ready; its last words:\n${log || '(nothing)'}`,
    });
  }

  #containerInit(spec: ContainerSpec): ContainerInit {
    const { network } = this.#ready();
    const { runId } = this.#init;
    const containerName = `peerlab-${runId}-${spec.name}`;
    return {
      containerName,
      hostname: spec.name,
      image: spec.image,
      limits: spec.limits,
      labels: labelsOf(runId, spec.role, spec.name),
      env: defined(spec.env),
      network: network.name,
      address: spec.address,
      httpPort: spec.httpPort,
      ...(spec.command && { command: spec.command }),
      volume: {
        name: containerName,
        target: spec.role === 'peer' ? SHARE_DIR : STATE_DIR,
        isMade: spec.diskBytes !== undefined,
      },
      ...(spec.role === 'directory' && { cpuShares: DIRECTORY_CPU_SHARES }),
    };
  }

  #imageOf(ownImage: string | undefined, double: PeerSpec['double']): Promise<Image> | Image {
    if (ownImage !== undefined) return this.#ownImage(ownImage);
    if (double === undefined) return this.#ready().images.peer;
    this.#doubles ??= imagesOn(this.#store, () => {}, this.#signal).then((images) => images.double);
    return this.#doubles;
  }

  #ownImage(name: string): Promise<Image> {
    const known = this.#ownImages.get(name) ?? userImage(this.#store, name, this.#signal);
    this.#ownImages.set(name, known);
    return known.then((image) => {
      const key = `peer ${name}`;
      if (this.artifacts[key] === undefined) this.#noteTested('peer', name, image);
      this.artifacts[key] = `${image.name} ${image.id}`;
      return image;
    });
  }

  /** @param version of our own images */
  #noteTested(role: Instance['role'], asked: string | undefined, image: Image, version?: string): void {
    const own = asked === undefined && version !== undefined ? { version } : {};
    this.tested.push({ role, ...(asked !== undefined && { asked }), ...programOf(image), ...own });
  }

  async #fill(container: Container, image: Image, contents: readonly ShareContent[]): Promise<void> {
    const owner = await ownerOf(this.#engine, container, image.user);
    await fillShare(this.#engine, container, owner, contents, this.#signal);
  }

  #track(work: Promise<unknown>): void {
    this.#creating.add(work);
    const done = () => this.#creating.delete(work);
    work.then(done, done);
  }

  #ready() {
    if (!this.#images || !this.#network || !this.#endings)
      throw new PeerLabError('internal', { expected: 'prepare()' });
    return { images: this.#images, network: this.#network, endings: this.#endings };
  }

  #throwIfOver(): void {
    if (this.#signal.aborted) throw interruption(this.#signal);
  }
}

function inContainer(address: string, shareDir: string): Whereabouts {
  return { host: '0.0.0.0', address, shareDir };
}
