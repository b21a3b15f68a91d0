import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Instance } from '../drivers/driver.ts';
import { inPool } from './pool.ts';

const READS_AT_A_TIME = 16;

/** What a run costs: the lab itself while the steps are taken, and the instances as far as their driver can tell. */
export class Measurement {
  readonly #loopDelay = monitorEventLoopDelay({ resolution: 20 });
  readonly #resources: Record<string, number> = {};
  #atBegin = { user: 0, system: 0 };

  /** By the names of result.json. */
  get resources(): Readonly<Record<string, number>> {
    return this.#resources;
  }

  /** The longest time in which the lab's own event loop was held up. */
  get stallSeconds(): number {
    return this.#loopDelay.max / 1e9;
  }

  /** The steps begin: what was before (loading the lab, starting instances) is not the cost of watching them. */
  begin(): void {
    this.#atBegin = process.cpuUsage();
    this.#resources.labSetupCpuSeconds = secondsOf(this.#atBegin);
    this.#loopDelay.enable();
  }

  end(): void {
    this.#loopDelay.disable();
    this.#resources.labCpuSeconds = secondsOf(process.cpuUsage(this.#atBegin));
    this.#resources.labMemoryBytes = process.memoryUsage.rss();
  }

  /** To be called while the instances still run. */
  async measure(directory: Instance | undefined, peers: Iterable<Instance>, peerMemoryBytesMax: number): Promise<void> {
    this.#resources.peerMemoryBytesMax = peerMemoryBytesMax;
    const usage = await directory?.usage();
    if (usage) this.#resources.directoryCpuSeconds = usage.cpuSeconds;
    const perPeer: number[] = [];
    await inPool(peers, READS_AT_A_TIME, async (peer) => {
      perPeer.push((await peer.usage())?.cpuSeconds ?? 0);
    });
    this.#resources.peerCpuSeconds = perPeer.reduce((sum, seconds) => sum + seconds, 0);
  }
}

function secondsOf({ user, system }: NodeJS.CpuUsage): number {
  return (user + system) / 1e6;
}
