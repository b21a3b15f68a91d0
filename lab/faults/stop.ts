import { lifeFault } from './life.ts';

/** SIGTERM: the instance finishes in order; a peer leaves the index. Less a fault than a change, and proved like one. */
export const stop = lifeFault<'stop'>({
  seen: 'refuses',
  ends: true,
  apply: (instance) => instance.stop(),
  lift: (instance, driver) => driver.restart(instance),
});
