import type { Driver, Instance } from '../drivers/driver.ts';
import type { FaultKind, Proof, SpecOf } from '../history/events.ts';

/**
 * A FAULT: something that is done to a running instance on purpose, and undone. One file here, one line in table.ts. The injector
 * decides when it is done, undone and looked at; what a look sees, and ought to see, is the fault's own business.
 */
export interface Fault<K extends FaultKind = FaultKind> {
  /**
   * `life`: the instance itself does not run as it should, and only one such fault can have hold of it. `surroundings`: what lies
   * around it is disturbed; faults of different kinds can be in force together.
   */
  readonly hits: 'life' | 'surroundings';
  /** The instance ends by it: all other faults in force are over, and what comes back after it is another life. */
  readonly ends: boolean;
  /** The share goes with it: nobody can read it any more. */
  readonly takesShare?: true;
  apply(spec: SpecOf<K>, subject: Subject): Promise<void>;
  /** @returns the instance as it goes on; a new one when it had ended */
  lift(spec: SpecOf<K>, subject: Subject, driver: Pick<Driver, 'restart'>): Promise<Instance>;
  /**
   * Looks whether the fault is in force (`during`), or not (`before`, `after`).
   * @param withinMs how long a healthy instance is given to be seen as one
   */
  look(spec: SpecOf<K>, subject: Subject, when: Proof['when'], withinMs: number): Promise<Look>;
}

export type Look = Pick<Proof, 'wanted' | 'seen' | 'ok' | 'figures'>;

/** An instance, and those around it. */
export interface Subject {
  readonly instance: Instance;
  /** Those that run now and are meant by `all`, `directory` or the name of a group; never the instance itself. */
  others(scope: string): Instance[];
  /** Those among them that nothing but this instance's own faults keeps from reaching it. */
  witnesses(scope: string): Instance[];
}
