import { expect, test } from 'vitest';
import type { FaultRecord, RunFacts } from '../history/events.ts';
import { endedInOrder } from './ended-in-order.ts';
import type { History } from './history.ts';

const GRACE_SECONDS = 8;
const peers = ['a-1', 'a-2', 'a-3', 'a-4'].map((name) => ({ name, group: 'a', host: 'host1' }));

function judged(instance: string | undefined, at: number, faults: Partial<FaultRecord>[] = []) {
  const kills: RunFacts['kills'] = instance === undefined ? [] : [{ instance, at, graceSeconds: GRACE_SECONDS }];
  return endedInOrder.judge({ facts: { peers, kills }, faults } as unknown as History);
}

test('who had to be killed is named, with the log', () => {
  expect(judged(undefined, 0)).toMatchObject({ verdict: 'pass' });
  expect(judged('b-1', 20)).toMatchObject({
    verdict: 'fail',
    reason: expect.stringMatching(/^b-1 did not end within 8 s of SIGTERM.*logs\/b-1\.log$/),
  });
});

test('a host is named with its peers', () => {
  expect(judged('host1', 20).reason).toContain('host1 (a-1, a-2, a-3 and 1 more peers) did not end');
});

test.each<[string, Partial<FaultRecord>, 'pass' | 'fail']>([
  ['stood still at the end', {}, 'pass'],
  ['stood still until it was to stop', { overtakenBy: 'stop', overtakenAt: 11 }, 'pass'],
  ['had gone on since', { until: 5 }, 'fail'],
  ['had another life since', { overtakenBy: 'kill', overtakenAt: 5 }, 'fail'],
])('an instance that %s: %o is %s', (_, freeze, verdict) => {
  const fault = { kind: 'freeze', who: 'b-1', from: 1, inForce: 1, ...freeze } as const;
  expect(judged('b-1', 20, [fault]).verdict).toBe(verdict);
  expect(judged('b-2', 20, [fault]).verdict).toBe('fail');
});

test('on a machine without a processor to spare, nobody is blamed: the check is inconclusive', () => {
  const of = (...pressures: (number | undefined)[]) =>
    endedInOrder.judge({
      facts: {
        peers,
        kills: pressures.map((cpuPressure, i) => ({ instance: `b-${i}`, at: 20, graceSeconds: 8, cpuPressure })),
      },
      faults: [],
    } as unknown as History);
  expect(of(0.97)).toMatchObject({
    verdict: 'inconclusive',
    reason: expect.stringMatching(/^the machine is saturated .*97 %.*b-0 did not end/),
  });
  expect(of(0.3).verdict).toBe('fail');
  expect(of(undefined).verdict).toBe('fail');
  // Where one had its time, the others excuse nothing.
  expect(of(0.97, 0.3)).toMatchObject({ verdict: 'fail', reason: expect.stringContaining('b-1 did not end') });
});
