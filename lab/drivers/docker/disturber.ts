import { PassThrough, type Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import type Docker from 'dockerode';
import type { Container } from 'dockerode';
import { createLimit } from '../../limit.ts';
import { type AgentContainer, Helper, untilAnswering, type Witness } from '../agent/helper.ts';
import { AGENT } from '../agent/image.ts';
import type { Image } from '../images/image-store.ts';
import { type EngineConnection, statusOf } from './connection.ts';
import { FAULT_ROLE, labelsOf } from './labels.ts';
import type { RunNetwork } from './network.ts';
import { SHARE_DIR } from './share-volume.ts';

const MEMORY_BYTES = 256 * 1024 * 1024;
const MAX_PIDS = 64;
const LOG_LIMITS = { 'max-size': '1m', 'max-file': '1' };
const STARTS_AT_ONCE = 8;
/** Measurements disturb each other: more of them at one time would measure the machine. */
const QUESTIONS_AT_ONCE = 4;
const START_TIMEOUT_MS = 30_000;

/**
 * The containers of one run that disturb instances, and measure: one in the network of an instance (the only ones with a
 * capability, NET_ADMIN), one witness beside all instances, one for each disk. All carry the run's label, and are removed by it.
 */
export class Disturber {
  readonly image: Image;
  readonly #engine: EngineConnection;
  readonly #network: RunNetwork;
  readonly #runId: string;
  readonly #signal: AbortSignal;
  readonly #track: (work: Promise<unknown>) => void;
  readonly #starts = createLimit(STARTS_AT_ONCE);
  readonly #questions = createLimit(QUESTIONS_AT_ONCE);
  #witness: Promise<Witness> | undefined;
  #made = 0;

  constructor(init: {
    engine: EngineConnection;
    image: Image;
    network: RunNetwork;
    runId: string;
    signal: AbortSignal;
    /** Told of each container that is being made: the end of the run waits for it. */
    track(work: Promise<unknown>): void;
  }) {
    this.#engine = init.engine;
    this.image = init.image;
    this.#network = init.network;
    this.#runId = init.runId;
    this.#signal = init.signal;
    this.#track = init.track;
  }

  /** Shares the network of a container that runs, for as long as it does. */
  inNetworkOf(name: string, container: Container): Promise<Helper> {
    return this.#start(name, {
      HostConfig: { NetworkMode: `container:${container.id}`, CapAdd: ['NET_ADMIN'], Memory: MEMORY_BYTES },
    });
  }

  /** Holds a volume that would be gone if nobody had it mounted, and can take more than the usual memory: what lies on it counts. */
  onVolume(name: string, volume: string, sizeBytes: number, command: readonly string[] = []): Promise<Helper> {
    return this.#start(name, {
      ...(command.length > 0 && { Cmd: [...command] }),
      HostConfig: {
        NetworkMode: 'none',
        Mounts: [{ Type: 'volume', Source: volume, Target: SHARE_DIR }],
        // What it takes on a share that belongs to another user.
        CapAdd: ['DAC_OVERRIDE'],
        Memory: MEMORY_BYTES + sizeBytes,
      },
    });
  }

  /** One for the run, in its network, without any capability. */
  witness(): Promise<Witness> {
    this.#witness ??= this.#startWitness().catch((error) => {
      this.#witness = undefined;
      throw error;
    });
    return this.#witness;
  }

  async #startWitness(): Promise<Witness> {
    const address = this.#network.takeAddress();
    const helper = await this.#start('witness', {
      Cmd: [...AGENT, 'witness'],
      User: '65534:65534',
      HostConfig: { NetworkMode: this.#network.name, Memory: MEMORY_BYTES },
      NetworkingConfig: {
        EndpointsConfig: { [this.#network.name]: { IPAMConfig: { IPv4Address: address } } },
      },
    });
    const witness = { helper, address };
    await untilAnswering(witness, this.#signal);
    return witness;
  }

  #start(name: string, options: Docker.ContainerCreateOptions): Promise<Helper> {
    const starting = this.#starts(() => this.#startNow(name, options));
    this.#track(starting);
    return starting;
  }

  async #startNow(name: string, options: Docker.ContainerCreateOptions): Promise<Helper> {
    this.#signal.throwIfAborted();
    const label = `fault-${name}`;
    const created = this.#engine.docker.createContainer({
      name: `peerlab-${this.#runId}-${label}-${++this.#made}`,
      Image: this.image.id,
      Labels: labelsOf(this.#runId, FAULT_ROLE, label),
      ...options,
      HostConfig: {
        CapDrop: ['ALL'],
        SecurityOpt: ['no-new-privileges'],
        ReadonlyRootfs: true,
        PidsLimit: MAX_PIDS,
        LogConfig: { Type: 'json-file', Config: LOG_LIMITS },
        ...options.HostConfig,
        ...(options.HostConfig?.Memory !== undefined && { MemorySwap: options.HostConfig.Memory }),
      },
    });
    const container = await this.#engine.call(`create the container ${label}`, created);
    await this.#engine.call(`start the container ${label}`, container.start(), START_TIMEOUT_MS);
    return new Helper(new DockerAgent(this.#engine, container, label), this.#questions);
  }
}

/** A container with an agent, reached by the engine's `exec`. */
class DockerAgent implements AgentContainer {
  readonly name: string;
  readonly #engine: EngineConnection;
  readonly #container: Container;

  constructor(engine: EngineConnection, container: Container, name: string) {
    this.#engine = engine;
    this.#container = container;
    this.name = name;
  }

  ask(question: string, timeoutMs: number): Promise<{ out: string; err: string }> {
    return this.#engine.call(`ask ${this.name}`, this.#exec([...AGENT, 'ask', question]), timeoutMs);
  }

  async remove(): Promise<void> {
    const removed = this.#container.remove({ force: true, v: false });
    await this.#engine.call(`remove ${this.name}`, removed).catch((error) => {
      // It is gone, or going.
      if (![404, 409].includes(statusOf(error) ?? 0)) throw error;
    });
  }

  async #exec(argv: readonly string[]): Promise<{ out: string; err: string }> {
    const exec = await this.#container.exec({ Cmd: [...argv], AttachStdout: true, AttachStderr: true });
    const stream = (await exec.start({})) as Readable;
    const [out, err] = [new PassThrough(), new PassThrough()];
    this.#engine.docker.modem.demuxStream(stream, out, err);
    const end = () => {
      out.end();
      err.end();
    };
    stream.once('close', end).once('error', end);
    const [said, complaint] = await Promise.all([text(out), text(err)]);
    return { out: said, err: complaint };
  }
}
