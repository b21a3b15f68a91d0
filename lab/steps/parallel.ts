import { z } from 'zod';
import { strict } from '../language/words.ts';
import { type StepKind, stepList } from './step.ts';

export const parallel: StepKind<{ branches: unknown[][] }> = {
  verb: 'parallel',
  summary: 'Branches that run at the same time. The step ends when all branches have ended.',
  example: 'parallel: {branches: [[{search: leechers}], [{wait: 1s}, {index: seeders}]]}',
  schema: strict({
    branches: z.array(stepList).min(2, 'expected at least two branches').meta({ description: 'Lists of steps.' }),
  }),
  groups: () => ({}),
  inner: ({ branches }) => branches.map((steps, i) => ({ path: ['branches', i], steps })),
  plan: (_, { id, inside }, inner) => ({
    does: 'parallel',
    id,
    label: `${inner.length} branches in parallel`,
    branches: inner.map((steps, i) => inside(steps, `${i + 1}`)),
    atMs: inner.map(() => 0),
  }),
};
