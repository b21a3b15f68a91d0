import { z } from 'zod';
import { strict } from '../language/words.ts';
import { disturbance, lasts, MIN_NETWORK_FAULT_MS } from './disturbance.ts';
import { faultShape, ONE_DIRECTORY, oneDirectory } from './fault-step.ts';

/** Below, less than a chance would be left over to tell it from none, or from all. */
const MIN_LOSS_PERCENT = 1;
const MAX_LOSS_PERCENT = 90;

export const lose = disturbance({
  verb: 'lose',
  summary: 'Packets from and to the peers, or the `directory`, are lost at random, each with the same probability.',
  example: 'lose: {group: leechers, percent: 5}',
  idle: 'none of them is there',
  schema: strict({
    ...faultShape,
    percent: z
      .number()
      .min(MIN_LOSS_PERCENT)
      .max(MAX_LOSS_PERCENT)
      .meta({ description: 'How many percent of the packets are lost, in each direction.' }),
    for: lasts(MIN_NETWORK_FAULT_MS),
  }).refine(oneDirectory, ONE_DIRECTORY),
  fault: ({ percent }) => ({ kind: 'lose', percent }),
});
