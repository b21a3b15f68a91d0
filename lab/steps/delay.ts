import { duration, strict } from '../language/words.ts';
import { disturbance, lasts, MIN_NETWORK_FAULT_MS } from './disturbance.ts';
import { faultShape, ONE_DIRECTORY, oneDirectory } from './fault-step.ts';

const MAX_DELAY_MS = 10_000;

export const delay = disturbance({
  verb: 'delay',
  summary:
    'Everything that the peers, or the `directory`, send is late by this time, plus or minus the jitter. Needs a kernel with netem.',
  example: 'delay: {group: leechers, by: 80ms, jitter: 10ms}',
  idle: 'none of them is there',
  schema: strict({
    ...faultShape,
    by: duration
      .refine((ms) => ms >= 1 && ms <= MAX_DELAY_MS, `expected from 1ms to ${MAX_DELAY_MS / 1000}s`)
      .meta({ description: 'How much later each packet leaves.' }),
    jitter: duration.optional().meta({ description: 'The standard deviation of the delay. Default: none.' }),
    for: lasts(MIN_NETWORK_FAULT_MS),
  })
    .refine(oneDirectory, ONE_DIRECTORY)
    .refine(({ by, jitter = 0 }) => jitter <= by, 'expected a `jitter` of at most `by`'),
  fault: ({ by, jitter = 0 }) => ({ kind: 'delay', byMs: by, jitterMs: jitter }),
});
