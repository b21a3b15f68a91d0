import { setTimeout as sleep } from 'node:timers/promises';
import type { V1Namespace } from '@kubernetes/client-node';
import { expect, test } from 'vitest';
import { resultOf, startLab, writeScenario } from '../../end-to-end.ts';
import { Cluster } from './cluster.ts';
import { LABEL } from './names.ts';
import { ApiProxy } from './testing/api-proxy.ts';

const STEPS = '[{login: all}, {wait: 30s}, {download: l}, {logout: all}]';

/** Namespaces that carry the id of a run. */
async function namespacesOf(run: string | undefined): Promise<string[]> {
  const cluster = await Cluster.named();
  try {
    const path = `/api/v1/namespaces?labelSelector=${LABEL.run}%3D${run?.split('/').at(-1)}`;
    const { items } = await cluster.ask<{ items: V1Namespace[] }>('GET', path);
    return items.filter(({ metadata }) => !metadata?.deletionTimestamp).map(({ metadata }) => metadata?.name ?? '');
  } finally {
    cluster.close();
  }
}

test.for([
  { is: 'gone', seconds: 20 },
  { is: 'silent', seconds: 35 },
] as const)(
  'an API server that is $is for $seconds s in the middle: the run goes on, is no pass, and leaves nothing',
  {
    timeout: 240_000,
  },
  async ({ is, seconds }) => {
    await using proxy = await ApiProxy.start();
    const scenario = writeScenario(STEPS, '[transfers.ok == 2]');
    const lab = startLab([scenario, '--driver', 'kubernetes'], { PEERLAB_KUBECONFIG: proxy.kubeconfig });
    await lab.says('Step 1/4: login all: 2 ok');
    proxy.turn(is);
    await sleep(seconds * 1000);
    proxy.turn('there');
    const { code, output, run } = await lab.ended;
    expect(code, output).toBe(75);
    expect(output).toContain('cluster');
    expect(resultOf(run)).toMatchObject({ verdict: 'inconclusive', transfers: { ok: 2 }, leftovers: [] });
    expect(await namespacesOf(run)).toEqual([]);
  },
);

test('an API server that does not come back for the lab: inconclusive within bounds, and the cluster itself removes the run', {
  timeout: 480_000,
}, async () => {
  await using proxy = await ApiProxy.start();
  const scenario = writeScenario(STEPS, '[transfers.ok == 2]');
  const lab = startLab([scenario, '--driver', 'kubernetes'], { PEERLAB_KUBECONFIG: proxy.kubeconfig });
  await lab.says('Step 1/4: login all: 2 ok');
  proxy.turn('gone');
  const began = performance.now();
  const { code, output, run } = await lab.ended;
  expect(code, output).toBe(75);
  expect(performance.now() - began).toBeLessThan(300_000);
  expect(resultOf(run).verdict).toBe('inconclusive');
  // The lab says what it had to leave; the watchdog in the cluster sees to it.
  expect(resultOf(run).leftovers).toEqual([expect.stringContaining('may still be there')]);
  expect(await namespacesOf(run)).toEqual([]);
});
