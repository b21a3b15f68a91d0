import { z } from 'zod';
import { CONTROL, type ControlVerb } from '#proto/control-api.ts';
import { DIRECTORY_ENV, HOST_ENV, PEER_ENV } from '#proto/env.ts';
import { DOUBLES } from '../doubles/names.ts';
import { PLAN_LIMITS } from '../language/plan-size.ts';
import { nearest } from '../language/suggestion.ts';
import { duration, groupName, sizeRange, strict } from '../language/words.ts';

/** More than anybody needs: what they write goes through one database. */
const MAX_REPLICAS = 5;
/** In one process: what they do takes turns on one core. */
export const MAX_PEERS_PER_INSTANCE = 1000;

const copies = z
  .union([z.literal('all'), z.number().int().min(1)], { error: 'expected "all" or a whole number from 1' })
  .meta({
    description:
      'How many peers of the group have each file. Peers with neighbouring numbers have the same files. Default: 1, and all with `from`.',
  });

/** One item of a share: files made from the seed, or real files. */
const shareItem = strict({
  files: z.number().int().min(1).max(100_000).optional().meta({
    description: 'The number of files on each peer. With `from`: the largest number in all, picked by the seed.',
  }),
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
      'A folder of real files, relative to the scenario file. Subfolders become part of the names, joined by __. What no share can hold is left out, and told.',
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

const SETTINGS = [...new Set([DIRECTORY_ENV, PEER_ENV, HOST_ENV].flatMap(Object.keys))];
/** With more wrong letters nobody can tell a mistake from a setting of somebody else's peer; a short name has one at most. */
const MAX_WRONG_LETTERS = 2;
const LETTERS_PER_WRONG_ONE = 3;

/** The setting of PeerLab that a name which is none of them is like. */
function misspelt(name: string): string | undefined {
  if (SETTINGS.includes(name)) return undefined;
  const best = nearest(name, SETTINGS);
  if (!best) return undefined;
  const letters = best.candidate.replace(/^[A-Z]+_/, '').length;
  const most = Math.min(MAX_WRONG_LETTERS, Math.floor(letters / LETTERS_PER_WRONG_ONE));
  return best.distance <= most ? best.candidate : undefined;
}

const env = z
  .record(
    z.string().regex(/^[A-Z][A-Z0-9_]*$/, 'expected the name of a variable: capitals, digits and _'),
    z.union([z.string(), z.number(), z.boolean()]).transform(String),
  )
  .superRefine((settings, { addIssue }) => {
    for (const name of Object.keys(settings)) {
      const meant = misspelt(name);
      if (meant === undefined) continue;
      addIssue({ code: 'custom', path: [name], message: `unknown setting "${name}". Did you mean "${meant}"?` });
    }
  })
  .default({})
  .meta({
    description:
      'Settings of these instances; docs/environment.md lists them. A name that differs from one of those by a letter or two is a mistake; all others are passed on.',
  });

const limits = strict({
  memory: sizeRange.optional().meta({ description: 'Memory of each peer. Needs the docker driver.' }),
  cpus: z
    .number()
    .min(0.01)
    .max(1024)
    .optional()
    .meta({ description: 'CPUs of each peer; 0.5 is half a CPU. Needs the docker driver.' }),
  disk: sizeRange.optional().meta({
    description: "Size of the disk of each peer's share. Such a disk can be filled (`fill`). Needs the docker driver.",
  }),
});

const group = strict({
  count: z.number().int().min(1).max(PLAN_LIMITS.peers).default(1).meta({ description: 'Peers in the group.' }),
  share: z
    .union([z.array(shareItem), shareItem], { error: 'expected a share item or a list of them' })
    .transform((share) => (Array.isArray(share) ? share : [share]))
    .default([])
    .meta({ description: 'The files in the share folder of each peer at the start.' }),
  later: z
    .boolean()
    .default(false)
    .meta({ description: 'If true, these peers do not exist at the start: a `start` step brings them.' }),
  user: z
    .string()
    .regex(/^[\w.@-]{1,64}$/)
    .optional()
    .meta({ description: 'One account for the whole group. Default: each peer has its own.' }),
  image: z
    .string()
    .regex(/\S/, { message: 'expected the name of an image, or a command' })
    .optional()
    .meta({ description: 'Bring your own peer: a container image, or a command for the process driver.' }),
  double: z.enum(DOUBLES).optional().meta({
    description:
      'A program of the lab instead of the peer: a Byzantine peer lies, sends slowly or reads slowly, as `env` and the step `lie` say.',
  }),
  limits: limits.default({}).meta({ description: 'Limits of each peer. They need the docker driver.' }),
  env,
}).refine(({ image, double }) => image === undefined || double === undefined, {
  message: 'expected one of `image` and `double`',
  path: ['double'],
});
export type Group = z.output<typeof group>;

const directory = strict({
  lease: duration
    .optional()
    .meta({ description: 'How long a registration is valid without a heartbeat. Default: 30s.' }),
  replicas: z.number().int().min(1).max(MAX_REPLICAS).default(1).meta({
    description:
      'How many directories share one state and one address. Steps call them `directory-1`, `directory-2`, …, and all of them `directory`. More than one needs the process driver and a PostgreSQL server (docs/replicas.md).',
  }),
  env,
});

const demand = z.union(
  [
    z.string().transform((that) => ({ that, within: undefined, abort: false })),
    strict({
      that: z.string(),
      within: duration
        .optional()
        .meta({ description: 'After the last step, the expectation has this time to become true.' }),
      abort: z
        .boolean()
        .default(false)
        .meta({ description: 'Judged during the whole run: the run ends as soon as the expectation is broken.' }),
    }),
  ],
  { error: 'expected an expectation, such as "transfers.failed == 0"' },
);

const variable = z.union([z.string(), z.number(), z.boolean()]);

const logPattern = z
  .string()
  .min(1)
  .max(1000)
  .refine(isPattern, 'expected a regular expression of JavaScript, such as "^(ERROR|Traceback)"')
  .optional();

function isPattern(text: string): boolean {
  try {
    return new RegExp(text) instanceof RegExp;
  } catch {
    return false;
  }
}

const logs = strict({
  errors: logPattern.meta({ description: 'What an error looks like.' }),
  warnings: logPattern.meta({ description: 'What a warning looks like.' }),
});

const deadline = duration.optional();
const deadlines = strict(
  Object.fromEntries(Object.keys(CONTROL).map((verb) => [verb, deadline])) as Record<ControlVerb, typeof deadline>,
);

/** All of the file but its steps, which have schemas of their own (lab/steps). */
export const scenarioFrame = strict({
  name: z.string().regex(/^[a-z0-9][a-z0-9-]{0,59}$/, 'expected a name of lower-case letters, digits and dashes'),
  description: z.string().min(1).meta({ description: 'The question that the scenario answers.' }),
  tags: z
    .array(z.string().regex(/^[a-z0-9-]+$/, 'expected a tag of lower-case letters, digits and dashes'))
    .default([])
    .meta({ description: 'Suites choose scenarios by tag.' }),
  takes: duration
    .optional()
    .meta({ description: 'How long the run usually takes, set-up included. `lab list` shows it.' }),
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
      'How many peers share one process or container. With many, ten times as many peers fit on a machine. Such peers can have no limits, no image and no faults of their own, except `stop`. Peers that are `later` never share.',
  }),
  vars: z
    .record(z.string().regex(/^[a-zA-Z]\w*$/, 'expected a name of letters, digits and _'), variable)
    .default({})
    .meta({
      description:
        // biome-ignore lint/suspicious/noTemplateCurlyInString: it shows what people write.
        'Variables with their defaults: `${name}` stands for one anywhere below, `--var name=value` sets it.',
    }),
  deadlines: deadlines.default({}).meta({
    description:
      'By verb: an operation without an answer after this time has failed, unless its step has a `timeout`. docs/peer-contract.md has the defaults.',
  }),
  directory: directory.prefault({}).meta({ description: 'Settings of the directory.' }),
  logs: logs.default({}).meta({
    description:
      'How to count lines of logs that are not the JSON lines of pino, such as those of a peer of your own: regular expressions. Without them `logs.errors` of such a log is unknown.',
  }),
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
