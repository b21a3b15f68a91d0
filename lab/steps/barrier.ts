import { z } from 'zod';
import { duration, strict } from '../language/words.ts';
import type { StepKind } from './step.ts';

export const barrier: StepKind<{ name: string; deadline: number }> = {
  verb: 'barrier',
  records: ['barrier'],
  summary:
    'Within `each`: the peer waits until all peers that will come to the barrier of this name are there. It does not wait for peers that the scenario took away. After the deadline the step fails and names the missing peers.',
  example: 'each: {group: all, steps: [{login: self}, {barrier: {name: ready, deadline: 30s}}, {download: self}]}',
  schema: strict({
    name: z.string().regex(/^[a-z][a-z0-9-]{0,29}$/, 'expected a name of lower-case letters, digits and dashes'),
    deadline: duration.default(60_000),
  }),
  shorthand: 'name',
  groups: () => ({}),
  plan: ({ name, deadline }, { world, id }) => ({
    does: 'barrier',
    id,
    label: `barrier ${name}`,
    name,
    peer: world.group('self')[0]?.name ?? '',
    deadlineMs: deadline,
  }),
};
