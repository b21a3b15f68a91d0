import { expect, test } from 'vitest';
import { makePlan } from '../scenario/plan.ts';
import { readScenario } from '../scenario/read.ts';
import { sizeOf } from './size.ts';
import { sizesOf } from './sizes.ts';

const scenario = (groups: string, steps: string) =>
  readScenario(
    `name: some\ndescription: how large?\ngroups: ${groups}\nsteps: ${steps}\nexpect: [transfers.failed == 0]\n`,
    'some.yaml',
  );
const GROUPS = '{s: {count: 2, share: {files: 3, size: 1MiB}}, l: {count: 4, limits: {memory: 128MiB}}}';
const MIB = 1024 * 1024;

test('counts what shares hold, what downloads and uploads add, each file once for each peer, and what goes on at one time', () => {
  const some = scenario(
    GROUPS,
    '[{login: all}, {download: {group: l, concurrency: 2}}, {parallel: {branches: [[{search: l}], [{index: all}]]}}]',
  );
  expect(sizeOf(makePlan(some))).toEqual({
    scenario: 'some',
    peers: 6,
    directories: 1,
    hostedPeers: 0,
    hosts: 0,
    // Four leechers search while all six ask for the index.
    operationsAtOnce: 10,
    operations: 6 + 4 * 6 + sizeOf(makePlan(scenario(GROUPS, '[{search: l}]'))).operations + 6,
    files: 6,
    shareBytes: 6 * MIB,
    transferBytes: 4 * 6 * MIB,
    // Each of the four fetches six files, from five others at most.
    transferPairs: 4 * 5,
    leastMemoryLimitBytes: 128 * MIB,
  });
  const upload = scenario(GROUPS, '[{repeat: {times: 2, steps: [{upload: {group: s, to: l, limit: 1}}]}}]');
  expect(sizeOf(makePlan(upload)).transferBytes).toBe(4 * MIB);
  const again = scenario(GROUPS, '[{repeat: {for: 5s, steps: [{download: {group: l}}]}}]');
  expect(sizeOf(makePlan(again)).transferBytes).toBe(24 * MIB);
});

test('plans as far as that is quick, and reckons from the growth beyond', () => {
  const some = scenario(GROUPS, '[{download: l}]');
  let asked = 0;
  const sizeAt = sizesOf((peers) => {
    asked = Math.max(asked, peers ?? 0);
    return makePlan(some, { peers });
  });
  expect(sizeAt()).toEqual(sizeOf(makePlan(some)));
  expect(sizeAt(60)).toEqual(sizeOf(makePlan(some, { peers: 60 })));
  const large = sizeAt(9000);
  expect(asked).toBeLessThan(1000);
  expect(large.reckonedFrom).toBe(asked);
  // A third of them share 3 MiB each, and two thirds fetch all of that.
  expect(large.shareBytes / MIB).toBeCloseTo(9000, -2);
  expect(large.transferBytes / MIB / (6000 * 9000)).toBeCloseTo(1, 1);
});

test('with fewer peers than a step needs it is no larger than planned', () => {
  const lonely = scenario('{a: {count: 4, share: {files: 1, size: 1MiB}}}', '[{download: a}]');
  expect(() => makePlan(lonely, { peers: 1 })).toThrow();
  expect(sizesOf((peers) => makePlan(lonely, { peers }))(1)).toEqual({ ...sizeOf(makePlan(lonely)), peers: 1 });
});
