import { z } from 'zod';
import { parseSizeBytes } from '#proto/units.ts';

/** WHAT A BYZANTINE PEER DOES WRONG. It begins with what its environment says, and the lab can change it while it runs. */

/**
 * What it sends in place of a range of a file.
 * - `none`: what was asked for
 * - `wrong-bytes`: the first byte of every chunk is another one
 * - `first-byte`, `middle-byte`, `last-byte`: one byte of the file is another one
 * - `short`: a byte less, and the status is OK
 * - `long`: a byte more
 * - `endless`: the range again and again, 1 GiB at most
 * - `silent`: one chunk, and then nothing
 */
export const LIES = [
  'none',
  'wrong-bytes',
  'first-byte',
  'middle-byte',
  'last-byte',
  'short',
  'long',
  'endless',
  'silent',
] as const;
export type Lie = (typeof LIES)[number];

/** Bytes a second, from `64KiB/s`; undefined is as fast as it goes. */
const rate = z
  .string()
  .transform((text, context) => {
    const bytes = text.endsWith('/s') ? parseSizeBytes(text.slice(0, -2)) : undefined;
    if (bytes) return bytes;
    context.addIssue({ code: 'custom', message: `expected a rate such as 64KiB/s, got "${text}"` });
    return z.NEVER;
  })
  .optional();

/** Settings of the environment: any of them may be left out. */
export const behaviour = z.object({
  DOUBLE_LIES: z.enum(LIES).default('none'),
  DOUBLE_SENDS: rate,
  DOUBLE_READS: rate,
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
