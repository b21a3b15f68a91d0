import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { PeerLabError } from '#proto/errors.ts';
import type { Flaw } from '../language/mistake.ts';
import { suggestion } from '../language/suggestion.ts';
import { duration, strict } from '../language/words.ts';
import { decodeText, readDocument } from '../scenario/document.ts';
import { findScenario, libraryNames } from '../scenario/find.ts';
import { makePlan, type Plan, type PlanOptions } from '../scenario/plan.ts';
import type { Scenario } from '../scenario/read.ts';
import { flawsOf } from '../scenario/schema-flaws.ts';

/** A list of scenarios that are run one after another. */
export interface Suite {
  readonly name: string;
  readonly description: string;
  readonly deadlineMs: number;
  readonly entries: readonly SuiteEntry[];
}

export interface SuiteEntry {
  readonly scenario: Scenario;
  readonly plan: Plan;
}

/** What the command line sets for all scenarios of a suite. */
export type SuiteOptions = Pick<PlanOptions, 'peersPerInstance'>;

const variable = z.union([z.string(), z.number(), z.boolean()]);

/** One line of a suite: a scenario by name or path, with what is set for it here. */
const listed = z.union(
  [
    z.string().transform((scenario) => ({ scenario, vars: {}, seed: undefined, peers: undefined })),
    strict({
      scenario: z.string(),
      vars: z.record(z.string(), variable).default({}),
      seed: z.number().int().min(0).optional(),
      peers: z.number().int().min(1).optional(),
    }),
  ],
  { error: 'expected the name of a scenario, or a map with `scenario`' },
);

export const suiteSchema = strict({
  name: z.string().regex(/^[a-z0-9][a-z0-9-]{0,59}$/, 'expected a name of lower-case letters, digits and dashes'),
  description: z.string().min(1),
  deadline: duration
    .default(3600_000)
    .meta({ description: 'For all of it; what is not done then is reported as not run.' }),
  tags: z
    .array(z.string())
    .default([])
    .meta({ description: 'Beside those listed: every scenario of the library with one of these tags.' }),
  without: z.array(z.string()).default([]).meta({ description: 'Not those with one of these tags.' }),
  scenarios: z.array(listed).default([]),
});

const SUITES = fileURLToPath(new URL('../../suites', import.meta.url));

/**
 * The suite of a name in suites/, or of a path to a file; every scenario in it is read and planned.
 * @throws PeerLabError `usage`, or ScenarioInvalid with the mistakes of the suite, or of the first scenario that has some
 */
export function findSuite(nameOrPath: string, options: SuiteOptions = {}): Suite {
  const inLibrary = path.join(SUITES, `${nameOrPath}.yaml`);
  const file = existsSync(inLibrary) ? path.relative(process.cwd(), inLibrary) : nameOrPath;
  if (!existsSync(file)) {
    const known = readdirSync(SUITES).map((name) => name.replace(/\.yaml$/, ''));
    throw new PeerLabError('usage', {
      expected: 'the name of a suite or a path to one',
      got: `"${nameOrPath}".${suggestion(nameOrPath, known)}`,
    });
  }
  return readSuite(decodeText(readFileSync(file), file), file, options);
}

export function readSuite(text: string, file: string, { peersPerInstance }: SuiteOptions = {}): Suite {
  const { value, invalid: refuse } = readDocument(text, file);
  const read = suiteSchema.safeParse(value);
  if (!read.success) throw refuse(flawsOf(read.error, value, []));
  const { name, description, deadline, tags, without, scenarios } = read.data;
  const listedEntries = scenarios.map((entry) => {
    // Relative to the suite, when it is a path.
    const isBeside = /[/.]/.test(entry.scenario) && !path.isAbsolute(entry.scenario);
    const where = isBeside ? path.join(path.dirname(file), entry.scenario) : entry.scenario;
    return planned(findScenario(where, entry.vars), { peersPerInstance, ...entry });
  });
  const library = libraryNames().map((name) => findScenario(name));
  const unknown = tagFlaws({ tags, without }, library);
  if (unknown.length > 0) throw refuse(unknown);
  const tagged = library
    .filter(
      (scenario) =>
        scenario.tags.some((tag) => tags.includes(tag)) && !scenario.tags.some((tag) => without.includes(tag)),
    )
    .map((scenario) => planned(scenario, { peersPerInstance }));
  const entries = [...listedEntries, ...tagged];
  if (entries.length === 0)
    throw refuse([
      { path: ['scenarios'], message: 'expected at least one scenario: none is listed and no tag matches' },
    ]);
  return { name, description, deadlineMs: deadline, entries };
}

/** A misspelt tag would choose nothing, or leave nothing out. */
function tagFlaws(
  lists: Readonly<Record<'tags' | 'without', readonly string[]>>,
  library: readonly Scenario[],
): Flaw[] {
  const known = [...new Set(library.flatMap(({ tags }) => tags))].sort();
  return Object.entries(lists).flatMap(([key, tags]) =>
    tags.flatMap((tag, index) => {
      const message = `no scenario of the library has the tag "${tag}".${suggestion(tag, known)}`;
      return known.includes(tag) ? [] : [{ path: [key, index], message }];
    }),
  );
}

function planned(scenario: Scenario, options: PlanOptions): SuiteEntry {
  return { scenario, plan: makePlan(scenario, options) };
}
