import { readFileSync } from 'node:fs';

const CPU_PRESSURE = '/proc/pressure/cpu';

/**
 * The share of the last ten seconds, from 0 to 1, in which some program of this machine waited for a processor.
 * Linux tells it ("pressure stall information", Documentation/accounting/psi.rst); elsewhere it is undefined.
 */
export function cpuPressure(read = told): number | undefined {
  try {
    const percent = /^some avg10=(\d+(?:\.\d+)?)/m.exec(read())?.[1];
    return percent === undefined ? undefined : Number(percent) / 100;
  } catch {
    return undefined; // Not Linux, or a kernel without it.
  }
}

/** Seconds since the machine's start in which some program waited for a processor, by the same source. */
export function cpuStalledSeconds(read = told): number | undefined {
  try {
    const total = /^some .*\btotal=(\d+)/m.exec(read())?.[1];
    return total === undefined ? undefined : Number(total) / 1e6;
  } catch {
    return undefined;
  }
}

function told(): string {
  return readFileSync(CPU_PRESSURE, 'utf8');
}
