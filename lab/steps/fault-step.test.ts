import { expect, test } from 'vitest';
import { makePlan } from '../scenario/plan.ts';
import { readScenario } from '../scenario/read.ts';

const turnsOf = (step: string) => {
  const text = `name: try\ndescription: Does it plan?\ngroups: {s: {count: 3, share: {files: 1, size: 1KiB}}}\nsteps: [login: all, ${step}, index: s]\nexpect: [operations.login.failed == 0]\n`;
  const [, planned] = makePlan(readScenario(text, '/nowhere/try.yaml')).steps;
  return planned?.does === 'fault' ? planned.who.map(({ atMs }) => atMs) : [];
};

test('a fault hits so long after the step began, each when its turn comes', () => {
  expect(turnsOf('freeze: {group: s, for: 1s}')).toEqual([0, 0, 0]);
  expect(turnsOf('freeze: {group: s, at: 2s, for: 1s}')).toEqual([2000, 2000, 2000]);
  expect(turnsOf('freeze: {group: s, at: 2s, arrival: {rate: 1/s}, for: 1s}')).toEqual([2000, 3000, 4000]);
  expect(turnsOf('drain: {group: s, take: 2, at: 1s}')).toEqual([1000, 1000]);
  expect(turnsOf('freeze: {group: directory, at: 1500ms, for: 1s}')).toEqual([1500]);
});

test('all whom a step drains go at one time, for long enough to be seen, and never the directory', () => {
  const mistake = (text: string) =>
    expect.objectContaining({ mistakes: [expect.objectContaining({ message: expect.stringContaining(text) })] });
  expect(() => turnsOf('drain: {group: s, arrival: {rate: 1/s}}')).toThrow(mistake('arrival'));
  expect(() => turnsOf('drain: {group: s, for: 1s}')).toThrow(mistake('at least 5s'));
  expect(() => turnsOf('drain: directory')).toThrow(mistake('only nodes of peers'));
});
