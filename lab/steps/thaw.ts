import { strict } from '../language/words.ts';
import { faultShape, lifeStep, ONE_DIRECTORY, oneDirectory } from './fault-step.ts';

export const thaw = lifeStep({
  verb: 'thaw',
  summary: 'Frozen peers, or the frozen `directory`, go on.',
  example: 'freeze: seeders\n- thaw: seeders',
  idle: 'none of them is frozen',
  schema: strict(faultShape).refine(oneDirectory, ONE_DIRECTORY),
  of: ['frozen'],
  after: () => 'there',
  does: { does: 'heal', of: ['freeze'] },
});
