import { describe, expect, test } from 'vitest';
import type { FaultKind, FaultRecord, OperationEvent } from '../history/events.ts';
import { judgeAnswers } from './directory-answers.ts';
import type { History } from './history.ts';

/** One seeder with one file, one leecher; times in seconds. */
const SHA = 'a'.repeat(64);
const seeder = '10.0.0.1:1';
const leecher = '10.0.0.2:1';
let ids = 0;
const event = (
  operation: string,
  peer: string,
  start: number,
  end: number,
  more: Partial<OperationEvent> = {},
): OperationEvent => ({
  id: ids++,
  step: '1',
  operation,
  peer,
  start,
  end,
  outcome: 'ok',
  bytes: 0,
  sources: [],
  ...more,
});

function judge(
  events: OperationEvent[],
  answers: [OperationEvent, [string, string, number?][]][],
  faults: FaultRecord[] = [],
  more: { directoryReplicas?: number } = {},
) {
  const facts = {
    leaseSeconds: 30,
    ...more,
    peers: [
      { name: 's-1', group: 's', address: seeder },
      { name: 'l-1', group: 'l', address: leecher },
    ],
  };
  return judgeAnswers({
    facts,
    faults,
    events: [...events, ...answers.map(([question]) => question)],
    answers: answers.map(([{ id }, entries]) => ({
      id,
      entries: entries.map(([address, file, size]) => [address, file, SHA, size]),
    })),
    shares: [{ peer: 's-1', name: 'a', size: 1, sha256: SHA }],
  } as unknown as History);
}

const fault = (kind: FaultKind, who: string, from: number, inForce: number, until?: number): FaultRecord => ({
  ...{ kind, who, step: '1', from, inForce, proofs: [] },
  ...(until !== undefined && { until, recoverySeconds: 0.5 }),
});

const login = () => event('login', 's-1', 1, 2);
const index = (start: number, end: number) => event('index', 'l-1', start, end);

