import { PeerLabError } from '#proto/errors.ts';
import type { Capabilities } from '../drivers/capabilities.ts';
import type { DriverDescription, Surveyed } from '../drivers/description.ts';
import { DRIVERS, driverOf } from '../drivers/table.ts';

/** WHAT COULD CARRY A RUN HERE: the driver that was asked for, or those that `auto` may take. */

/** A driver, as it was found on this machine; or why it can't be had. */
export interface DriverSurvey {
  readonly driver: DriverDescription;
  readonly found: Surveyed | string;
}

/** A way to run a scenario on this machine: `why` says how it came to be one. */
export interface Candidate {
  readonly driver: DriverDescription;
  readonly why: string;
  readonly can: Capabilities;
}

/** @param asked the kind of a driver, or `auto` */
export function surveyDrivers(asked: string): Promise<DriverSurvey[]> {
  const wanted = asked === 'auto' ? DRIVERS.filter(({ isAutomatic }) => isAutomatic) : [driverOf(asked)];
  return Promise.all(wanted.map(async (driver) => ({ driver, found: await driver.survey() })));
}

/** Those that are available, the better one first. If a preferred one is not available, the next one says why. */
export function candidatesOf(asked: string, surveys: readonly DriverSurvey[]): Candidate[] {
  const candidates: Candidate[] = [];
  let passedOver: string | undefined;
  for (const { driver, found } of surveys) {
    if (typeof found === 'string') passedOver = found;
    else {
      const why = asked === 'auto' ? (passedOver ?? found.what) : `as asked; ${found.what}`;
      candidates.push({ driver, why, can: found.can });
    }
  }
  return candidates;
}

/**
 * @throws PeerLabError `usage` when the driver that was asked for needs settings that are missing; such as `no-engine`, when there are no
 * candidates: before anything is started or written
 */
export async function candidatesFor(asked: string): Promise<[Candidate, ...Candidate[]]> {
  assertSettings(asked);
  const surveys = await surveyDrivers(asked);
  const [first, ...rest] = candidatesOf(asked, surveys);
  if (first) return [first, ...rest];
  const absent = surveys.find(({ driver }) => driver.carrier);
  throw new PeerLabError(absent?.driver.carrier?.absent ?? 'internal', { got: String(absent?.found) });
}

function assertSettings(asked: string): void {
  const { settings = [] } = DRIVERS.find(({ kind }) => kind === asked) ?? {};
  const missing = settings.filter((name) => !process.env[name]);
  if (missing.length === 0) return;
  throw new PeerLabError('usage', {
    about: `--driver ${asked}`,
    expected: `${settings.join(', ')} in the environment (docs/drivers.md)`,
    got: `nothing in ${missing.join(', ')}`,
  });
}
