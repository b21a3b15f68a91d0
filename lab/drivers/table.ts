import type { DriverDescription } from './description.ts';
import { dockerDriver } from './docker/description.ts';
import { kubernetesDriver } from './kubernetes/description.ts';
import { processDriver } from './process/description.ts';
import { standingDriver } from './standing/description.ts';

/** THE TABLE OF DRIVERS, in the order in which `auto` prefers them. The only file that names concrete drivers. */
export const DRIVERS: readonly DriverDescription[] = [dockerDriver, processDriver, standingDriver, kubernetesDriver];

export const KINDS: readonly string[] = DRIVERS.map(({ kind }) => kind);

/** The driver of a kind that the command line or a record of a run has, which were checked against the table. */
export function driverOf(kind: string): DriverDescription {
  return DRIVERS.find((driver) => driver.kind === kind) as DriverDescription;
}
