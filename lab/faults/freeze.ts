import type { Fault } from './fault.ts';

/** The instance stands still: its connections stay open, and nothing answers on them. */
export const freeze: Fault = {
  seen: 'silent',
  ends: false,
  apply: (instance) => instance.pause(),
  async lift(instance) {
    await instance.resume();
    return instance;
  },
};
