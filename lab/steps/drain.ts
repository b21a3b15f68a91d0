import { DIRECTORY } from '../history/events.ts';
import { duration, strict } from '../language/words.ts';
import { faultShape, lifeStep, THERE } from './fault-step.ts';

/** Until pods have gone and a look has seen it, some seconds pass. */
const MIN_DRAIN_MS = 5000;
const { group, take, at } = faultShape;

export const drain = lifeStep({
  verb: 'drain',
  summary:
    'The node below the peers is drained, as for its maintenance: it takes no new pods, and what the run has on it is evicted. The peers of a step have a node together, and nobody else of the run is on it. They are gone then, with their shares. With `for` the node is in service again after that time, and the step ends then; otherwise when the run ends.',
  example: 'drain: {group: seeders, take: 2, for: 20s}',
  idle: 'none of them is there',
  schema: strict({
    ...{ group, take, at },
    for: duration
      .refine(
        (ms) => ms >= MIN_DRAIN_MS,
        `expected at least ${MIN_DRAIN_MS / 1000}s: what is shorter can not be proved`,
      )
      .optional()
      .meta({ description: 'How long the node is out of service.' }),
  }).refine(({ group }) => group !== DIRECTORY, 'only nodes of peers can be drained'),
  of: THERE,
  after: () => 'gone',
  does: { does: 'fault', fault: { kind: 'drain' } },
});
