import { expect, test } from 'vitest';
import type { PlannedStep } from '../steps/step.ts';
import { MeetingPoints } from './meeting-points.ts';

const barrier = (peer: string): PlannedStep => ({
  does: 'barrier',
  id: '1',
  label: 'b',
  name: 'ready',
  peer,
  deadlineMs: 1,
});
const plan = (...peers: string[]): PlannedStep[] => [
  {
    does: 'parallel',
    id: '1',
    label: 'each',
    branches: peers.map((peer) => [barrier(peer)]),
    atMs: peers.map(() => 0),
  },
];
const never = new AbortController().signal;

test('all pass once the last has come, and not before', async () => {
  const meetings = new MeetingPoints(plan('a', 'b', 'c'));
  const passed: string[] = [];
  const arrive = (peer: string) => meetings.arrive('ready', peer, 10_000, never).then(() => passed.push(peer));
  const early = [arrive('a'), arrive('b')];
  await new Promise((resolve) => setImmediate(resolve));
  expect(passed).toEqual([]);
  await Promise.all([...early, arrive('c')]);
  expect(passed.sort()).toEqual(['a', 'b', 'c']);
});

test('after the deadline it names who is missing', async () => {
  const meetings = new MeetingPoints(plan('a', 'b', 'c'));
  await expect(meetings.arrive('ready', 'a', 20, never)).rejects.toMatchObject({
    code: 'barrier-missed',
    message: expect.stringContaining('2 missing after 0.02 s: b, c'),
  });
});

test('who was taken away is not waited for, before and while others wait', async () => {
  const meetings = new MeetingPoints(plan('a', 'b', 'c'));
  meetings.leave('b');
  const waiting = meetings.arrive('ready', 'a', 10_000, never);
  meetings.leave('c');
  await waiting;
});

test('each round of a repeat is a meeting of its own', async () => {
  const rounds = [0, 1].map(() => plan('a', 'b'));
  const meetings = new MeetingPoints([{ does: 'repeat', id: '1', label: 'r', rounds }]);
  await Promise.all([meetings.arrive('ready', 'a', 1000, never), meetings.arrive('ready', 'b', 1000, never)]);
  await expect(meetings.arrive('ready', 'a', 20, never)).rejects.toThrow('1 missing');
});

test('the end of the run ends the wait', async () => {
  const stop = new AbortController();
  const waiting = new MeetingPoints(plan('a', 'b')).arrive('ready', 'a', 10_000, stop.signal);
  stop.abort(new Error('over'));
  await expect(waiting).rejects.toThrow('over');
});
