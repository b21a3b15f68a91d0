import { PassThrough, type Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import type Docker from 'dockerode';
import type { Container } from 'dockerode';
import { PeerLabError } from '#proto/errors.ts';
import { createLimit, type Limit } from '../../../limit.ts';
import { type EngineConnection, statusOf } from '../connection.ts';
import type { Image } from '../image-store.ts';
import { FAULT_ROLE, labelsOf } from '../labels.ts';
import type { RunNetwork } from '../network.ts';
import { SHARE_DIR } from '../share-volume.ts';
import { type Failure, MEASURING_PORT, type Question, type Questions, REACHING_PORT } from './agent-protocol.ts';
import { AGENT } from './fault-image.ts';

const MEMORY_BYTES = 256 * 1024 * 1024;
const MAX_PIDS = 64;
const LOG_LIMITS = { 'max-size': '1m', 'max-file': '1' };
const STARTS_AT_ONCE = 8;
/** Measurements disturb each other: more of them at one time would measure the machine. */
const QUESTIONS_AT_ONCE = 4;
const WITNESS_TIMEOUT_MS = 20_000;
const POLL_MS = 50;
const START_TIMEOUT_MS = 30_000;
/** For a question to be answered, the time that it asks for itself not included. */
const ANSWER_TIMEOUT_MS = 30_000;

type Answer<Q extends Question> = Questions[Q['do']]['answer'];

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
    await this.#untilAnswering(helper, address);
    return { helper, address };
  }

  /** The container runs a moment before its program listens. */
  async #untilAnswering(helper: Helper, host: string): Promise<void> {
    const giveUpAt = performance.now() + WITNESS_TIMEOUT_MS;
    const targets = [MEASURING_PORT, REACHING_PORT].map((port) => ({ host, port }));
    for (;;) {
      const { listening } = await helper.ask({ do: 'listening', targets });
      if (listening.every(Boolean)) return;
      this.#signal.throwIfAborted();
      if (performance.now() > giveUpAt) {
        throw new PeerLabError('not-ready', {
          about: 'the witness',
          expected: `its ports in ${WITNESS_TIMEOUT_MS} ms`,
        });
      }
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
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
    return new Helper(this.#engine, container, label, this.#questions);
  }
}

export interface Witness {
  readonly helper: Helper;
  readonly address: string;
}

/** A container with an agent. */
export class Helper {
  readonly #engine: EngineConnection;
  readonly #container: Container;
  readonly #name: string;
  readonly #limit: Limit;

  constructor(engine: EngineConnection, container: Container, name: string, limit: Limit) {
    this.#limit = limit;
    this.#engine = engine;
    this.#container = container;
    this.#name = name;
  }

  /** @throws PeerLabError `engine-failed`, with the agent's own words when it could not do it */
  async ask<Q extends Question>(question: Q, extraMs = 0): Promise<Answer<Q>> {
    const what = `${question.do} in ${this.#name}`;
    const asked = () =>
      this.#engine.call(what, this.#run([...AGENT, 'ask', JSON.stringify(question)]), ANSWER_TIMEOUT_MS + extraMs);
    const said = await this.#limit(asked);
    const answer = parsed<Answer<Q>>(said.out);
    if (answer === undefined) throw this.#failure(what, said.err || said.out || 'no answer');
    if (typeof answer === 'object' && 'failed' in answer) throw this.#failure(what, answer.failed);
    return answer;
  }

  /** Its end comes with it; nobody waits for it to end in order, it has nothing to say. */
  async remove(): Promise<void> {
    const removed = this.#container.remove({ force: true, v: false });
    await this.#engine.call(`remove ${this.#name}`, removed).catch((error) => {
      // It is gone, or going.
      if (![404, 409].includes(statusOf(error) ?? 0)) throw error;
    });
  }

  async #run(argv: readonly string[]): Promise<{ out: string; err: string }> {
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

  #failure(what: string, got: string): PeerLabError {
    return new PeerLabError('engine-failed', { about: what, got: got.trim() });
  }
}

function parsed<T>(said: string): T | Failure | undefined {
  try {
    return JSON.parse(said) as T | Failure;
  } catch {
    return undefined;
  }
}
