import { describe, expect, test } from 'vitest';
import type { OperationEvent } from '../history/events.ts';
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
  answers: [OperationEvent, [string, string][]][],
  stop: { leaves?: number; until?: number } = {},
) {
  const facts = {
    leaseSeconds: 30,
    peers: [
      { name: 's-1', group: 's', address: seeder, ...stop },
      { name: 'l-1', group: 'l', address: leecher },
    ],
  };
  return judgeAnswers({
    facts,
    events: [...events, ...answers.map(([question]) => question)],
    answers: answers.map(([{ id }, entries]) => ({
      id,
      entries: entries.map(([address, file]) => [address, file, SHA]),
    })),
    shares: [{ peer: 's-1', name: 'a', size: 1, sha256: SHA }],
  } as unknown as History);
}

const login = () => event('login', 's-1', 1, 2);
const index = (start: number, end: number) => event('index', 'l-1', start, end);

describe('an entry', () => {
  test('that is there and is named: right', () => {
    expect(judge([login()], [[index(3, 4), [[seeder, 'a']]]])).toMatchObject({ precision: 1, recall: 1, wrong: [] });
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
    expect(judge([login()], [[index(9, 10), [[seeder, 'a']]]], { leaves: 5, until: 6 }).wrong).toHaveLength(1);
  });

  test('while the logout is under way: either', () => {
    const leaving = [login(), event('logout', 's-1', 5, 6)];
    expect(judge(leaving, [[index(5.2, 5.4), []]]).wrong).toEqual([]);
    expect(judge(leaving, [[index(5.2, 5.4), [[seeder, 'a']]]]).wrong).toEqual([]);
  });

  test('while the scenario stops the peer: either', () => {
    const stop = { leaves: 5, until: 8 };
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
