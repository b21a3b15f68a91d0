import path from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { inJobs } from './run-suite.ts';
import { readSuite } from './suite.ts';
import { exitOf, type SuiteLine } from './suite-result.ts';

const line = (outcome: SuiteLine['outcome']): SuiteLine => ({
  name: 'x',
  outcome,
  reason: '',
  seconds: 1,
});

test.each<[SuiteLine['outcome'][], number]>([
  [['ok', 'ok'], 0],
  [['ok', 'known failure'], 0],
  [['ok', 'failed', 'inconclusive'], 1],
  [['unexpected pass'], 1],
  [['ok', 'inconclusive'], 75],
  [['ok', 'not run'], 75],
  [['ok', 'skipped'], 0],
  [['skipped'], 75],
])('a suite of %j leaves with %i', (outcomes, code) => {
  expect(exitOf(outcomes.map(line))).toBe(code);
});

test('scenarios by name, with what is set for them, and by tag', () => {
  const suite = readSuite(
    'name: s\ndescription: d\ndeadline: 5m\ntags: [quick]\nwithout: [long]\nscenarios: [concurrent, {scenario: basic, seed: 9, peers: 8}]\n',
    'suites/s.yaml',
  );
  expect(suite.deadlineMs).toBe(300_000);
  expect(suite.entries[0]?.plan.name).toBe('concurrent');
  expect(suite.entries[1]?.plan).toMatchObject({ name: 'basic', seed: 9 });
  expect(suite.entries[1]?.plan.peers).toHaveLength(8);
  expect(suite.entries.slice(2).map(({ plan }) => plan.name)).toContain('upload');
});

test.each(['../scenarios/basic.yaml', path.resolve('scenarios/basic.yaml')])(
  'a scenario may be the path %s',
  (where) => {
    const suite = readSuite(`name: s\ndescription: d\nscenarios: [${where}]\n`, 'suites/s.yaml');
    expect(suite.entries.map(({ plan }) => plan.name)).toEqual(['basic']);
  },
);

test.each([
  ['name: s\ndescription: d\nscenarois: []\n', 's.yaml:3:1: unknown key "scenarois". Did you mean "scenarios"?'],
  ['name: s\ndescription: d\n', 's.yaml:1:1: expected at least one scenario: none is listed and no tag matches'],
  ['name: s\ndescription: d\ndeadline: soon\nscenarios: [basic]\n', 's.yaml:3:11: expected a duration'],
])('mistakes of %j are located', (text, expected) => {
  try {
    readSuite(text, 's.yaml');
    expect.unreachable();
  } catch (error) {
    expect((error as { lines(): string[] }).lines().join('\n')).toContain(expected);
  }
});

test('an unknown scenario is named with the nearest', () => {
  expect(() => readSuite('name: s\ndescription: d\nscenarios: [basik]\n', 's.yaml')).toThrow('Did you mean "basic"?');
});

test('the deadline of a suite is never longer than a timer runs', () => {
  const suite = (deadline: string) => () =>
    readSuite(`name: s\ndescription: d\ndeadline: ${deadline}\nscenarios: [basic]\n`, 'suite.yaml');
  expect(suite('600h')).toThrow(expect.objectContaining({ code: 'scenario-invalid' }));
  expect(suite('168h')().deadlineMs).toBe(168 * 3_600_000);
});

test.each([
  [1, ['a', 'B', 'c', 'd'], { a: 1, B: 1, c: 1, d: 1 }],
  [2, ['a', 'c', 'd', 'B'], { a: 2, B: 1, c: 2, d: 2 }],
])(
  '%i at one time: those that want the machine alone get it, and all are reported in order',
  async (jobs, order, together) => {
    const begun: string[] = [];
    const under = new Set<string>();
    const most: Record<string, number> = {};
    const done = await inJobs(
      ['a', 'B', 'c', 'd'],
      jobs,
      (name) => name === 'B',
      async (name, number) => {
        begun.push(name);
        under.add(name);
        for (const one of under) most[one] = Math.max(most[one] ?? 0, under.size);
        await nextTurn();
        under.delete(name);
        return `${number} ${name}`;
      },
    );
    expect(done).toEqual(['1 a', '2 B', '3 c', '4 d']);
    expect(begun).toEqual(order);
    expect(most).toEqual(together);
  },
);
