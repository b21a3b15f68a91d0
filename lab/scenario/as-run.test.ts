import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { ScenarioInvalid } from '../language/mistake.ts';
import { scenarioAsRun } from './as-run.ts';
import { makePlan, type Plan, type PlanOptions } from './plan.ts';
import { readScenario } from './read.ts';
import type { Variables } from './variables.ts';

const root = mkdtempSync(path.join(tmpdir(), 'peerlab-as-run-'));
afterAll(() => rmSync(root, { recursive: true }));
for (const folder of ['files', 'a${n}b', '- odd: #']) {
  mkdirSync(path.join(root, folder));
  writeFileSync(path.join(root, folder, `in ${folder}.txt`), folder);
}

/** Plans it with the options, saves it as a run does, reads that again: both plans. */
function replay(
  text: string,
  given: Variables = {},
  options: PlanOptions = {},
): { plan: Plan; again: Plan; saved: string } {
  const scenario = readScenario(text, path.join(root, 'try.yaml'), given);
  const plan = makePlan(scenario, options);
  const counts = new Map([...Map.groupBy(plan.peers, ({ group }) => group)].map(([name, some]) => [name, some.length]));
  const results = path.join(root, 'results', 'run');
  const saved = scenarioAsRun(scenario, plan, counts, results);
  return { plan, saved, again: makePlan(readScenario(saved, path.join(results, 'scenario.yaml'))) };
}

test('options go into the places that are meant, also where an alias stands', () => {
  const text = `name: try # kept
description: d
groups:
  a: &g {count: 2, share: {files: 1, size: 1KiB, copies: all}}
  b: *g
steps: [{login: all}]
expect: [operations.login.failed == 0]
`;
  const { plan, again, saved } = replay(text.replace('b: *g', 'b: *g # too'), {}, { peers: 5 });
  expect(plan.peers.map(({ name }) => name)).toEqual(['a-1', 'a-2', 'a-3', 'b-1', 'b-2']);
  expect(again).toEqual(plan);
  expect(saved).toContain('# kept');
});

/** Pieces of scenarios, with anchors before their aliases, as people write them and as they do not. */
const count = fc.constantFrom('2', '*n', '"${n}"', '${n}', '0x2', '!!int 3', '+2');
const item = fc.constantFrom('*item', '{files: 2, size: *size}', '{files: 1, size: "${size}"}', '{from: files}');
const share = fc.oneof(
  item,
  fc.array(item, { minLength: 1, maxLength: 2 }).map((items) => `[${items.join(', ')}]`),
);
const folder = fc.constantFrom('files', 'a$${n}b', '- odd: #', '${dir}');
const from = folder.map((name) => `{from: ${JSON.stringify(name)}}`);
const group = fc.oneof(
  fc.constantFrom('*first', '{}', '{user: *name, count: *n}'),
  fc.tuple(count, fc.oneof(share, from)).map(([n, files]) => `{count: ${n}, share: ${files}}`),
  fc.tuple(count, from).map(([n, files]) => `\n    count: ${n} # so many\n    share:\n      - ${files}`),
  from.map((files) => `{share: &files ${files}, count: 1}`),
);
const head = fc.constantFrom(
  '',
  'seed: 3\n',
  'seed: &seed 0x10\n',
  'seed: "${n}"\n',
  '"seed": 4\n',
  'peersPerInstance: *n\n',
);
const scenarios = fc.tuple(fc.array(group, { maxLength: 4 }), head, fc.boolean()).map(([groups, above, flow]) => {
  const named = groups.map((text, i) => `  g${i}: ${text}\n`).join('');
  const vars = 'vars: {n: &n 3, size: &size 1KiB, dir: files, unused: "${none}"}\n';
  const first = '  first: &first {count: &count 2, share: [&item {files: 1, size: 2KiB}], user: &name someone}\n';
  const steps = flow ? 'steps: [{login: all}]\n' : 'steps:\n  # all of them\n  - login: all\n';
  return `name: try\ndescription: d\n${vars}${above}groups:\n${first}${named}${steps}expect: [operations.login.failed == 0]\n`;
});
const options = fc.record({
  seed: fc.option(fc.nat(2 ** 32 - 1), { nil: undefined }),
  peers: fc.option(fc.integer({ min: 6, max: 40 }), { nil: undefined }),
  peersPerInstance: fc.option(fc.integer({ min: 1, max: 9 }), { nil: undefined }),
});
const given = fc.record(
  {
    n: fc.integer({ min: 1, max: 5 }),
    size: fc.constantFrom('3KiB', '7', 12, '1KiB..4KiB'),
    dir: fc.constantFrom('files', 'a${n}b', '- odd: #'),
    unused: fc.string(),
  },
  { requiredKeys: [] },
) as fc.Arbitrary<Variables>;

test('what is saved gives the same plan, for any scenario, with any options', () => {
  let tried = 0;
  fc.assert(
    fc.property(scenarios, given, options, (text, vars, set) => {
      try {
        const { plan, again } = replay(text, vars, set);
        expect(again).toEqual(plan);
        tried++;
      } catch (error) {
        // Some of them are no scenarios: a folder whose name the variables do not give, a name that is taken.
        if (!(error instanceof ScenarioInvalid) || error.file.includes('results')) throw error;
      }
    }),
    { numRuns: 300 },
  );
  expect(tried).toBeGreaterThan(60);
});
