import { DIRECTORY } from '../history/events.ts';
import { strict } from '../language/words.ts';
import { faultShape, lifeStep, THERE } from './fault-step.ts';

export const evict = lifeStep({
  verb: 'evict',
  summary:
    'The machines of the peers are taken away, as a cluster does when it drains a node: each peer is asked to end, and then it is gone, with its share. Nothing brings it back.',
  example: 'evict: {group: seeders, take: 1}',
  idle: 'none of them is there',
  schema: strict(faultShape).refine(({ group }) => group !== DIRECTORY, 'only peers can be evicted'),
  of: THERE,
  after: () => 'gone',
  does: { does: 'fault', fault: { kind: 'evict' } },
});