describe('an entry', () => {
  test('that is there and is named: right', () => {
    expect(judge([login()], [[index(3, 4), [[seeder, 'a']]]])).toMatchObject({ precision: 1, recall: 1, wrong: [] });
  });

  test('whose size is another one: wrong', () => {
    expect(judge([login()], [[index(3, 4), [[seeder, 'a', 1]]]])).toMatchObject({ precision: 1, wrong: [] });
    expect(judge([login()], [[index(3, 4), [[seeder, 'a', 2]]]]).wrong).toEqual([
      expect.stringContaining('s-1 "a" has 2 bytes there, and in truth 1'),
    ]);
  });

  test('that one peer leaves out and another one passes on: the teller may be the liar', () => {
    const right: [OperationEvent, [string, string][]] = [{ ...index(3, 4), peer: 's-1' }, [[seeder, 'a']]];
    const wrong: [OperationEvent, [string, string][]] = [index(3, 4), []];
    expect(judge([login()], [right, wrong]).doubt).toBe('l-1');
    expect(judge([login()], [wrong]).doubt).toBeUndefined();
    expect(judge([login()], [[{ ...index(3, 4), peer: 's-1' }, []], wrong]).doubt).toBeUndefined();
  });

  test('that is there and is not named: wrong', () => {
    const { recall, wrong } = judge([login()], [[index(3, 4), []]]);
    expect(recall).toBe(0);
    expect(wrong).toEqual([expect.stringContaining('s-1 "a" is missing')]);
  });

  test('whose login was under way may be named or not', () => {
    expect(judge([login()], [[index(1.5, 1.6), []]])).toMatchObject({ wrong: [] });
    expect(judge([login()], [[index(1.5, 1.6), [[seeder, 'a']]]])).toMatchObject({ precision: 1, wrong: [] });
  });

  test('before the login: wrong', () => {
    expect(judge([login()], [[index(0.1, 0.2), [[seeder, 'a']]]]).wrong).toEqual([
      expect.stringContaining('was not there yet'),
    ]);
  });

  test('after logout, or after the scenario stopped the peer: wrong, and so old', () => {
    const { precision, stalenessSeconds, wrong } = judge(
      [login(), event('logout', 's-1', 5, 6)],
      [[index(9, 10), [[seeder, 'a']]]],
    );
    expect({ precision, stalenessSeconds }).toEqual({ precision: 0, stalenessSeconds: 3 });
    expect(wrong).toEqual([expect.stringContaining('had been gone for 3.0 s')]);
    expect(judge([login()], [[index(9, 10), [[seeder, 'a']]]], [fault('stop', 's-1', 5, 6)]).wrong).toHaveLength(1);
  });

  test('while the logout is under way: either', () => {
    const leaving = [login(), event('logout', 's-1', 5, 6)];
    expect(judge(leaving, [[index(5.2, 5.4), []]]).wrong).toEqual([]);
    expect(judge(leaving, [[index(5.2, 5.4), [[seeder, 'a']]]]).wrong).toEqual([]);
  });

  test('while the scenario stops the peer: either', () => {
    const stop = [fault('stop', 's-1', 5, 8)];
    expect(judge([login()], [[index(6, 7), []]], stop).wrong).toEqual([]);
    expect(judge([login()], [[index(6, 7), [[seeder, 'a']]]], stop).wrong).toEqual([]);
    expect(judge([login()], [[index(3, 4), []]], stop).wrong).toHaveLength(1);
  });

  test('of a content that the peer has under two names: one of them is enough', () => {
    const facts = { peers: [{ name: 's-1', group: 's', address: seeder }] };
    const question = event('search', 'l-1', 3, 4, { asked: '*' });
    const judged = judgeAnswers({
      facts,
      events: [login(), question],
      faults: [],
      answers: [{ id: question.id, entries: [[seeder, 'b', SHA]] }],
      shares: ['a', 'b'].map((name) => ({ peer: 's-1', name, size: 1, sha256: SHA })),
    } as unknown as History);
    expect(judged).toMatchObject({ precision: 1, recall: 1, wrong: [] });
  });

  test('of nobody we know, or of a file that nobody has: wrong', () => {
    expect(
      judge(
        [login()],
        [
          [
            index(3, 4),
            [
              [seeder, 'a'],
              ['9.9.9.9:9', 'a'],
            ],
          ],
        ],
      ).wrong,
    ).toEqual([expect.stringContaining('9.9.9.9:9 "a" was never there')]);
    expect(
      judge(
        [login()],
        [
          [
            index(3, 4),
            [
              [seeder, 'a'],
              [seeder, 'b'],
            ],
          ],
        ],
      ).wrong,
    ).toHaveLength(1);
  });

  test('that was received is due only after the publishing delay', () => {
    const received = [login(), event('login', 'l-1', 1, 2), event('download', 'l-1', 3, 4, { file: 'a' })];
    expect(judge(received, [[index(5, 5.5), [[seeder, 'a']]]]).wrong).toEqual([]);
    expect(
      judge(received, [
        [
          index(5, 5.5),
          [
            [seeder, 'a'],
            [leecher, 'a'],
          ],
        ],
      ]),
    ).toMatchObject({ precision: 1, wrong: [] });
    expect(judge(received, [[index(7, 7.5), [[seeder, 'a']]]]).wrong).toEqual([
      expect.stringContaining('l-1 "a" is missing'),
    ]);
  });

  test('of a login that failed may be there, but need not', () => {
    const failed = event('login', 's-1', 1, 2, { outcome: 'failed' });
    expect(judge([failed], [[index(3, 4), []]]).wrong).toEqual([]);
    expect(judge([failed], [[index(3, 4), [[seeder, 'a']]]]).wrong).toEqual([]);
  });
});

test('a search is due only what its pattern asks for', () => {
  expect(judge([login()], [[event('search', 'l-1', 3, 4, { asked: 'b*' }), []]]).wrong).toEqual([]);
  expect(judge([login()], [[event('search', 'l-1', 3, 4, { asked: '?' }), []]]).wrong).toHaveLength(1);
});

