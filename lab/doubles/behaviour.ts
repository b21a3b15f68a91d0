import { z } from 'zod';
import { EXPECTED, parseByteRate } from '#proto/units.ts';
import { LIES } from './names.ts';

/** WHAT A BYZANTINE PEER DOES WRONG. It begins with what its environment says, and the lab can change it while it runs. */

/** Bytes a second, from `64KiB/s`; undefined is as fast as it goes. */
const rate = z
  .string()
  .transform((text, context) => {
    const bytesPerSecond = parseByteRate(text);
    if (bytesPerSecond !== undefined) return bytesPerSecond;
    context.addIssue({ code: 'custom', message: `expected ${EXPECTED.rate}, got "${text}"` });
    return z.NEVER;
  })
  .optional();

/** Settings of the environment: any of them may be left out. */
export const behaviour = z.object({
  DOUBLE_LIES: z.enum(LIES).default('none'),
  DOUBLE_SENDS: rate,
  DOUBLE_READS: rate,
  /** It names a source of its downloads that nobody is. */
  DOUBLE_GHOST: z.stringbool().optional(),
  /** It ends without a logout. */
  DOUBLE_STAYS: z.stringbool().optional(),
});
export type Behaviour = z.output<typeof behaviour>;

/** Sleeps so that `bytes` more keep to the rate; at most a second at a time, so that who waits can be told to stop. */
export class Pace {
  #dueMs = performance.now();

  /** Milliseconds to wait after `bytes` were moved. */
  delayMs(bytes: number, bytesPerSecond: number | undefined): number {
    if (bytesPerSecond === undefined) return 0;
    const now = performance.now();
    this.#dueMs = Math.max(this.#dueMs, now) + (bytes / bytesPerSecond) * 1000;
    return this.#dueMs - now;
  }
}
