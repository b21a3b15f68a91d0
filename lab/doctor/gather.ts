import { release } from 'node:os';
import { getHeapStatistics } from 'node:v8';
import type { DriverDescription, Examined } from '../drivers/description.ts';
import { diskFor } from '../machine/disk.ts';
import type { Facts } from '../machine/facts.ts';
import { openFileLimits } from '../machine/kernel.ts';

export interface Gathered {
  readonly facts: Facts;
  /** The driver's own checks. */
  readonly checks: Examined['checks'];
}

/** Looks at the machine, and at what the driver's instances would stand on; changes nothing. */
export async function gatherFacts(driver: DriverDescription, resultsFolder: string): Promise<Gathered> {
  const [{ ground, checks }, openFiles, results] = await Promise.all([
    driver.examine(),
    openFileLimits(),
    diskFor(resultsFolder),
  ]);
  return {
    facts: {
      ...ground,
      node: process.versions.node,
      system: { platform: process.platform, release: release() },
      openFiles,
      heapBytes: getHeapStatistics().heap_size_limit,
      results,
    },
    checks,
  };
}
