import { expect, test } from 'vitest';
import { makePlan } from '../scenario/plan.ts';
import { readScenario } from '../scenario/read.ts';
import type { PlannedStep } from './step.ts';

const planOf = (churn: string, seed = 1) =>
  makePlan(
    readScenario(
      `name: try\ndescription: Does it plan?\ngroups: {s: {count: 4, share: {files: 1, size: 1KiB}}}\nsteps: [login: all, churn: ${churn}, index: s]\nexpect: [operations.login.failed == 0]\n`,
      '/nowhere/try.yaml',
    ),
    { seed },
  );

/** What each peer does, in order: verbs, and the times in between. */
function branchesOf(churn: string, seed?: number): PlannedStep[][] {
  const [, step] = planOf(churn, seed).steps;
  if (step?.does !== 'parallel') throw new Error('expected a parallel step');
  return step.branches.map((branch) => [...branch]);
}

const kinds = (branch: PlannedStep[]) =>
  branch.map((step) => (step.does === 'operations' ? step.label : step.does === 'fault' ? step.fault.kind : step.does));
const waited = (branch: PlannedStep[]) => branch.reduce((sum, step) => sum + (step.does === 'wait' ? step.ms : 0), 0);

test('each departure is followed by its return and a login, one after another, all within the time', () => {
  const branches = branchesOf('{group: s, rate: 2/s, away: 1s, for: 30s}');
  const departures = branches.flatMap(kinds).filter((kind) => kind === 'kill').length;
  // A Poisson process of 2/s has 60 in 30 s, with a standard deviation below 8; nobody can leave while away.
  expect(departures).toBeGreaterThan(30);
  expect(departures).toBeLessThan(90);
  for (const branch of branches) {
    const cycle = ['wait', 'kill', 'wait', 'heal', 'login'];
    expect(kinds(branch)).toEqual(Array.from({ length: branch.length / 5 }, () => cycle).flat());
    expect(waited(branch)).toBeLessThanOrEqual(30_000 + 1000);
  }
});

test('the seed decides who leaves and when', () => {
  const churn = '{group: s, rate: 1/s, away: 1s, for: 10s}';
  expect(branchesOf(churn, 5)).toEqual(branchesOf(churn, 5));
  expect(branchesOf(churn, 5)).not.toEqual(branchesOf(churn, 6));
});

test('who only logs out goes on running', () => {
  const [branch = []] = branchesOf('{group: s, take: 1, rate: 1/s, away: 500ms, for: 5s, leave: logout}');
  expect(kinds(branch).slice(0, 4)).toEqual(['wait', 'logout', 'wait', 'login']);
});

test('a churn in which nobody leaves is a mistake', () => {
  expect(() => planOf('{group: s, rate: 1/h, away: 1s, for: 1s}')).toThrow(
    expect.objectContaining({ code: 'scenario-invalid' }),
  );
});
