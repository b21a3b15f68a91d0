import { z } from 'zod';
import { DOUBLES } from '../doubles/names.ts';
import { duration, groupName, sizeRange, strict } from '../language/words.ts';

/** The most peers a scenario may ask for: a bound against slips, far above what a machine carries. */
const MAX_PEERS = 10_000;
/** In one process: what they do takes turns on one core. */
export const MAX_PEERS_PER_INSTANCE = 1000;

const copies = z
  .union([z.literal('all'), z.number().int().min(1)], { error: 'expected "all" or a whole number from 1' })
  .meta({
    description:
      'How many peers of the group hold each file; neighbours hold the same. Default: 1, and all with `from`.',
  });

/** One item of a share: files made from the seed, or real files. */
const shareItem = strict({
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

const env = z
  .record(
    z.string().regex(/^[A-Z][A-Z0-9_]*$/, 'expected the name of a variable: capitals, digits and _'),
    z.union([z.string(), z.number(), z.boolean()]).transform(String),
  )
  .default({})
  .meta({ description: 'Settings of these instances; docs/environment.md lists them.' });

const limits = strict({
  memory: sizeRange.optional().meta({ description: 'Memory of each peer; needs the docker driver.' }),
  cpus: z
    .number()
    .min(0.01)
    .max(1024)
    .optional()
    .meta({ description: 'CPUs of each peer, 0.5 for half of one; needs the docker driver.' }),
  disk: sizeRange.optional().meta({
    description:
      "Size of the disk that each peer's share lies on; such a disk can be filled (`fill`). Needs the docker driver.",
  }),
});

const group = strict({
  count: z.number().int().min(1).max(MAX_PEERS).default(1).meta({ description: 'Peers in the group.' }),
  share: z
    .union([z.array(shareItem), shareItem], { error: 'expected a share item or a list of them' })
    .transform((share) => (Array.isArray(share) ? share : [share]))
    .default([])
    .meta({ description: 'What lies in the share folder of each peer at the start.' }),
  later: z.boolean().default(false).meta({ description: 'Not there at the start: a `start` step brings these peers.' }),
  user: z
    .string()
    .regex(/^[\w.@-]{1,64}$/)
    .optional()
    .meta({ description: 'One account for the whole group. Default: each peer has its own.' }),
  image: z
    .string()
    .min(1)
    .optional()
    .meta({ description: 'Bring your own peer: a container image, or a command for the process driver.' }),
  double: z.enum(DOUBLES).optional().meta({
    description:
      'A program of the lab in place of the peer: byzantine-peer lies, sends or reads slowly, as `env` and the step `lie` say.',
  }),
  limits: limits.default({}).meta({ description: 'Limits of each peer; need the docker driver.' }),
  env,
}).refine(({ image, double }) => image === undefined || double === undefined, {
  message: 'expected one of `image` and `double`',
  path: ['double'],
});
export type Group = z.output<typeof group>;

const directory = strict({
  lease: duration.optional().meta({ description: 'How long a registration holds without a heartbeat. Default: 30s.' }),
  env,
});

const demand = z.union(
  [
    z.string().transform((that) => ({ that, within: undefined, abort: false })),
    strict({
      that: z.string(),
      within: duration.optional().meta({ description: 'It may take so long after the last step to come true.' }),
      abort: z
        .boolean()
        .default(false)
        .meta({ description: 'Held all the time; the run ends as soon as it is broken.' }),
    }),
  ],
  { error: 'expected an expectation, such as "transfers.failed == 0"' },
);

const variable = z.union([z.string(), z.number(), z.boolean()]);

/** All of the file but its steps, which have schemas of their own (lab/steps). */
export const scenarioFrame = strict({
  name: z.string().regex(/^[a-z0-9][a-z0-9-]{0,59}$/, 'expected a name of lower-case letters, digits and dashes'),
  description: z.string().min(1).meta({ description: 'The question that the scenario answers.' }),
  tags: z
    .array(z.string().regex(/^[a-z0-9-]+$/, 'expected a tag of lower-case letters, digits and dashes'))
    .default([])
    .meta({ description: 'For suites to choose by.' }),
  takes: duration.optional().meta({ description: 'How long it usually takes, set-up included; `lab list` shows it.' }),
  knownFailure: z.string().min(10, 'expected the reason, in a sentence').optional().meta({
    description: 'Why it fails today: the verdict stays fail, and a suite accepts it. A pass then fails the suite.',
  }),
  seed: z
    .number()
    .int()
    .min(0)
    .max(2 ** 32 - 1)
    .default(1)
    .meta({ description: 'Decides files, picks, arrivals and orders.' }),
  peersPerInstance: z.number().int().min(1).max(MAX_PEERS_PER_INSTANCE).default(1).meta({
    description:
      'So many peers share a process or container, which carries ten times as many of them; faults of their own (but `stop`), limits and images are for peers by themselves. Peers that are `later` are by themselves always.',
  }),
  vars: z
    .record(z.string().regex(/^[a-zA-Z]\w*$/, 'expected a name of letters, digits and _'), variable)
    .default({})
    .meta({
      description:
        // biome-ignore lint/suspicious/noTemplateCurlyInString: it shows what people write.
        'Variables with their defaults: `${name}` stands for one anywhere below, `--var name=value` sets it.',
    }),
  directory: directory.prefault({}).meta({ description: 'Settings of the directory.' }),
  groups: z
    .record(groupName, group)
    .refine((groups) => Object.keys(groups).length > 0, 'expected at least one group')
    .meta({ description: 'Groups of peers by name.' }),
  steps: z
    .array(z.unknown())
    .min(1, 'expected at least one step')
    .meta({ description: 'What happens, in this order.' }),
  expect: z
    .array(demand, { error: 'expected a list of expectations, such as "transfers.failed == 0"' })
    .min(1, 'expected at least one expectation: a run in which nothing is checked proves nothing')
    .meta({ description: 'What must be true of the figures.' }),
});
export type ScenarioFrame = z.output<typeof scenarioFrame>;
