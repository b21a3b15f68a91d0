import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Instance, InstanceUsage } from '../drivers/driver.ts';
import { inPool } from '../limit.ts';
import { cpuStalledSeconds } from '../machine/pressure.ts';

/** The engine takes up to a second for each, mostly waiting. */
const READS_AT_A_TIME = 64;

/** What a run costs: the lab itself while the steps are taken, and the instances as far as their driver can tell. */
export class Measurement {
  readonly #loopDelay = monitorEventLoopDelay({ resolution: 20 });
  readonly #resources: Record<string, number> = {};
  /** This lab may have played other runs before. */
  readonly #atStart = process.cpuUsage();
  #atBegin = this.#atStart;
  #beganAtMs = 0;
  #stalledAtBegin: number | undefined;

  /** By the names of result.json. */
  get resources(): Readonly<Record<string, number>> {
    return this.#resources;
  }

  /** The longest time for which the lab's own event loop was blocked. */
  get stallSeconds(): number {
    return this.#loopDelay.max / 1e9;
  }

  /** The steps begin: what was before (starting instances) is not the cost of watching them. */
  begin(): void {
    this.#atBegin = process.cpuUsage();
    this.#resources.labSetupCpuSeconds = secondsOf(process.cpuUsage(this.#atStart));
    this.#beganAtMs = performance.now();
    this.#stalledAtBegin = cpuStalledSeconds();
    this.#loopDelay.enable();
  }

  end(): void {
    this.#loopDelay.disable();
    this.#resources.labCpuSeconds = secondsOf(process.cpuUsage(this.#atBegin));
    this.#resources.labMemoryBytes = process.memoryUsage.rss();
    const stalled = cpuStalledSeconds();
    if (stalled === undefined || this.#stalledAtBegin === undefined) return;
    const tookSeconds = (performance.now() - this.#beganAtMs) / 1000;
    this.#resources.cpuPressure = Math.min(1, (stalled - this.#stalledAtBegin) / tookSeconds);
  }

  /**
   * To be called while the instances still run. A sum or a maximum in which one of them is missing is none.
   * @param peerMemoryBytesMax of the samples before, if there are any
   */
  async measure(
    directories: readonly Instance[],
    peers: Iterable<Instance>,
    peerMemoryBytesMax?: number,
  ): Promise<void> {
    const used = await Promise.all(directories.map((directory) => directory.usage()));
    if (used.length > 0 && used.every((usage) => usage !== undefined))
      this.#resources.directoryCpuSeconds = used.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0);
    const found: InstanceUsage[] = [];
    let peerCpuSeconds = 0;
    // Those of one host have equal parts.
    const hosts = Map.groupBy(peers, ({ name, host }) => host ?? name);
    await inPool(hosts.values(), READS_AT_A_TIME, async (alike) => {
      const usage = await alike[0]?.usage();
      if (!usage) return;
      found.push(usage);
      peerCpuSeconds += usage.cpuSeconds * alike.length;
    });
    if (found.length < hosts.size || hosts.size === 0) return;
    this.#resources.peerCpuSeconds = peerCpuSeconds;
    this.#resources.peerMemoryBytesMax = found.reduce(
      (most, { memoryBytes }) => Math.max(most, memoryBytes),
      peerMemoryBytesMax ?? 0,
    );
  }
}

function secondsOf({ user, system }: NodeJS.CpuUsage): number {
  return (user + system) / 1e6;
}
