import { lifeFault } from './life.ts';

/** SIGKILL: the instance is gone at once, and nobody is told. */
export const kill = lifeFault<'kill'>({
  seen: 'refuses',
  ends: true,
  apply: (instance) => instance.kill(),
  lift: (instance, driver) => driver.restart(instance),
});
