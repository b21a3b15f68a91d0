import { duration, strict } from '../language/words.ts';
import { faultShape, lifeStep, ONE_DIRECTORY, oneDirectory } from './fault-step.ts';

/** The proof that an instance stands still takes half a second, at the beginning and at the end. */
const MIN_FREEZE_MS = 1000;

export const freeze = lifeStep({
  verb: 'freeze',
  summary:
    'The peers, or the `directory`, stand still, as on SIGSTOP: their connections stay open, and nothing answers. With `for` they go on after that time, and the step ends then. Otherwise `thaw` lets them go on.',
  example: 'freeze: {group: seeders, take: 1, for: 3s}',
  idle: 'none of them is there and runs',
  schema: strict({
    ...faultShape,
    for: duration
      .refine((ms) => ms >= MIN_FREEZE_MS, 'expected at least 1s: what is shorter can not be proved')
      .optional()
      .meta({ description: 'How long they stand still.' }),
  }).refine(oneDirectory, ONE_DIRECTORY),
  of: ['there'],
  after: ({ for: forMs }) => (forMs === undefined ? 'frozen' : 'there'),
  does: { does: 'fault', fault: { kind: 'freeze' } },
});
