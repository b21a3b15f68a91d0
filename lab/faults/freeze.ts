import { lifeFault } from './life.ts';

/** The instance stands still: its connections stay open, and nothing answers on them. */
export const freeze = lifeFault<'freeze'>({
  seen: 'silent',
  ends: false,
  apply: (instance) => instance.pause(),
  async lift(instance) {
    await instance.resume();
    return instance;
  },
});
