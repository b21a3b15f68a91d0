import { expect, test } from 'vitest';
import { ScenarioInvalid } from '../language/mistake.ts';
import { makePlan } from './plan.ts';
import { readScenario } from './read.ts';

const plan = (groups: string, step: string) =>
  makePlan(
    readScenario(
      `name: try\ndescription: d\ngroups: {${groups}}\nsteps:\n  - ${step}\n  - login: all\nexpect: [operations.login.failed == 0]\n`,
      'try.yaml',
    ),
  );

const said = (groups: string, step: string) => (): string => {
  try {
    plan(groups, step);
    return '';
  } catch (error) {
    if (error instanceof ScenarioInvalid) return error.lines().join('\n');
    throw error;
  }
};

const MANY = 'a: {count: 10000, share: {files: 100000, size: 1KiB}}';
const SHARED = 'a: {count: 10, share: {files: 1000, size: 1KiB}}, b: {count: 2000}';

test.each([
  ['files', said(MANY, 'index: a'), 'try.yaml:3:35: ', 'at most 1000000 files in all shares, got 1000000000'],
  ['copies', said(MANY.replace('KiB', 'KiB, copies: all'), 'index: a'), '3:35: ', 'got 1000000000'],
  [
    'several items',
    said('a: {count: 1000, share: [{files: 900, size: 1}, {files: 900, size: 1}]}', 'index: a'),
    '3:',
    'got 1800000',
  ],
  ['peers', said('a: {count: 9999}, b: {count: 9999}', 'index: a'), '3:9: ', 'at most 10000 peers, got 19998'],
  ['operations', said('a: {count: 10000}', 'search: {group: a, times: 10000}'), '5:13: ', 'about 100000000'],
  [
    'repeats in repeats',
    said('a: {}', 'repeat: {times: 10000, steps: [{repeat: {times: 10000, steps: [{wait: 1s}]}}]}'),
    '5:',
    'at most 2000000 steps and turns of peers',
  ],
  [
    'globs that select all',
    said(SHARED, 'repeat: {times: 1000, steps: [{download: {group: b, limit: 1}}]}'),
    '5:',
    'looks at a file for a peer, to choose it or not, got 20010000',
  ],
  [
    'rounds of forks',
    said(SHARED, 'repeat: {times: 1000, steps: [{repeat: {for: 1s, steps: [{index: b}]}}]}'),
    '5:',
    'too large',
  ],
  [
    'departures',
    said('a: {count: 10}', 'churn: {group: a, rate: 1000/s, away: 1ms, for: 1h}'),
    '5:',
    'about 3600000 departures in one churn',
  ],
])('%s are counted before they are made', (_, tell, place, figure) => {
  const told = tell();
  expect(told).toContain(place);
  expect(told).toContain(figure);
});

test('of a repeat for a time each round has all the room again', () => {
  const [step] = plan('a: {count: 100}', 'repeat: {for: 5s, steps: [{search: {group: a, times: 10000}}]}').steps;
  if (step?.does !== 'repeat-for') throw new Error('expected a repeat-for');
  for (let round = 1; round <= 3; round++) expect(step.next(round)).toHaveLength(1);
});
