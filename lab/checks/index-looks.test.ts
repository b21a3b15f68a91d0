import { expect, test } from 'vitest';
import type { IndexLook, OperationEvent } from '../history/events.ts';
import type { History } from './history.ts';
import { directoryLists } from './index-looks.ts';

/** s-1 shares a file, l-1 fetches it from 4 to 5 s; both log in at 1 s. */
const file = { name: 'a', size: 1, sha256: 'a'.repeat(64) };
let ids = 0;
const event = (operation: string, peer: string, start: number, more: Partial<OperationEvent> = {}): OperationEvent => ({
  ...{ id: ids++, step: '1', operation, peer, start, end: start + 1, outcome: 'ok', bytes: 0, sources: [] },
  ...more,
});
const S = '10.0.0.1:1';
const L = '10.0.0.2:1';
const look = (start: number, addresses: string[]): IndexLook => ({
  ...{ start, end: start + 0.1, through: 's-1' },
  entries: addresses.map((address) => [address, 'a', file.sha256]),
});

function judge(looks: IndexLook[], more: Partial<History> = {}, events: OperationEvent[] = []) {
  return directoryLists.judge({
    facts: {
      leaseSeconds: 30,
      peers: [
        { name: 's-1', group: 's', address: S },
        { name: 'l-1', group: 'l', address: L },
      ],
    },
    events: [event('login', 's-1', 1), event('login', 'l-1', 1), event('download', 'l-1', 4, { file: 'a' }), ...events],
    shares: [{ peer: 's-1', ...file }],
    stored: ['s-1', 'l-1'].map((peer) => ({ peer, ...file })),
    faults: [],
    looks,
    ...more,
  } as unknown as History);
}

test('all that lies on the disks is named: right', () => {
  expect(judge([look(8, [S, L])])).toMatchObject({ verdict: 'pass', reason: expect.stringContaining('named 2 files') });
});

test('a peer that never publishes what it received is named', () => {
  expect(judge([look(8, [S])])).toMatchObject({
    verdict: 'fail',
    reason: 'l-1: "a" lies on its disk, and the index at 8.00 s did not name it (asked through s-1)',
  });
});

test('within the publishing delay it may be missing', () => {
  expect(judge([look(6, [S])])).toMatchObject({ verdict: 'pass' });
});

test('a share that takes long to hash may come later than the login, but it must come', () => {
  const size = 512 * 1024 * 1024;
  const long = { shares: [{ peer: 's-1', ...file, size }], looks: [] } as unknown as Partial<History>;
  const judged = (start: number) => judge([], { ...long, looks: [look(start, [L])] });
  expect(judged(12)).toMatchObject({ verdict: 'pass' });
  // 26.8 s after the login was done.
  expect(judged(28)).toMatchObject({ verdict: 'pass' });
  expect(judged(29)).toMatchObject({ verdict: 'fail', reason: expect.stringContaining('s-1: "a" lies on its disk') });
});

test('who logged out, was killed, or lost the file is not waited for', () => {
  expect(judge([look(12, [S])], {}, [event('logout', 'l-1', 9)])).toMatchObject({ verdict: 'pass' });
  const killed = { kind: 'kill' as const, who: 'l-1', step: '1', from: 7, inForce: 7.1, proofs: [] };
  expect(judge([look(8, [S])], { faults: [killed] })).toMatchObject({ verdict: 'pass' });
  expect(judge([look(8, [S])], { stored: [{ peer: 's-1', ...file }] })).toMatchObject({ verdict: 'pass' });
});

test('who can not be asked leaves it open, when something was due', () => {
  const unasked: IndexLook = { start: 8, end: 8.1, error: 's-1: the peer does not have this verb (index)' };
  expect(judge([unasked])).toMatchObject({ verdict: 'inconclusive', reason: expect.stringContaining('s-1: the peer') });
  expect(judge([unasked], {}, [event('logout', 's-1', 6), event('logout', 'l-1', 6)])).toMatchObject({
    verdict: 'pass',
  });
});

test('a look after peers were asked to end is about their ends, not about their files', () => {
  const after = { start: 20, end: 20.1, through: 's-1', ended: ['l-1'], peers: [S] };
  expect(judge([look(8, [S, L]), after]).reason).toMatch(/named 2 files .*1 look of the lab/);
});

test('a run in which nobody was logged in has nothing to show', () => {
  expect(judge([])).toMatchObject({ verdict: 'pass' });
});

test('what was received and never seen is no failure, but the reason says it', () => {
  const reason = 'not seen of 1 received file: their peers logged out, ended or had a fault before the lab could look';
  expect(judge([])).toMatchObject({ verdict: 'pass', reason: expect.stringContaining(reason) });
  expect(judge([look(8, [S])], {}, [event('logout', 'l-1', 5.5)])).toMatchObject({
    verdict: 'pass',
    reason: expect.stringContaining(reason),
  });
  expect(judge([look(8, [S, L])]).reason).not.toContain('not seen');
});

test('who answered its logout and is still named is named, after a publishing delay', () => {
  const logout = event('logout', 'l-1', 8);
  expect(judge([look(12, [S, L])], {}, [logout])).toMatchObject({
    verdict: 'fail',
    reason: 'l-1: it answered its logout at 9.00 s, and the index at 12.00 s still named it (asked through s-1)',
  });
  expect(judge([look(10, [S, L])], {}, [logout])).toMatchObject({ verdict: 'pass' });
  expect(judge([look(7.5, [S, L]), look(12, [S])], {}, [logout]).reason).not.toContain('nobody was left');
});

test('a logout is not held against who came back, may have, or was not heard', () => {
  const logout = event('logout', 'l-1', 8);
  const seen = [look(20, [S, L])];
  const lost = { code: 'no-answer', message: 'no answer', definite: false };
  expect(judge(seen, {}, [logout, event('login', 'l-1', 10)])).toMatchObject({ verdict: 'pass' });
  expect(judge(seen, {}, [logout, event('login', 'l-1', 10, { outcome: 'failed', error: lost })])).toMatchObject({
    verdict: 'pass',
  });
  expect(judge(seen, {}, [logout, event('login', 'l-1', 7.5)])).toMatchObject({ verdict: 'pass' });
  expect(judge(seen, {}, [event('logout', 'l-1', 8, { outcome: 'failed', error: lost })])).toMatchObject({
    verdict: 'pass',
  });
  for (const who of ['l-1', 'directory']) {
    const cut = { kind: 'cut' as const, who, step: '1', from: 7, inForce: 7.1, until: 15, proofs: [] };
    expect(judge(seen, { faults: [cut] }, [logout])).toMatchObject({ verdict: 'pass' });
  }
});

test('when all have logged out, the reason says that nobody was left to ask', () => {
  expect(judge([look(8, [S, L])], {}, [event('logout', 's-1', 9), event('logout', 'l-1', 9)])).toMatchObject({
    verdict: 'pass',
    reason: expect.stringContaining('nobody was left to ask after the logout of 2 peers'),
  });
});
