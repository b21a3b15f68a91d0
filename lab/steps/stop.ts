import { strict } from '../language/words.ts';
import { faultShape, lifeStep, ONE_DIRECTORY, oneDirectory, THERE } from './fault-step.ts';

export const stop = lifeStep({
  verb: 'stop',
  summary:
    'The peers, or the `directory`, end in order, as on SIGTERM. Peers leave the index. `restart` brings them back.',
  example: 'stop: {group: seeders, take: 1}',
  idle: 'none of them is there',
  schema: strict(faultShape).refine(oneDirectory, ONE_DIRECTORY),
  of: THERE,
  after: () => 'down',
  does: { does: 'fault', fault: { kind: 'stop' } },
});
