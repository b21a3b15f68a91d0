import { strict } from '../language/words.ts';
import { faultShape, lifeStep, ONE_DIRECTORY, oneDirectory, THERE } from './fault-step.ts';

export const kill = lifeStep({
  verb: 'kill',
  summary: 'The peers, or the `directory`, end at once, as on SIGKILL, and tell nobody. `restart` brings them back.',
  example: 'kill: {group: seeders, take: 1}',
  idle: 'none of them is there',
  schema: strict(faultShape).refine(oneDirectory, ONE_DIRECTORY),
  of: THERE,
  after: () => 'down',
  does: { does: 'fault', fault: { kind: 'kill' } },
});
