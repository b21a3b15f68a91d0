import type { RunFacts } from '../history/events.ts';
import { testedIn } from './tested.ts';

/**
 * WHICH RULE OF THE PEER CONTRACT IS THE LIKELY CAUSE, where a peer of somebody else takes part in a run that did not pass: what to hold it
 * against next. The rules are those of `bin/lab conformance`, which says for certain.
 */

/** More would be no hint. */
const MAX_RULES = 3;

/** By the built-in check that did not pass. */
export const RULES_BY_CHECK: Readonly<Record<string, readonly string[]>> = {
  integrity: ['attack.bytes', 'fetch.whole', 'names.fetched'],
  'nothing unfinished': ['fetch.unfinished'],
  'directory lists the shares': ['directory.lists', 'directory.publishes', 'directory.logout'],
  'bytes agree': ['metrics.bytes', 'fetch.answer'],
  'answers hold': ['fetch.answer'],
  'instances lived': ['load.many', 'load.callers', 'download.left'],
  'ended in order': ['end.sigterm', 'end.logout'],
  'exit codes': ['end.sigterm'],
};

/** By the code of the failure that most operations ended with. */
export const RULES_BY_FAILURE: Readonly<Record<string, readonly string[]>> = {
  'bad-answer': ['fetch.answer', 'control.forms'],
  'no-answer': ['load.many', 'control.connections'],
  'connection-lost': ['control.connections'],
  'no-source': ['download.whole', 'directory.lists'],
  'file-not-found': ['hashes.content', 'names.odd'],
  'hash-mismatch': ['download.whole', 'ranges.middle'],
  'too-many-bytes': ['download.whole', 'ranges.middle'],
  truncated: ['download.whole', 'ranges.rest'],
  'source-stalled': ['load.callers'],
  'source-refused': ['download.whole', 'ranges.middle'],
  'source-unreachable': ['settings.place'],
  'ticket-refused': ['tickets.shown'],
  unauthorized: ['directory.lease'],
};

/** By the verb that a peer does not have. */
export const RULES_BY_VERB: Readonly<Record<string, string>> = {
  index: 'control.index',
  search: 'control.search',
  loadfiles: 'control.loadfiles',
  upload: 'upload.sends',
};

/**
 * @param check that did not pass, or none where an expectation was broken
 * @param failures of operations, the most frequent first
 * @returns where to look; undefined when all peers are PeerLab's own, or nothing speaks of a rule
 */
export function likelyRules(
  { peers, tested }: Pick<RunFacts, 'peers' | 'tested'>,
  check: string | undefined,
  failures: readonly { readonly operation: string; readonly code: string }[],
): string | undefined {
  if (!testedIn(peers, tested ?? []).some(({ role, isOwn }) => role === 'peer' && !isOwn)) return undefined;
  const byFailure = failures.flatMap(({ operation, code }) =>
    code === 'not-supported' ? (RULES_BY_VERB[operation] ?? []) : (RULES_BY_FAILURE[code] ?? []),
  );
  const likely = check === undefined ? byFailure : (RULES_BY_CHECK[check] ?? []);
  const rules = [...new Set(likely)].slice(0, MAX_RULES);
  if (rules.length === 0) return undefined;
  const groups = [...new Set(rules.map((rule) => rule.split('.')[0]))];
  const asked = tested?.find(({ role, asked }) => role === 'peer' && asked !== undefined)?.asked;
  const command = `bin/lab conformance --only ${groups.join(' ')} --peer-image '${asked}'`;
  return `${rules.join(', ')} in docs/peer-contract.md (${command})`;
}
