import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { resultOf, startLab, writeScenario } from '../../end-to-end.ts';
import { ApiProxy } from './testing/api-proxy.ts';
import { namespacesOf } from './testing/namespaces.ts';

const STEPS = '[{login: all}, {wait: 30s}, {download: l}, {logout: all}]';

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
    const result = resultOf(run);
    expect(result, `${output}\n${JSON.stringify(result, null, 1)}`).toMatchObject({
      verdict: 'inconclusive',
      transfers: { ok: 2 },
      leftovers: [],
    });
    expect(await namespacesOf(run)).toEqual([]);
  },
);
