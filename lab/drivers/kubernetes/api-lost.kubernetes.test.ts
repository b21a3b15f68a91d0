import { expect, test } from 'vitest';
import { resultOf, startLab, writeScenario } from '../../end-to-end.ts';
import { ApiProxy } from './testing/api-proxy.ts';
import { namespacesOf } from './testing/namespaces.ts';

const STEPS = '[{login: all}, {wait: 10s}, {download: l}, {logout: all}]';

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
