import { z } from 'zod';
import { ALL, DIRECTORY, isDirectory } from '../history/events.ts';
import { strict } from '../language/words.ts';
import { disturbance, lasts, MIN_NETWORK_FAULT_MS } from './disturbance.ts';
import { faultShape, ONE_DIRECTORY, oneDirectory } from './fault-step.ts';

export const cut = disturbance({
  verb: 'cut',
  summary:
    'A network partition: nothing passes between the peers, or the `directory`, and those they are cut off from, both ways. Connections stay open. The lab still reaches them. `heal` undoes it, or `for`.',
  example: 'cut: {group: seeders, from: directory, for: 10s}',
  idle: 'none of them is there',
  schema: strict({
    ...faultShape,
    from: z.string().min(1).default(ALL).meta({ description: 'all (the default), directory, or the name of a group.' }),
    for: lasts(MIN_NETWORK_FAULT_MS),
  })
    .refine(oneDirectory, ONE_DIRECTORY)
    .refine(
      ({ group, from }) => !isDirectory(group) || from !== DIRECTORY,
      'the directory can not be cut off from itself',
    ),
  groups: ({ from }) => (from === DIRECTORY ? {} : { from }),
  fault: ({ from }) => ({ kind: 'cut', from }),
});
