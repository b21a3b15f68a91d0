import type { Result } from '../checks/result-schema.ts';
import { actualText, waitText } from './format.ts';

/** More are in the report. */
const MAX_LOOKS = 3;

/** What to look at next, the likeliest cause first: of each kind of trouble one, then more of them. None after a pass. */
export function nextLooks({
  verdict,
  expectations,
  checks,
  failedOperations = [],
  waits = [],
  likelyRules,
  look,
}: Result): string[] {
  if (verdict === 'pass') return [];
  const kinds: string[][] = [
    failedOperations.map(({ operation, code, count, example: { log, line } }) => {
      const place = line === undefined ? log : `${log}:${line}`;
      return `${place}: ${count} × ${operation} failed with ${code}`;
    }),
    checks
      .filter((check) => check.verdict !== 'pass')
      .map(({ name, reason, details: [first = reason] }) => `the check "${name}": ${first}`),
    expectations
      .filter(({ ok }) => ok !== true)
      .map(({ expression, actual, missing = 'not known' }) => {
        const seen = actual === null ? missing : `it was ${actualText(expression, actual)}`;
        return `${expression}: ${seen}`;
      }),
    waits.map(waitText),
    look === undefined ? [] : [look],
  ];
  const rounds = Math.max(...kinds.map((some) => some.length));
  const all = Array.from({ length: rounds }, (_, n) => kinds.flatMap((some) => some[n] ?? [])).flat();
  const rules = likelyRules === undefined ? [] : [`the peer contract: it seems to break ${likelyRules}`];
  return [...rules, ...all].slice(0, MAX_LOOKS);
}
