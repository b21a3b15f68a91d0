import type { Driver, Instance } from '../drivers/driver.ts';
import type { Seen } from '../history/events.ts';

/**
 * A FAULT: something that is done to a running instance on purpose, and undone. One file here, one line in table.ts. How it is
 * proved is the same for all (injector.ts): the instance answered before, is `seen` as the fault wants it while it is in force, and
 * answers again after.
 */
export interface Fault {
  /** What a probe of the instance must see while the fault is in force. */
  readonly seen: Seen;
  /** The instance ends by it: what comes back after it is another life. */
  readonly ends: boolean;
  apply(instance: Instance): Promise<void>;
  /** @returns the instance as it goes on; a new one when it had ended */
  lift(instance: Instance, driver: Pick<Driver, 'restart'>): Promise<Instance>;
}
