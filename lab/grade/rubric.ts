import { readFileSync } from 'node:fs';
import path from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { PeerLabError, reasonOf } from '#proto/errors.ts';
import { CHAPTERS, rulesUpTo } from '../conformance/chapters.ts';
import { GROUPS, groupOf, RULES, type RuleId } from '../conformance/rules.ts';

/** What a class is graded by: points for rules of the peer contract, and for scenarios. */

export const DEFAULT_RUBRIC = path.join(import.meta.dirname, 'default-rubric.yaml');

const title = z.string().min(1).max(80);
const points = z.number().positive().max(10_000);

const rulesItem = z.strictObject({
  title: title.optional(),
  points,
  /** Ids, groups, `must`, `should`, or `chapter-0` … of the course: the rules of that chapter alone. */
  rules: z.array(z.string()).min(1),
  /** A part of the rules brings a part of the points. */
  partial: z.boolean().default(true),
});

const scenarioItem = z.strictObject({
  title: title.optional(),
  points,
  /** A name of the library, or a path relative to the rubric. */
  scenario: z.string().min(1),
  /** Its name and what it looks at are told to the teacher only. */
  hidden: z.boolean().default(false),
  /** A part of the expectations and checks that hold brings a part of the points. */
  partial: z.boolean().default(false),
});

const MAX_ITEMS = 200;
const MAX_SECONDS = 7200;
const MIB_MAX = 1_048_576;

const rubricSchema = z.strictObject({
  name: title,
  /** Starts a peer from the folder of the submission: a program and its arguments, no shell. */
  command: z.string().min(1),
  /** Run once before, in the folder; without a network. */
  build: z.string().min(1).optional(),
  deadline: z.iso.datetime({ offset: true }).optional(),
  late: z
    .strictObject({ percentPerDay: z.number().min(0).max(100), days: z.number().int().min(0).max(365) })
    .default({ percentPerDay: 0, days: 365 }),
  /** Folders and files of this machine that submissions may read: languages that are not in /usr, /opt or /etc. */
  see: z.array(z.string().startsWith('/')).max(100).default([]),
  limits: z
    .strictObject({
      seconds: z.number().int().min(10).max(MAX_SECONDS).default(900),
      diskMiB: z.number().int().min(64).max(MIB_MAX).default(1024),
      memoryMiB: z.number().int().min(64).max(MIB_MAX).default(2048),
      fileMiB: z.number().int().min(16).max(MIB_MAX).default(256),
      processes: z.number().int().min(16).max(100_000).default(512),
    })
    .prefault({}),
  items: z
    .array(z.union([rulesItem, scenarioItem]))
    .min(1)
    .max(MAX_ITEMS),
});

export type Limits = z.infer<typeof rubricSchema>['limits'];

interface ItemFacts {
  readonly title: string;
  readonly points: number;
  readonly partial: boolean;
}
export interface RulesItem extends ItemFacts {
  readonly rules: readonly RuleId[];
}
export interface ScenarioItem extends ItemFacts {
  /** As `lab run` takes it. */
  readonly scenario: string;
  readonly hidden: boolean;
}
export type Item = RulesItem | ScenarioItem;

export interface Rubric extends Omit<z.infer<typeof rubricSchema>, 'items'> {
  readonly file: string;
  readonly items: readonly Item[];
}

/** @throws PeerLabError `rubric-invalid`: with all mistakes of the file */
export function readRubric(file: string): Rubric {
  const invalid = (got: string) => new PeerLabError('rubric-invalid', { about: file, got });
  let found: z.infer<typeof rubricSchema>;
  try {
    const parsed = rubricSchema.safeParse(parse(readFileSync(file, 'utf8')));
    if (!parsed.success) throw invalid(z.prettifyError(parsed.error).replaceAll('\n', ' '));
    found = parsed.data;
  } catch (error) {
    throw error instanceof PeerLabError ? error : invalid(reasonOf(error));
  }
  let hidden = 0;
  const items = found.items.map((item): Item => {
    const { title, ...facts } = item;
    if ('rules' in facts)
      return { ...facts, title: title ?? facts.rules.join(', '), rules: rulesOf(facts.rules, invalid) };
    const { scenario, hidden: isHidden } = facts;
    const isFile = /[/.]/.test(scenario);
    const name = isHidden ? `hidden ${++hidden}` : path.basename(scenario, path.extname(scenario));
    return { ...facts, title: title ?? name, scenario: isFile ? path.resolve(path.dirname(file), scenario) : scenario };
  });
  const titles = items.map(({ title }) => title);
  const twice = titles.find((one, at) => titles.indexOf(one) !== at);
  if (twice !== undefined) throw invalid(`two items with the title "${twice}"`);
  return { ...found, file: path.resolve(file), items };
}

export function maximumOf({ items }: Pick<Rubric, 'items'>): number {
  return items.reduce((sum, { points }) => sum + points, 0);
}

function rulesOf(words: readonly string[], invalid: (got: string) => PeerLabError): RuleId[] {
  const all = Object.keys(RULES) as RuleId[];
  const named = words.flatMap((word) => {
    const found = all.filter((id) => id === word || groupOf(id) === word || RULES[id].level === word);
    if (found.length > 0) return found;
    const chapter = /^chapter-(\d)$/.exec(word)?.[1];
    if (chapter !== undefined && Number(chapter) < CHAPTERS.length)
      return rulesUpTo(Number(chapter)).slice(rulesUpTo(Number(chapter) - 1).length);
    throw invalid(`no rule, group or chapter "${word}": they are ${GROUPS.join(', ')}, must, should, chapter-0 …`);
  });
  return [...new Set(named)];
}
