import { readFileSync } from 'node:fs';

/**
 * The share of the last ten seconds, from 0 to 1, in which some program of this machine waited for a processor.
 * Linux tells it ("pressure stall information", Documentation/accounting/psi.rst); elsewhere it is undefined.
 */
export function cpuPressure(read = () => readFileSync('/proc/pressure/cpu', 'utf8')): number | undefined {
  try {
    const percent = /^some avg10=(\d+(?:\.\d+)?)/m.exec(read())?.[1];
    return percent === undefined ? undefined : Number(percent) / 100;
  } catch {
    return undefined; // Not Linux, or a kernel without it.
  }
}
