import { z } from 'zod';
import { LIES } from '../doubles/names.ts';
import { strict } from '../language/words.ts';
import { disturbance, lasts } from './disturbance.ts';
import { faultShape, ONE_DIRECTORY, oneDirectory } from './fault-step.ts';

const MIN_LIE_MS = 2000;

export const lie = disturbance({
  verb: 'lie',
  summary: 'Byzantine peers (`double: byzantine-peer` of the group) send other content than they announce.',
  example: 'lie: {group: liars, how: wrong-bytes, for: 5s}',
  idle: 'none of them is there and is a byzantine-peer (`double` of the group)',
  schema: strict({
    ...faultShape,
    how: z
      .enum(LIES)
      .exclude(['none'])
      .default('wrong-bytes')
      .meta({ description: 'What they send; docs/faults.md has the list. Default: wrong-bytes.' }),
    for: lasts(MIN_LIE_MS),
  }).refine(oneDirectory, ONE_DIRECTORY),
  fits: (name, { world }) => world.peers.some((peer) => peer.name === name && peer.double === 'byzantine-peer'),
  fault: ({ how }) => ({ kind: 'lie', how }),
});
