import { z } from 'zod';
import { strict } from '../language/words.ts';
import { concurrency, planFlows, type StepKind, type WhoSpec, whoShape } from './step.ts';

interface Spec extends WhoSpec {
  name: string;
  times: number;
  concurrency: number;
}

export const search: StepKind<Spec> = {
  verb: 'search',
  records: ['search'],
  summary: 'Each peer asks the directory which peers have a file.',
  example: 'search: {group: leechers, name: "*.txt"}',
  schema: strict({
    ...whoShape,
    name: z.string().min(1).default('*').meta({ description: 'A file name, or a glob with * and ?.' }),
    times: z.number().int().min(1).max(10_000).default(1).meta({ description: 'The number of searches of each peer.' }),
    concurrency,
  }),
  shorthand: 'group',
  groups: ({ group }) => ({ group }),
  idle: 'no peer of the group is there',
  plan: (spec, context) =>
    planFlows('search', spec, context, `search ${spec.group}: ${spec.name}`, () =>
      Array.from({ length: spec.times }, () => ({ name: spec.name })),
    ),
};
