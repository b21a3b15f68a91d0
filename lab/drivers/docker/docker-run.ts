import type { Container } from 'dockerode';
import { PeerLabError } from '#proto/errors.ts';
import { createLimit } from '../../limit.ts';
import { interruption, settled, within } from '../deadline.ts';
import { type DirectorySpec, type DriverInit, type Instance, type PeerSpec, READY_TIMEOUT_MS } from '../driver.ts';
import { waitUntilHealthy } from '../readiness.ts';
import { EngineConnection } from './connection.ts';
import { HealthWait, InstanceContainer, type PeerLimits } from './container.ts';
import { DockerInstance } from './docker-instance.ts';
import { Endings } from './endings.ts';
import type { EngineInfo } from './engine.ts';
import { Disturber } from './faults/disturber.ts';
import { DockerDisk } from './faults/docker-disk.ts';
import { DockerNetwork } from './faults/docker-network.ts';
import { ensureFaultImage } from './faults/fault-image.ts';
import { type Images, imagesOn } from './image-build.ts';
import { type Image, imageOf } from './image-store.ts';
import { labelsOf } from './labels.ts';
import { logTail } from './log.ts';
import { createNetwork, type RunNetwork } from './network.ts';
import { ownerOf } from './owner.ts';
import { COPY_TIMEOUT_MS, fillShare, SHARE_DIR } from './share-volume.ts';
import { sweep } from './sweep.ts';
import { testcontainersOn } from './testcontainers-client.ts';

const DIRECTORY_PORT = 5000;
const GRPC_PORT = 50_051;
const CONTROL_PORT = 50_052;
/** The engine starts containers one after another anyway: more at one time only makes each wait longer. */
const STARTS_AT_ONCE = 8;
const SETTLE_TIMEOUT_MS = 15_000;
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
  readonly fill?: (container: Container) => Promise<void>;
  /** Size of the share's disk, where it is to have one. */
  readonly diskBytes?: number | undefined;
}

/** One run on one engine: its images, its network, its containers. Behind docker-driver.ts, which loads it when needed. */
export class DockerRun {
  artifacts: Record<string, string> = {};
  readonly #init: DriverInit;
  readonly #engine: EngineConnection;
  readonly #limit = createLimit(STARTS_AT_ONCE);
  readonly #creating = new Set<Promise<unknown>>();
  readonly #closing = new AbortController();
  readonly #hurry = new AbortController();
  /** Fires when nothing new may be begun: the run was interrupted, is ending, or has lost its engine. */
  readonly #signal: AbortSignal;
  #images: Record<Instance['role'], Image> | undefined;
  /** Images of single peers, by name: each is looked for, and pulled, once. */
  readonly #ownImages = new Map<string, Promise<Image>>();
  #network: RunNetwork | undefined;
  #disturber: Disturber | undefined;
  #endings: Endings | undefined;
  #ending: Promise<string[]> | undefined;

