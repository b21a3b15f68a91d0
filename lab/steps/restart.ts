import { strict } from '../language/words.ts';
import { faultShape, lifeStep, ONE_DIRECTORY, oneDirectory } from './fault-step.ts';

export const restart = lifeStep({
  verb: 'restart',
  summary:
    'The peers, or the `directory`, come back after they were killed or stopped, with the same name, address and share. Peers log in only when a step says so.',
  example: 'kill: directory\n- restart: directory',
  idle: 'none of them was killed or stopped',
  schema: strict(faultShape).refine(oneDirectory, ONE_DIRECTORY),
  of: ['down'],
  after: () => 'there',
  does: { does: 'heal', of: ['kill', 'stop'] },
});
