import type { Fault } from './fault.ts';

/** SIGKILL: the instance is gone at once, and nobody is told. */
export const kill: Fault = {
  seen: 'refuses',
  ends: true,
  apply: (instance) => instance.kill(),
  lift: (instance, driver) => driver.restart(instance),
};
