import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { PlannedOperation } from '../steps/step.ts';
import { scenarioAsRun } from './as-run.ts';
import { makePlan, type Plan, scale } from './plan.ts';
import { readScenario } from './read.ts';

const scenario = (groups: string, steps = '- login: all') =>
  readScenario(
    `name: try\ndescription: Does it plan?\ngroups:\n${groups}\nsteps:\n  ${steps}\nexpect: [transfers.failed == 0]\n`,
    '/nowhere/try.yaml',
  );

/** Every operation of the plan, those inside blocks too. */
function operationsOf({ steps }: Pick<Plan, 'steps'>): PlannedOperation[] {
  return steps.flatMap((step) => {
    if (step.does === 'operations') return step.flows.flatMap(({ operations }) => operations);
    if (step.does === 'parallel') return step.branches.flatMap((branch) => operationsOf({ steps: branch }));
    return step.does === 'repeat' ? step.rounds.flatMap((round) => operationsOf({ steps: round })) : [];
  });
}

const TWO = '  s: {count: 4, share: {files: 3, size: 1KiB..9KiB, copies: 2}}\n  l: {count: 2}';

test('the same seed gives the same plan, another seed another', () => {
  const plan = (seed: number) => JSON.stringify(makePlan(scenario(TWO, '- download: l'), { seed }));
  expect(plan(5)).toBe(plan(5));
  expect(plan(5)).not.toBe(plan(6));
});

test('an operation waits as long as its step says, else the scenario, else the contract', () => {
  const plan = makePlan(
    readScenario(
      `name: try
description: d
deadlines: {login: 10s, download: 2m}
groups: {a: {count: 2, share: {files: 1, size: 1KiB}}}
steps: [{login: all}, {login: {group: all, timeout: 3s}}, {download: all}, {each: {group: a, steps: [{search: self}]}}]
expect: [transfers.failed == 0]
`,
      '/nowhere/try.yaml',
    ),
  );
  const deadlines = operationsOf(plan).map(({ verb, timeoutMs }) => `${verb} ${timeoutMs / 1000} s`);
  expect([...new Set(deadlines)]).toEqual(['login 10 s', 'login 3 s', 'download 120 s', 'search 60 s']);
});

test('neighbours in a cluster hold the same files, other clusters others', () => {
  const { peers } = makePlan(scenario(TWO));
  const names = peers.map(({ share }) => share.map(({ name }) => name));
  expect(names[0]).toEqual(['s-1.bin', 's-2.bin', 's-3.bin']);
  expect(names[1]).toEqual(names[0]);
  expect(names[2]).toEqual(['s-4.bin', 's-5.bin', 's-6.bin']);
  expect(peers.flatMap(({ share }) => share).every(({ sizeBytes }) => sizeBytes >= 1024 && sizeBytes <= 9 * 1024)).toBe(
    true,
  );
});

test('each downloads what it lacks, once, in an order of its own', () => {
  const operations = operationsOf(makePlan(scenario(TWO, '- download: all')));
  const of = (peer: string) =>
    operations.filter((operation) => operation.peer === peer).map(({ request }) => request.name);
  expect(of('s-1')?.toSorted()).toEqual(['s-4.bin', 's-5.bin', 's-6.bin']);
  expect(of('l-1')).toHaveLength(6);
  expect(of('l-1')).not.toEqual(of('l-2'));
});

test('a second download of the same files has nothing to do, which is a mistake', () => {
  expect(() => makePlan(scenario(TWO, '- download: l\n  - download: l'))).toThrow(
    expect.objectContaining({ code: 'scenario-invalid' }),
  );
});

test('an upload goes to a peer that lacks the file', () => {
  const operations = operationsOf(makePlan(scenario(TWO, '- upload: {group: s, to: s}')));
  expect(operations).toHaveLength(12);
  for (const { peer, request } of operations) {
    const cluster = (name: string | undefined) => (name === 's-1' || name === 's-2' ? 1 : 2);
    expect(cluster(request.to)).not.toBe(cluster(peer));
  }
});

test.each([
  [[2, 2], 4, [2, 2]],
  [[2, 16], 9, [1, 8]],
  [[1, 1, 1], 10, [4, 3, 3]],
  [[1, 99], 10, [1, 9]],
  [[1, 1, 98], 3, [1, 1, 1]],
  [[3, 5], undefined, [3, 5]],
])('groups of %j scaled to %j are %j', (counts, total, expected) => {
  expect(scale(counts, total)).toEqual(expected);
});

test('the scenario as run gives the same plan from the results folder', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'peerlab-plan-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  writeFileSync(path.join(folder, 'real.txt'), 'real');
  symlinkSync('/etc/hostname', path.join(folder, 'link.txt'));
  const text = `name: try # stays\ndescription: d\ngroups:\n  s: {count: 2, share: [{files: 2, size: 1KiB}, {from: .}]}\n  l: {count: 2}\nsteps:\n  - download: l\nexpect: [transfers.failed == 0]\n`;
  const original = readScenario(text, path.join(folder, 'try.yaml'));
  const plan = makePlan(original, { seed: 9, peers: 8 });
  expect(plan.peers[0]?.share.map(({ name }) => name)).toEqual(['s-1.bin', 's-2.bin', 'real.txt']);

  const results = path.join(folder, 'results', 'run');
  const asRun = scenarioAsRun(
    original,
    { seed: 9, peersPerInstance: 1 },
    new Map([
      ['s', 4],
      ['l', 4],
    ]),
    results,
  );
  expect(asRun).toContain('# stays');
  expect(makePlan(readScenario(asRun, path.join(results, 'scenario.yaml')))).toEqual(plan);
});

test('a plan that can not be laid out is refused before the memory is full', () => {
  const many = scenario('  s: {count: 500}', '- search: {group: all, times: 10000}');
  expect(() => makePlan(many)).toThrow(expect.objectContaining({ code: 'scenario-invalid' }));
});
