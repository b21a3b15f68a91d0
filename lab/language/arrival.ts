import { z } from 'zod';
import type { Random } from './random.ts';
import { strict } from './words.ts';

/** When peers begin a step: all at once, at a rate, at a rate that grows, or by chance. */
export type Arrival =
  | { readonly kind: 'at-once' }
  | { readonly kind: 'rate' | 'poisson'; readonly perSecond: number }
  | { readonly kind: 'ramp'; readonly fromPerSecond: number; readonly toPerSecond: number };

const MAX_PER_SECOND = 1_000_000;
const RATE_EXPECTED = 'expected a rate such as 10/s or 30/m, at most 1000000/s';
const PER: Record<string, number> = { s: 1, m: 60, h: 3600 };

/** Peers a second, from `10/s`, `0.5/s`, `30/m`. */
export const rate = z
  .string({ error: RATE_EXPECTED })
  .transform((text, context) => {
    const [, number, unit] = /^(\d+(?:\.\d+)?)\/([smh])$/.exec(text) ?? [];
    const perSecond = number && unit ? Number(number) / (PER[unit] as number) : 0;
    if (perSecond > 0 && perSecond <= MAX_PER_SECOND) return perSecond;
    context.addIssue({ code: 'custom', message: `${RATE_EXPECTED}, got "${text}"` });
    return z.NEVER;
  })
  .meta({ description: 'A rate.', examples: ['10/s', '30/m'] });

export const arrival = z
  .union(
    [
      z.literal('at-once').transform((): Arrival => ({ kind: 'at-once' })),
      strict({ rate }).transform(({ rate }): Arrival => ({ kind: 'rate', perSecond: rate })),
      strict({ poisson: rate }).transform(({ poisson }): Arrival => ({ kind: 'poisson', perSecond: poisson })),
      strict({ ramp: strict({ from: rate, to: rate }) }).transform(
        ({ ramp }): Arrival => ({ kind: 'ramp', fromPerSecond: ramp.from, toPerSecond: ramp.to }),
      ),
    ],
    { error: 'expected at-once, {rate: 10/s}, {poisson: 10/s} or {ramp: {from: 1/s, to: 10/s}}' },
  )
  .meta({
    description:
      'When each peer begins: at-once (default), {rate: 10/s}, {poisson: 10/s} or {ramp: {from: 1/s, to: 10/s}}.',
  });

/** Milliseconds after the step began at which each of `count` peers begins, in ascending order. */
export function arrivalTimesMs(how: Arrival, count: number, random: Random): number[] {
  let at = 0;
  return Array.from({ length: count }, (_, i) => {
    const now = at;
    at += gapSeconds(how, i / count, random) * 1000;
    return Math.round(now);
  });
}

/** Time to the next arrival, when `done` (0 to 1) of them have arrived. */
function gapSeconds(how: Arrival, done: number, random: Random): number {
  switch (how.kind) {
    case 'at-once':
      return 0;
    case 'rate':
      return 1 / how.perSecond;
    case 'poisson':
      // The gaps of a Poisson process are exponential: inverse transform sampling.
      return -Math.log(1 - random.float()) / how.perSecond;
    case 'ramp':
      return 1 / (how.fromPerSecond + (how.toPerSecond - how.fromPerSecond) * done);
  }
}