  constructor(init: DriverInit, info: EngineInfo) {
    this.#init = init;
    this.#engine = new EngineConnection(info);
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
    const own = directoryImage && peerImage ? undefined : await imagesOn(this.#engine, report, this.#signal);
    const imageFor = async (role: Instance['role'], users: string | undefined) =>
      users ? imageOf(this.#engine, users, this.#signal) : (own as Images)[role];
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
    this.#throwIfOver();
    const faultImage = this.#init.disturbs ? await ensureFaultImage(this.#engine, report, this.#signal) : undefined;
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
        env: { ...env, DIRECTORY_HOST: '0.0.0.0', DIRECTORY_PORT: String(DIRECTORY_PORT) },
      };
    });
  }

  startPeer(spec: PeerSpec): Promise<Instance> {
    const { name, env, directory, share, image: ownImage, memoryBytes, cpus, diskBytes } = spec;
    return this.#start(async () => {
      const image = ownImage === undefined ? this.#ready().images.peer : await this.#ownImage(ownImage);
      const address = this.#ready().network.takeAddress();
      const instanceAddress = `${address}:${GRPC_PORT}`;
      return {
        name,
        role: 'peer',
        image,
        limits: { memoryBytes, cpus },
        httpPort: CONTROL_PORT,
        address,
        instanceAddress,
        env: {
          ...env,
          PEER_HOST: '0.0.0.0',
          PEER_PORT: String(GRPC_PORT),
          PEER_CONTROL_PORT: String(CONTROL_PORT),
          PEER_ADVERTISE: instanceAddress,
          PEER_SHARE_DIR: SHARE_DIR,
          PEER_DIRECTORY_URL: directory.address,
        },
        fill: (container) => this.#fill(container, image, share),
        diskBytes,
      };
    });
  }

  /** The container keeps its address and its volume; the port that it is reached at is published anew. */
  restart(instance: Instance): Promise<Instance> {
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
    const timeoutMs = this.#init.readyTimeoutMs ?? READY_TIMEOUT_MS;
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
    const left = await sweep(this.#engine.info, this.#init.runId, this.#init.logsDir, this.#hurry.signal);
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

  async #startContainer(spec: ContainerSpec): Promise<Instance> {
    const engine = this.#engine;
    const readyTimeoutMs = this.#init.readyTimeoutMs ?? READY_TIMEOUT_MS;
    const created = Promise.withResolvers<DockerInstance>();
    const health = new HealthWait(spec.httpPort, readyTimeoutMs, this.#signal);
    const disk = await this.#diskOf(spec);
    const container = this.#container(spec, readyTimeoutMs, async (id) => {
      const { name, role, instanceAddress: address } = spec;
      const container = engine.docker.getContainer(id);
      const what = { name, role, address, ...(disk && { disk }) };
      const instance = new DockerInstance(engine, this.#ready().endings, container, what, this.#networkOf());
      // From here on the sweep finds the container by its label.
      created.resolve(instance);
      this.#throwIfOver();
      await spec.fill?.(instance.container);
      this.#throwIfOver();
    });
    const starting = container.withWaitStrategy(health).start();
    starting.catch(created.reject);
    this.#track(created.promise);
    const instance = await within(created.promise, readyTimeoutMs, () => notReady(spec, readyTimeoutMs), this.#signal);
    const started = await this.#orEnded(starting, instance, spec, readyTimeoutMs);
    if (health.failed) throw notReady(spec, readyTimeoutMs);
    instance.reachedAt(`http://127.0.0.1:${started.getMappedPort(spec.httpPort)}`);
    return instance;
  }

  #networkOf(): ConstructorParameters<typeof DockerInstance>[4] {
    const disturber = this.#disturber;
    const { gateway } = this.#ready().network;
    return disturber && ((instance) => new DockerNetwork(disturber, instance.container, gateway, instance));
  }

  async #diskOf({ name, diskBytes }: ContainerSpec): Promise<DockerDisk | undefined> {
    if (diskBytes === undefined) return undefined;
    if (!this.#disturber) throw new PeerLabError('internal', { expected: '`disturbs` for a disk with a size' });
    const { runId } = this.#init;
    const making = DockerDisk.make(this.#engine, this.#disturber, runId, name, `peerlab-${runId}-${name}`, diskBytes);
    this.#track(making);
    return making;
  }

  /** `starting`, unless the container ends first: testcontainers would wait on for ports that never come. */
  async #orEnded<T>(
    starting: Promise<T>,
    instance: DockerInstance,
    spec: ContainerSpec,
    readyTimeoutMs: number,
  ): Promise<T> {
    const exited = instance.ended.then(async (how) => {
      throw await this.#exitedEarly(instance, how);
    });
    exited.catch(() => {});
    // The deadline for readiness is kept by HealthWait and begins after the share was copied: this one is for the whole.
    const outerMs = COPY_TIMEOUT_MS + ENGINE_START_MS + readyTimeoutMs;
    return within(Promise.race([starting, exited]), outerMs, () => notReady(spec, outerMs), this.#signal);
  }

  async #exitedEarly({ name, container }: DockerInstance, how: string): Promise<PeerLabError> {
    if (this.#engine.lost.aborted) return interruption(this.#engine.lost);
    const log = await logTail(this.#engine, container);
    return new PeerLabError('instance-exited', {
      about: name,
      got: `"${how}" before it was ready; its last words:\n${log || '(nothing)'}`,
    });
  }

  #container(spec: ContainerSpec, readyTimeoutMs: number, created: (id: string) => Promise<void>): InstanceContainer {
    const { network } = this.#ready();
    const { runId } = this.#init;
    const containerName = `peerlab-${runId}-${spec.name}`;
    const env = Object.entries(spec.env).filter((entry): entry is [string, string] => entry[1] !== undefined);
    return new InstanceContainer({
      containerName,
      hostname: spec.name,
      image: spec.image,
      limits: spec.limits,
      labels: labelsOf(runId, spec.role, spec.name),
      env: Object.fromEntries(env),
      network: network.name,
      address: spec.address,
      httpPort: spec.httpPort,
      readyTimeoutMs,
      created,
      ...(spec.role === 'peer' ? { shareVolume: { name: containerName, isMade: spec.diskBytes !== undefined } } : {}),
    });
  }

  #ownImage(name: string): Promise<Image> {
    const known = this.#ownImages.get(name) ?? imageOf(this.#engine, name, this.#signal);
    this.#ownImages.set(name, known);
    return known.then((image) => {
      this.artifacts[`peer ${name}`] = `${image.name} ${image.id}`;
      return image;
    });
  }

  async #fill(container: Container, image: Image, share: PeerSpec['share']): Promise<void> {
    const owner = await ownerOf(this.#engine, container, image.user);
    await fillShare(this.#engine, container, owner, share, this.#signal);
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

function notReady({ name, httpPort }: ContainerSpec, timeoutMs: number): PeerLabError {
  return new PeerLabError('not-ready', {
    about: name,
    expected: `200 from port ${httpPort}, /healthz, within ${timeoutMs} ms`,
    got: 'no such answer',
  });
}
