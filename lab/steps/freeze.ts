import { duration, strict } from '../language/words.ts';
import { faultShape, lifeStep, ONE_DIRECTORY, oneDirectory } from './fault-step.ts';

/** The proof that an instance stands still takes half a second, at the beginning and at the end. */
const MIN_FREEZE_MS = 1000;

export const freeze = lifeStep({
  verb: 'freeze',
  summary:
    'Peers, or the `directory`, stand still, as on SIGSTOP: their connections stay, and nothing answers. With `for` they go on after so long, and the step ends then; otherwise on `thaw`.',
  example: 'freeze: {group: seeders, take: 1, for: 3s}',
  idle: 'none of them is there and runs',
  schema: strict({
    ...faultShape,
    for: duration
      .refine((ms) => ms >= MIN_FREEZE_MS, 'expected at least 1s: what is shorter can not be proved')
      .optional()
      .meta({ description: 'They stand still for so long.' }),
  }).refine(oneDirectory, ONE_DIRECTORY),
  of: ['there'],
  after: ({ for: forMs }) => (forMs === undefined ? 'frozen' : 'there'),
  does: { does: 'fault', fault: { kind: 'freeze' } },
});
