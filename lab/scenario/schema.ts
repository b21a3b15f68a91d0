import { z } from 'zod';
import { duration, groupName, sizeRange, strict } from './words.ts';

/** The most peers a scenario may ask for: a bound against slips, far above what a machine carries. */
export const MAX_PEERS = 10_000;

const copies = z
  .union([z.literal('all'), z.number().int().min(1)], { error: 'expected "all" or a whole number from 1' })
  .meta({ description: 'How many peers of the group hold each file. Neighbours hold the same.' });

/** One item of a share: files made from the seed, or real files. */
export const shareItem = strict({
  files: z
    .number()
    .int()
    .min(1)
    .max(100_000)
    .optional()
    .meta({ description: 'Files on each peer; with `from`, at most so many in all, picked by the seed.' }),
  size: sizeRange.optional(),
  copies: copies.optional(),
  name: z
    .string()
    .min(1)
    .max(200)
    .optional()
    .meta({ description: 'Pattern of the names; {n} is the number of the file. Default: <group>-{n}.bin' }),
  from: z.string().min(1).optional().meta({
    description:
      'A folder of real files, relative to the scenario file; subfolders become part of the names, joined by __.',
  }),
  include: z.string().min(1).optional().meta({ description: 'With `from`: only names that match this glob.' }),
}).superRefine((item, context) => {
  const flaw = (message: string, path: string[] = []) => context.addIssue({ code: 'custom', message, path });
  if (item.from === undefined) {
    if (item.files === undefined || item.size === undefined) flaw('expected `files` and `size`, or `from`');
    if (item.include !== undefined) flaw('`include` goes with `from`', ['include']);
  } else {
    if (item.size !== undefined) flaw('`size` does not go with `from`: real files have their own', ['size']);
    if (item.name !== undefined) flaw('`name` does not go with `from`: real files have their own', ['name']);
  }
});
export type ShareItem = z.output<typeof shareItem>;

export const group = strict({
  count: z.number().int().min(1).max(MAX_PEERS).default(1).meta({ description: 'Peers in the group.' }),
  share: z
    .union([z.array(shareItem), shareItem], { error: 'expected a share item or a list of them' })
    .transform((share) => (Array.isArray(share) ? share : [share]))
    .default([])
    .meta({ description: 'What lies in the share folder of each peer at the start.' }),
  env: z
    .record(z.string().regex(/^[A-Z][A-Z0-9_]*$/), z.coerce.string())
    .default({})
    .meta({ description: 'Settings of these peers; docs/environment.md lists them.' }),
});
export type Group = z.output<typeof group>;

export const directory = strict({
  lease: duration.optional().meta({ description: 'How long a registration holds without a heartbeat.' }),
  env: z.record(z.string().regex(/^[A-Z][A-Z0-9_]*$/), z.coerce.string()).default({}),
});

/** All of the file but its steps, which have schemas of their own (lab/steps). */
export const scenarioFrame = strict({
  name: z.string().regex(/^[a-z0-9][a-z0-9-]{0,59}$/, 'expected a name of lower-case letters, digits and dashes'),
  description: z.string().min(1).meta({ description: 'The question that the scenario answers.' }),
  tags: z.array(z.string().regex(/^[a-z0-9-]+$/)).default([]),
  seed: z
    .number()
    .int()
    .min(0)
    .max(2 ** 32 - 1)
    .default(1)
    .meta({ description: 'Decides files, picks and orders.' }),
  directory: directory.prefault({}),
  groups: z.record(groupName, group).refine((groups) => Object.keys(groups).length > 0, 'expected at least one group'),
  steps: z.array(z.unknown()).min(1, 'expected at least one step'),
  expect: z
    .array(z.string(), { error: 'expected a list of expectations, such as "transfers.failed == 0"' })
    .min(1, 'expected at least one expectation: a run in which nothing is checked proves nothing'),
});
export type ScenarioFrame = z.output<typeof scenarioFrame>;
