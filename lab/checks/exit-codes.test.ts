import { expect, test } from 'vitest';
import type { RunFacts } from '../history/events.ts';
import { exitCodes } from './exit-codes.ts';
import type { History } from './history.ts';

const judged = (badEnds: RunFacts['badEnds']) =>
  exitCodes.judge({
    facts: { peers: ['a-1', 'a-2'].map((name) => ({ name, group: 'a', host: 'host1' })), badEnds },
  } as unknown as History);

test('who ended in another way is named, with the log', () => {
  expect(judged(undefined).verdict).toBe('pass');
  expect(judged([{ instance: 'b-1', how: 'b-1 ended by SIGSEGV' }])).toMatchObject({
    verdict: 'fail',
    reason: 'b-1 was asked to end: b-1 ended by SIGSEGV; see logs/b-1.log',
  });
});

test('on a machine without a processor to spare, nobody is blamed: the services end by themselves when an end takes too long', () => {
  const end = { instance: 'b-1', how: 'b-1 ended with exit code 1' };
  expect(judged([{ ...end, cpuPressure: 0.97 }])).toMatchObject({
    verdict: 'inconclusive',
    reason: expect.stringMatching(/^the machine is saturated .*97 %.*b-1 was asked to end/),
  });
  expect(judged([{ ...end, cpuPressure: 0.3 }]).verdict).toBe('fail');
});

test('a host is told once, each life of another instance by itself', () => {
  const how = 'ended with its host: ended with exit code 3';
  expect(judged(['a-1', 'a-2'].map((instance) => ({ instance, how }))).details).toEqual([
    expect.stringMatching(/logs\/host1\.log$/),
  ]);
  expect(judged([3, 4].map((code) => ({ instance: 'b-1', how: `ended with exit code ${code}` }))).details).toHaveLength(
    2,
  );
});
