import { describe, expect, test } from 'vitest';
import type { FaultRecord, IndexLook, RunFacts } from '../history/events.ts';
import { endedInOrder } from './ended-in-order.ts';
import type { History } from './history.ts';

const GRACE_SECONDS = 8;
const peers = ['a-1', 'a-2', 'a-3', 'a-4'].map((name) => ({ name, group: 'a', host: 'host1' }));

function judged(instance: string | undefined, at: number, faults: Partial<FaultRecord>[] = []) {
  const kills: RunFacts['kills'] = instance === undefined ? [] : [{ instance, at, graceSeconds: GRACE_SECONDS }];
  return endedInOrder.judge({ facts: { peers, kills }, faults, looks: [] } as unknown as History);
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
      looks: [],
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

describe('who ended without a logout', () => {
  const L = '10.0.0.1:1';
  const addressed = [
    { name: 'l-1', group: 'l', address: L },
    { name: 'l-2', group: 'l', address: '10.0.0.2:1' },
  ];
  const judge = (look: Partial<IndexLook>, more: Partial<RunFacts> = {}) =>
    endedInOrder.judge({
      facts: { peers: addressed, ...more },
      faults: [],
      looks: [{ start: 9, end: 9.1, ended: ['l-1', 'l-2'], through: 's-1', ...look }],
    } as unknown as History);

  test('is named when the index still has it', () => {
    expect(judge({ peers: [L, '10.0.0.9:1'] })).toMatchObject({
      verdict: 'fail',
      reason:
        'l-1 ended after SIGTERM, and at 9.00 s the index still named it (asked through s-1): it did not log out, or was not heard',
    });
    expect(judge({ peers: ['10.0.0.9:1'] }).verdict).toBe('pass');
    expect(judge({ peers: [L], cpuPressure: 0.9 }).verdict).toBe('inconclusive');
    expect(judge({ error: 's-1: no answer' }).verdict).toBe('pass');
    expect(judge({ ended: undefined, entries: [[L, 'a', 'x']] }).verdict).toBe('pass');
  });

  test('is named when it was the last one, and the directory still counts one', () => {
    const last = (before: number, after: number) =>
      judge({ ended: ['l-2'], through: undefined, online: { before, after } });
    expect(last(1, 1)).toMatchObject({
      verdict: 'fail',
      reason: expect.stringMatching(/^l-2 .*still counted one peer/),
    });
    expect(last(1, 0).verdict).toBe('pass');
    // Somebody else may have come.
    expect(last(2, 2).verdict).toBe('pass');
    expect(last(0, 0).verdict).toBe('pass');
  });

  test('is not told once more when it was killed, or ended badly', () => {
    const kills = [{ instance: 'l-1', at: 9, graceSeconds: 8 }];
    expect(judge({ peers: [L] }, { kills }).details).toHaveLength(1);
    expect(judge({ peers: [L] }, { badEnds: [{ instance: 'l-1', how: 'by SIGSEGV' }] }).verdict).toBe('pass');
  });
});
