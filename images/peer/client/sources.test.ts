import { expect, test } from 'vitest';
import { bestFirst } from '../choosers/best-first.ts';
import { groupsOf } from './sources.ts';

test('the best of the directory come first, in another order each time', () => {
  const ranked = Array.from({ length: 20 }, (_, i) => i);
  const firsts = new Set<number | undefined>();
  for (let round = 0; round < 500; round++) {
    const result = bestFirst(ranked);
    expect(result.toSorted((a, b) => a - b)).toEqual(ranked);
    expect(result.slice(0, 8).every((one) => one < 8)).toBe(true);
    expect(result.slice(16).every((one) => one >= 16)).toBe(true);
    firsts.add(result[0]);
  }
  // 500 draws miss one of eight in less than one run in 10^28.
  expect(firsts.size).toBe(8);
});

test('sources that disagree are groups of their own; those without a root join where all agree', () => {
  const source = (name: string, root?: string, size = 5) => ({ address: name, name, root, size });
  const [a, b, none] = [source('a', 'r'), source('b', 'r'), source('none')];
  expect(groupsOf([a, none, b])).toEqual([{ root: 'r', size: 5, sources: [a, b, none] }]);
  const otherSize = source('c', 'r', 6);
  const otherRoot = source('d', 'q');
  expect(groupsOf([otherSize, a, none, b, otherRoot]).map(({ sources }) => sources)).toEqual([
    [a, b],
    [otherSize],
    [otherRoot],
  ]);
  expect(groupsOf([none])).toEqual([]);
});
