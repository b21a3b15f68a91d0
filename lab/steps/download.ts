import { z } from 'zod';
import type { Random } from '../language/random.ts';
import { strict } from '../language/words.ts';
import type { PlannedPeer } from '../language/world.ts';
import { concurrency, planFlows, type StepKind, type WhoSpec, whoShape } from './step.ts';

interface Spec extends WhoSpec {
  files: string;
  limit?: number | undefined;
  zipf: number;
  again: boolean;
  concurrency: number;
}

export const download: StepKind<Spec> = {
  verb: 'download',
  records: ['download'],
  summary: 'Each peer fetches the files that it does not have, in an order that the seed decides.',
  example: 'download: {group: leechers, files: "*.bin", limit: 10, zipf: 1.1, concurrency: 4}',
  schema: strict({
    ...whoShape,
    files: z.string().min(1).default('*').meta({ description: 'Which files: a name, or a glob with * and ?.' }),
    limit: z
      .number()
      .int()
      .min(1)
      .optional()
      .meta({ description: 'The largest number of files for each peer, picked by the seed.' }),
    zipf: z.number().min(0).max(5).default(0).meta({
      description:
        'Popularity: the n-th file is picked with a weight of 1/n^zipf. 0: all files alike. About 1 is typical for the web.',
    }),
    again: z.boolean().default(false).meta({
      description: 'Also fetch files that the peer should have by now, because an earlier step may not have finished.',
    }),
    concurrency,
  }),
  shorthand: 'group',
  groups: ({ group }) => ({ group }),
  idle: 'each peer of the group has every file that matches, or no peer that is there has one',
  plan: (spec, context) => {
    const { world, draw } = context;
    const all = world.files(spec.files);
    const requestsOf = ({ name: peer }: PlannedPeer) => {
      const wanted = all.filter((file) => spec.again || !world.holds(peer, file));
      return byPopularity(wanted, spec.zipf, world.random(draw, 'download', peer))
        .slice(0, spec.limit)
        .map((name) => ({ name }));
    };
    const label = `download ${spec.group}: ${spec.files}`;
    const step = planFlows('download', spec, context, label, requestsOf, all.length);
    // Only after all have picked: a file that another peer fetches in this very step is no reason to do differently.
    if (step.does === 'operations') {
      for (const { peer, operations } of step.flows)
        for (const { request } of operations) world.hold(peer, request.name as string);
    }
    return step;
  },
};

/**
 * The files in an order in which the more popular tend to come first: a draw without replacement, by the keys
 * random^(1/weight) of Efraimidis and Spirakis (2006). With an exponent of 0 it is a plain shuffle.
 */
export function byPopularity(files: readonly string[], exponent: number, random: Random): string[] {
  return files
    .map((file, i) => ({ file, key: random.float() ** ((i + 1) ** exponent) }))
    .sort((a, b) => b.key - a.key)
    .map(({ file }) => file);
}