describe('faults (a lease is 30 s, and 2 s are for acting on its end)', () => {
  const named: [string, string][] = [[seeder, 'a']];
  const answer = (start: number, entries: [string, string][], faults: FaultRecord[], more: OperationEvent[] = []) =>
    judge([login(), ...more], [[index(start, start + 0.1), entries]], faults).wrong;

  test('an orderly stop: either while it goes on, gone after', () => {
    const stopped = [fault('stop', 's-1', 10, 11)];
    expect(answer(10.5, named, stopped)).toEqual([]);
    expect(answer(10.5, [], stopped)).toEqual([]);
    expect(answer(11.5, named, stopped)).toEqual([expect.stringContaining('had been gone for 0.5 s')]);
  });

  test('who was killed may stay named for a lease, need not, and must be gone after', () => {
    const killed = [fault('kill', 's-1', 10, 10.1)];
    expect(answer(9, [], killed)).toEqual([expect.stringContaining('is missing')]);
    expect(answer(42, named, killed)).toEqual([]);
    expect(answer(10.5, [], killed)).toEqual([]);
    expect(answer(42.2, named, killed)).toEqual([expect.stringContaining('had been gone for 0.1 s')]);
  });

  test('who was killed and came back is due again only once it has logged in', () => {
    const killed = [fault('kill', 's-1', 10, 10.1, 12)];
    const again = [event('login', 's-1', 14, 15)];
    expect(answer(13, [], killed, again)).toEqual([]);
    expect(answer(16, [], killed, again)).toEqual([expect.stringContaining('is missing')]);
    expect(answer(60, named, killed, again)).toEqual([]);
    // In its second life it never logged in: what a logout says there does not end what the first left behind.
    expect(answer(20, named, killed, [event('logout', 's-1', 14, 15)])).toEqual([]);
    expect(answer(60, named, killed, [event('logout', 's-1', 14, 15)])).toHaveLength(1);
  });

  test('a login that certainly failed, because the peer was down, is none', () => {
    const failed = { outcome: 'failed', error: { code: 'not-running', message: '', definite: true } } as const;
    const down = [event('login', 's-1', 12, 12.1, failed)];
    expect(answer(60, named, [fault('kill', 's-1', 10, 10.1)], down)).toHaveLength(1);
  });

  test('who stands still is in doubt, gone after a lease, and due again a lease after it goes on', () => {
    const short = [fault('freeze', 's-1', 10, 10.1, 13)];
    for (const entries of [named, []]) expect(answer(12, entries, short)).toEqual([]);
    expect(answer(44, [], short)).toEqual([]);
    expect(answer(46, [], short)).toEqual([expect.stringContaining('is missing')]);
    const long = [fault('freeze', 's-1', 10, 10.1, 60)];
    expect(answer(41, named, long)).toEqual([]);
    expect(answer(50, named, long)).toEqual([expect.stringContaining('had been gone for 7.9 s')]);
    expect(answer(61, named, long)).toEqual([]);
  });

  test('a directory that was away has a lease to learn who is there', () => {
    const away = [fault('kill', 'directory', 10, 10.1, 12)];
    expect(answer(9, [], away)).toHaveLength(1);
    expect(answer(13, [], away)).toEqual([]);
    expect(answer(13, named, away)).toEqual([]);
    expect(answer(45, [], away)).toEqual([expect.stringContaining('is missing')]);
    // Who was killed meanwhile may have been given a new lease when the directory came back, and one who stopped was not heard.
    expect(answer(43, named, [...away, fault('kill', 's-1', 9, 9.1)])).toEqual([]);
    expect(answer(20, named, [...away, fault('stop', 's-1', 11, 11.5)])).toEqual([]);
    expect(answer(45, named, [...away, fault('kill', 's-1', 9, 9.1)])).toHaveLength(1);
  });

  const cut = (who: string, scope: string, from: number, until?: number): FaultRecord => ({
    ...fault('cut', who, from, from + 0.1, until),
    requested: { from: scope },
  });

  test('who is cut off from the directory is in doubt, gone after a lease, and due again a lease after it is healed', () => {
    for (const [who, scope] of [
      ['s-1', 'all'],
      ['s-1', 'directory'],
      ['directory', 'all'],
      ['directory', 's'],
    ] as const) {
      const short = [cut(who, scope, 10, 13)];
      expect(answer(9, [], short)).toEqual([expect.stringContaining('is missing')]);
      for (const entries of [named, []]) expect(answer(12, entries, short)).toEqual([]);
      expect(answer(44, [], short)).toEqual([]);
      expect(answer(46, [], short)).toEqual([expect.stringContaining('is missing')]);
      const long = [cut(who, scope, 10, 60)];
      expect(answer(41, named, long)).toEqual([]);
      expect(answer(50, named, long)).toEqual([expect.stringContaining('had been gone for 7.9 s')]);
      // From the moment at which it is healed a heartbeat may come through, before a probe has seen it.
      expect(answer(60.1, named, long)).toEqual([]);
      expect(answer(100, named, long)).toEqual([]);
    }
  });

  test('a cut from others than the directory changes nothing there', () => {
    for (const other of [cut('s-1', 'l', 10, 60), cut('directory', 'l', 10, 60), cut('l-1', 'all', 10, 20)]) {
      expect(answer(30, [], [other])).toEqual([expect.stringContaining('is missing')]);
      expect(answer(50, named, [other])).toEqual([]);
    }
  });

  test('a stop that the directory could not hear, and a cut that ended with a kill', () => {
    const stopped = fault('stop', 's-1', 12, 12.5);
    const overtaken = { ...cut('s-1', 'all', 10), overtakenBy: 'stop', overtakenAt: 12 } as const;
    expect(answer(14, named, [stopped])).toHaveLength(1);
    expect(answer(14, named, [overtaken, stopped])).toEqual([]);
    expect(answer(45, named, [overtaken, stopped])).toHaveLength(1);
    // Its second life was never cut off.
    const killed = [{ ...overtaken, overtakenBy: 'kill' } as const, fault('kill', 's-1', 12, 12.1, 14)];
    const again = [event('login', 's-1', 20, 21)];
    expect(answer(60, named, killed, again)).toEqual([]);
    expect(answer(60, [], killed, again)).toEqual([expect.stringContaining('is missing')]);
  });

  test('where packets are lost, nothing is certainly in time, and nothing lapses for certain', () => {
    for (const who of ['s-1', 'directory']) {
      const lossy = [fault('lose', who, 10, 10.1, 60)];
      for (const entries of [named, []]) expect(answer(55, entries, lossy)).toEqual([]);
      expect(answer(95, [], lossy)).toEqual([expect.stringContaining('is missing')]);
    }
    expect(answer(55, [], [fault('limit', 's-1', 10, 10.1, 60)])).toHaveLength(1);
  });
});

