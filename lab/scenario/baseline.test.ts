import { expect, test } from 'vitest';
import { baselineOf } from './baseline.ts';
import { makePlan } from './plan.ts';
import { readScenario } from './read.ts';

const TEXT = `
name: try
description: Does it help?
seed: 7
vars: {size: 1MiB}
groups:
  seeder: {share: {files: 2, size: "\${size}"}, env: &env {PEER_UPLOAD_LIMIT: 2MB/s}}
  crowd: {count: 4, env: *env}
  others: {count: 1}
steps: [{login: all}, {download: {group: crowd, files: "seeder-*", arrival: {poisson: 2/s}}}]
expect: [swarm.ratio <= 2, transfers.ok == 8]
`;

test('is the same plan with peers that give nothing on, and expects only that all arrives', () => {
  const scenario = readScenario(TEXT, 'try.yaml', { size: '3MiB' });
  const [plan, baseline] = [makePlan(scenario), makePlan(baselineOf(scenario))];
  expect(baseline.name).toBe('try-baseline');
  expect(baseline.demands.map(({ expression }) => expression)).toEqual(['transfers.failed == 0']);
  expect(baseline.peers.every(({ env }) => env.PEER_SWARM === '0')).toBe(true);
  const without = ({ env: { PEER_SWARM: _, ...env }, ...peer }: (typeof plan.peers)[number]) => ({ ...peer, env });
  expect(baseline.peers.map(without)).toEqual(plan.peers.map(without));
  expect(baseline.steps).toEqual(plan.steps);
});
