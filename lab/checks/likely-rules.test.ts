import { expect, test } from 'vitest';
import { ERRORS } from '#proto/errors.ts';
import type { RunFacts } from '../history/events.ts';
import { likelyRules, RULES_BY_CHECK, RULES_BY_FAILURE } from './likely-rules.ts';
import { CHECKS } from './table.ts';

const facts = (asked?: string) =>
  ({
    peers: [{ name: 'a-1', group: 'a' }],
    tested: [{ role: 'peer', program: 'p', ...(asked !== undefined && { asked }) }],
  }) as unknown as RunFacts;

test('of a foreign peer the rules are named, with the command that checks them', () => {
  expect(likelyRules(facts('python3 peer.py'), 'directory lists the shares', [])).toBe(
    `directory.lists, directory.publishes, directory.logout in docs/peer-contract.md (bin/lab conformance --only directory --peer-image 'python3 peer.py')`,
  );
  expect(
    likelyRules(facts('python3 peer.py'), undefined, [
      { operation: 'download', code: 'unheard-of' },
      { operation: 'download', code: 'hash-mismatch' },
    ]),
  ).toBe(
    `download.whole, ranges.middle in docs/peer-contract.md (bin/lab conformance --only download ranges --peer-image 'python3 peer.py')`,
  );
  expect(likelyRules(facts('python3 peer.py'), undefined, [{ operation: 'index', code: 'not-supported' }])).toBe(
    `control.index in docs/peer-contract.md (bin/lab conformance --only control --peer-image 'python3 peer.py')`,
  );
});

test('each rule is named once', () => {
  const failures = ['hash-mismatch', 'truncated'].map((code) => ({ operation: 'download', code }));
  expect(likelyRules(facts('python3 peer.py'), undefined, failures)).toBe(
    `download.whole, ranges.middle, ranges.rest in docs/peer-contract.md (bin/lab conformance --only download ranges --peer-image 'python3 peer.py')`,
  );
});

test("nothing is said of PeerLab's own peer, or where no rule is known", () => {
  expect(likelyRules(facts(), 'integrity', [])).toBeUndefined();
  expect(
    likelyRules(facts('python3 peer.py'), 'lab kept up', [{ operation: 'download', code: 'hash-mismatch' }]),
  ).toBeUndefined();
  expect(likelyRules(facts('python3 peer.py'), undefined, [])).toBeUndefined();
});

test('each is a check, or a code of the registry', () => {
  const names = CHECKS.map(({ name }) => name);
  expect(Object.keys(RULES_BY_CHECK).filter((name) => !names.includes(name))).toEqual([]);
  expect(Object.keys(RULES_BY_FAILURE).filter((code) => !(code in ERRORS))).toEqual([]);
});
