import type { Facts } from './facts.ts';
import type { Footprint } from './footprint.ts';
import type { Size } from './size.ts';

/** What a check found. `fix` says what to do if something is wrong. */
export interface Finding {
  /** `tight`: it may go well. `unknown`: it could not be found out here. Neither keeps a scenario from running. */
  readonly state: 'ok' | 'tight' | 'lacking' | 'unknown';
  readonly found: string;
  readonly needed?: string;
  readonly fix?: string;
}

/** What is to run where. */
export interface Patient {
  readonly size: Size;
  /** The kind of the driver, and what its instances take. */
  readonly driver: string;
  readonly footprint: Footprint;
}

/** One thing to look at: a pure function. It gives nothing where it does not matter. */
export interface PreflightCheck {
  readonly name: string;
  judge(facts: Facts, patient: Patient): Finding | undefined;
}

/** More than this part of what there is, and it is tight: figures of other programs move, and ours are estimates. */
const TIGHT_FROM = 0.7;

export interface Amounts {
  /** Undefined when it could not be found out; Infinity when there is no limit. */
  readonly available: number | undefined;
  readonly wanted: number;
  readonly show: (amount: number) => string;
  readonly what: string;
  readonly fix: string;
}

/** How amounts that are counted are shown. */
export const count = (amount: number) => String(Math.round(amount));

/** Holds what is wanted against what there is. */
export function compare({ available, wanted, show, what, fix }: Amounts): Finding {
  const needed = show(wanted);
  if (available === undefined) return { state: 'unknown', found: `${what}: can not be found out here`, needed };
  const found = available === Number.POSITIVE_INFINITY ? `${what}: no limit` : `${show(available)} ${what}`;
  if (wanted > available) return { state: 'lacking', found, needed, fix };
  if (wanted > available * TIGHT_FROM) return { state: 'tight', found, needed, fix };
  return { state: 'ok', found, needed };
}