describe('of two directories that share a state', () => {
  const two = { directoryReplicas: 2 };
  const missing = [index(40, 41), []] as [OperationEvent, [string, string][]];

  test('one may know what the other was told a second later, and no later', () => {
    expect(judge([login()], [[index(2.5, 2.9), []]], [], two).wrong).toEqual([]);
    expect(judge([login()], [[index(3.5, 3.9), []]], [], two).wrong).toHaveLength(1);
    const left = [login(), event('logout', 's-1', 5, 6)];
    expect(judge(left, [[index(6.5, 6.9), [[seeder, 'a']]]], [], two).wrong).toEqual([]);
    expect(judge(left, [[index(7.5, 7.9), [[seeder, 'a']]]], [], two).wrong).toHaveLength(1);
  });

  test('one that dies is no excuse for anything; both at the same time are', () => {
    const [one, other] = [fault('kill', 'directory-1', 10, 11, 50), fault('kill', 'directory-2', 30, 31, 60)];
    expect(judge([login()], [missing], [one], two).wrong).toHaveLength(1);
    expect(judge([login()], [missing], [one, other], two).wrong).toEqual([]);
    expect(judge([login()], [[index(20, 21), []]], [one, other], two).wrong).toHaveLength(1);
    const apart = fault('kill', 'directory-2', 51, 52, 60);
    expect(judge([login()], [[index(95, 96), []]], [one, apart], two).wrong).toHaveLength(1);
  });

  test('one that stands still holds up those who are connected to it', () => {
    expect(judge([login()], [missing], [fault('freeze', 'directory-1', 30, 31, 42)], two).wrong).toEqual([]);
  });
});
