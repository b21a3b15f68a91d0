import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { CONTROL } from '#proto/control-api.ts';
import { PeerLabError } from '#proto/errors.ts';
import { MAX_DURATION_MS, MAX_SIZE_BYTES } from '#proto/units.ts';
import { ScenarioInvalid } from '../language/mistake.ts';
import { STEPS } from '../steps/table.ts';
import { scenarioJsonSchema } from './json-schema.ts';
import { makePlan } from './plan.ts';
import { readScenario } from './read.ts';

/** The keys of a scenario, and of each verb, that take a duration, found in the schema: none is forgotten. */
type Json = Record<string, unknown>;
const isDuration = (node: unknown) => /^\["500ms"/.test(JSON.stringify((node as Json | null)?.examples) ?? '');

function durationsIn(node: unknown, path: string[] = []): string[][] {
  if (node === null || typeof node !== 'object') return [];
  const { properties, anyOf, items, examples } = node as Record<string, Json>;
  const own = isDuration({ examples }) ? [path] : [];
  const below = Object.entries(properties ?? {}).flatMap(([key, inner]) => durationsIn(inner, [...path, key]));
  const either = ((anyOf as unknown as unknown[]) ?? []).flatMap((inner) => durationsIn(inner, path));
  return [...own, ...below, ...either, ...durationsIn(items, [...path, '0'])];
}

const { $defs, ...frame } = scenarioJsonSchema() as { $defs: { step: { oneOf: { properties: Json }[] } } };
const OF_VERBS = $defs.step.oneOf.flatMap(({ properties }) => durationsIn({ properties }));
const OF_FRAME = durationsIn(frame);

test('the durations of the language are found', () => {
  const keys = OF_VERBS.map((path) => path.join('.'));
  expect(keys).toEqual(
    expect.arrayContaining(['login.timeout', 'cut.for', 'freeze.at', 'repeat.for', 'churn.away', 'barrier.deadline']),
  );
  expect(keys).toEqual(expect.arrayContaining(['wait.duration', 'expect.within', 'delay.by', 'delay.jitter']));
  expect(OF_FRAME.map((path) => path.join('.'))).toEqual([
    'takes',
    ...Object.keys(CONTROL).map((verb) => `deadlines.${verb}`),
    'directory.lease',
    'expect.0.within',
  ]);
});

const BASE = {
  name: 'try',
  description: 'd',
  groups: {
    seeders: { count: 3, share: { files: 4, size: '1KiB', copies: 'all' } },
    leechers: { count: 2, limits: { disk: '64MB' } },
    latecomers: { later: true },
    liars: { double: 'byzantine-peer' },
  },
  steps: [{ login: 'all' }] as unknown[],
  expect: ['transfers.failed == 0'] as unknown[],
};

/** The example of a verb, with one more key of it, also where it stands in a block. */
function stepsWith([verb = '', ...keys]: readonly string[], text: string): unknown[] {
  const edit = (node: unknown): unknown => {
    if (Array.isArray(node)) return node.map(edit);
    if (node === null || typeof node !== 'object') return node;
    return Object.fromEntries(
      Object.entries(node).map(([key, given]) => {
        if (key !== verb) return [key, edit(given)];
        const spec = typeof given === 'object' ? (given as Json) : { [STEPS.get(verb)?.shorthand ?? '']: given };
        return [key, { ...spec, [keys.join('.')]: text }];
      }),
    );
  };
  return edit(parse(`- ${STEPS.get(verb)?.example}`)) as unknown[];
}

/** The mistakes, or nothing when each number of milliseconds in the plan is one that a timer can run for. */
function outcome(scenario: object): string {
  try {
    const { knownFailure, ...plan } = makePlan(readScenario(stringify(scenario), 'try.yaml'));
    const walk = (node: unknown, key: string): void => {
      if (typeof node === 'number' && /(Ms|^ms)$/.test(key))
        expect(node).toSatisfy((ms: number) => ms >= 0 && ms <= MAX_DURATION_MS);
      if (node !== null && typeof node === 'object')
        for (const [name, inner] of Object.entries(node)) walk(inner, name);
    };
    walk(plan, 'plan');
    return '';
  } catch (error) {
    if (error instanceof ScenarioInvalid) return error.lines().join('\n');
    if (error instanceof PeerLabError && error.code === 'plan-too-large') return error.message;
    throw error;
  }
}

const amounts = fc
  .tuple(
    fc.oneof(
      fc.double({ min: 0, max: 1e12, noNaN: true }),
      fc.nat(1000),
      fc.constantFrom('1e999', '9'.repeat(400), -1),
    ),
    fc.constantFrom('ms', 's', 'm', 'h'),
  )
  .map((parts) => parts.join(''));

test.each(OF_VERBS.map((path) => [path.join('.'), path] as const))(
  '%s is never longer than a timer runs',
  (_, path) => {
    const scenario = (text: string) => ({ ...BASE, steps: [...BASE.steps, ...stepsWith(path, text)] });
    expect(outcome(scenario('600h'))).toContain('at most 168h');
    expect(outcome(scenario('2000h'))).toContain('at most 168h');
    fc.assert(
      fc.property(amounts, (text) => void outcome(scenario(text))),
      { numRuns: 30 },
    );
  },
);

test.each([
  ['takes', (takes: string) => ({ ...BASE, takes })],
  ['directory.lease', (lease: string) => ({ ...BASE, directory: { lease } })],
  ['expect.0.within', (within: string) => ({ ...BASE, expect: [{ that: 'transfers.failed == 0', within }] })],
])('%s is never longer than a timer runs', (_, scenario) => {
  expect(outcome(scenario('600h'))).toContain('at most 168h');
  fc.assert(
    fc.property(amounts, (text) => void outcome(scenario(text))),
    { numRuns: 30 },
  );
});

test.each([
  ['an arrival that takes years', '- login: {group: all, arrival: {rate: 1/h}}', 200],
  ['`at` and arrival together', '- freeze: {group: many, at: 167h, arrival: {rate: 1/h}, for: 2s}', 3],
  ['`at` and `for` together', '- cut: {group: many, at: 100h, for: 100h}', 1],
  ['each at its pace', '- each: {group: many, arrival: {rate: 1/h}, steps: [{login: self}]}', 200],
])('%s: sums are bounded too', (_, step, count) => {
  const groups = { many: { count } };
  const scenario = { ...BASE, groups, steps: [...parse(step), { login: 'all' }] };
  expect(outcome(scenario)).toContain('would begin, or end, after more than 168 h');
});

test('sizes and rates are finite whole numbers, whatever is written', () => {
  const numbers = fc.oneof(fc.double(), fc.nat(), fc.constantFrom(0, -1, Number.NaN, 1e300, 2 ** 53 + 2, '1e999'));
  const sizes = fc.oneof(
    numbers,
    fc.tuple(numbers, fc.constantFrom('B', 'MB', 'TiB', 'MB/s')).map((p) => p.join('')),
  );
  const numberOr = (text: unknown) => (typeof text === 'number' ? text : String(text));
  fc.assert(
    fc.property(sizes, (size) => {
      try {
        const groups = { a: { share: { files: 1, size: numberOr(size) }, limits: { memory: numberOr(size) } } };
        const { peers } = makePlan(readScenario(stringify({ ...BASE, groups, steps: [{ login: 'all' }] }), 'try.yaml'));
        for (const bytes of [peers[0]?.share[0]?.sizeBytes, peers[0]?.memoryBytes])
          expect(bytes).toSatisfy((n: number) => Number.isSafeInteger(n) && n >= 0 && n <= MAX_SIZE_BYTES);
      } catch (error) {
        expect(error).toBeInstanceOf(ScenarioInvalid);
      }
    }),
  );
  const limited = (up: string) => outcome({ ...BASE, steps: [...BASE.steps, { limit: { group: 'seeders', up } }] });
  for (const up of ['0B/s', '-1MB/s', 'NaN/s', '1e999B/s', '9e9TB/s', `${'9'.repeat(30)}TB/s`])
    expect([up, limited(up)]).toEqual([up, expect.stringContaining('expected a rate')]);
});
