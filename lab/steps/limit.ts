import { byteRate, strict } from '../language/words.ts';
import { disturbance, lasts, MIN_NETWORK_FAULT_MS } from './disturbance.ts';
import { faultShape, ONE_DIRECTORY, oneDirectory } from './fault-step.ts';

/** Packets leave in pieces of 64 KiB: at less than this, one of them takes most of a second. */
const MIN_BYTES_PER_SECOND = 100_000;

const limitRate = byteRate.refine(
  (bytesPerSecond) => bytesPerSecond >= MIN_BYTES_PER_SECOND,
  `expected at least ${MIN_BYTES_PER_SECOND / 1000}kB/s: what is slower can not be measured in a moment`,
);

export const limit = disturbance({
  verb: 'limit',
  summary:
    'The peers, or the `directory`, send (`up`) and receive (`down`) content at no more than this rate, each in sum over all its connections.',
  example: 'limit: {group: seeders, up: 4MB/s}',
  idle: 'none of them is there',
  schema: strict({
    ...faultShape,
    up: limitRate.optional(),
    down: limitRate.optional(),
    for: lasts(MIN_NETWORK_FAULT_MS),
  })
    .refine(oneDirectory, ONE_DIRECTORY)
    .refine(
      ({ up, down }) => up !== undefined || down !== undefined,
      'expected `up`, `down` or both, such as up: 4MB/s',
    ),
  fault: ({ up, down }) => ({
    kind: 'limit',
    ...(up !== undefined && { upBytesPerSecond: up }),
    ...(down !== undefined && { downBytesPerSecond: down }),
  }),
});
