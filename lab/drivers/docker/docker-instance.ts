import type { Container } from 'dockerode';
import { PeerLabError } from '#proto/errors.ts';
import { PROMISES } from '#proto/promises.ts';
import { within } from '../deadline.ts';
import type { DriverInit, Instance, InstanceDisk, InstanceNetwork, InstanceUsage, StoredFile } from '../driver.ts';
import { type EngineConnection, statusOf } from './connection.ts';
import type { Endings } from './endings.ts';
import { readShare } from './share-volume.ts';

/** How long an end may take to be told after the engine has acknowledged a kill. */
const END_TIMEOUT_MS = 10_000;
/** For the engine to do as it is told. */
const CALL_TIMEOUT_MS = 30_000;

/** How the network of each life of a container is disturbed, where that was asked for. */
type NetworkOf = (instance: DockerInstance) => InstanceNetwork;

/** A container of a run. */
export class DockerInstance implements Instance {
  readonly name: string;
  readonly role: 'directory' | 'peer';
  readonly address: string;
  readonly container: Container;
  readonly ended: Promise<string>;
  readonly network?: InstanceNetwork;
  readonly disk?: InstanceDisk;
  readonly #engine: EngineConnection;
  readonly #endings: Endings;
  readonly #networkOf: NetworkOf | undefined;
  readonly #onKill: DriverInit['onKill'];
  #url = '';
  #hasEnded = false;
  #paused = false;

  /** To be made before the container is started, so that no end goes unseen. */
  constructor(
    engine: EngineConnection,
    endings: Endings,
    container: Container,
    { name, role, address, disk }: Pick<Instance, 'name' | 'role' | 'address' | 'disk'>,
    networkOf?: NetworkOf,
    onKill?: DriverInit['onKill'],
  ) {
    this.name = name;
    this.role = role;
    this.address = address;
    this.container = container;
    this.#engine = engine;
    this.#endings = endings;
    this.ended = new Promise((resolve) => {
      endings.once(container.id, (how) => {
        this.#hasEnded = true;
        resolve(`${name}: ${how}`);
      });
    });
    this.#networkOf = networkOf;
    this.#onKill = onKill;
    if (disk) this.disk = disk;
    if (networkOf) this.network = networkOf(this);
  }

  get url(): string {
    return this.#url;
  }

  /** Its next life, to be made before the container is started again: no end goes unseen. */
  again(): DockerInstance {
    if (!this.#hasEnded) throw new PeerLabError('internal', { about: this.name, expected: 'its end before a restart' });
    return new DockerInstance(this.#engine, this.#endings, this.container, this, this.#networkOf, this.#onKill);
  }

  /** Known once it runs. */
  reachedAt(url: string): void {
    this.#url = url;
  }

  storedFiles(): AsyncIterable<StoredFile> {
    if (this.role === 'directory') return (async function* () {})();
    return readShare(this.#engine, this.container);
  }

  async usage(): Promise<InstanceUsage | undefined> {
    if (this.#hasEnded) return undefined;
    const asked = this.container.stats({ stream: false, 'one-shot': true });
    const { cpu_stats, memory_stats } = await this.#engine.call(`read the usage of ${this.name}`, asked);
    if (memory_stats.usage === undefined) return undefined;
    // The page cache is given back whenever somebody needs it: cgroup v1 and v2 name the cold part of it differently.
    const { total_inactive_file, inactive_file } = memory_stats.stats as unknown as Record<string, number | undefined>;
    const cache = total_inactive_file ?? inactive_file ?? 0;
    return { cpuSeconds: cpu_stats.cpu_usage.total_usage / 1e9, memoryBytes: memory_stats.usage - cache };
  }

  async stop(graceMs = PROMISES.end.ms): Promise<void> {
    if (this.#hasEnded) return;
    await this.#thaw();
    await this.#unlessEnded(`stop ${this.name}`, this.container.kill({ signal: 'SIGTERM' }));
    await within(this.ended, graceMs, () => new Error('late')).catch(() => {
      this.#onKill?.(this.name, graceMs);
      return this.kill();
    });
  }

  async kill(): Promise<void> {
    if (this.#hasEnded) return;
    await this.#unlessEnded(`kill ${this.name}`, this.container.kill());
    await this.#untilEnded();
  }

  async pause(): Promise<void> {
    if (this.#hasEnded || this.#paused) return;
    this.#paused = true;
    await this.#unlessEnded(`pause ${this.name}`, this.container.pause());
  }

  async resume(): Promise<void> {
    await this.#thaw();
  }

  /** A frozen container sees no signal. */
  async #thaw(): Promise<void> {
    if (!this.#paused) return;
    this.#paused = false;
    await this.#unlessEnded(`resume ${this.name}`, this.container.unpause());
  }

  /** The engine refuses with 304, 404 or 409 what can't be done to a container that is not running (any more). */
  async #unlessEnded(what: string, work: Promise<unknown>): Promise<void> {
    await this.#engine.call(what, work, CALL_TIMEOUT_MS).catch((error) => {
      if (![304, 404, 409].includes(statusOf(error) ?? 0)) throw error;
    });
  }

  async #untilEnded(): Promise<void> {
    const late = () =>
      new PeerLabError('engine-failed', {
        about: this.name,
        expected: `its end within ${END_TIMEOUT_MS} ms of a kill`,
      });
    await within(this.ended, END_TIMEOUT_MS, late);
  }
}
