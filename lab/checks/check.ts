import type { History } from './history.ts';
import type { CheckResult } from './result-schema.ts';

/** A built-in check: a pure function of the history, one file here, one line in table.ts. */
export interface Check {
  readonly name: string;
  /** What it proves, in one sentence. */
  readonly question: string;
  /** When it is inconclusive, so is the run, whatever else is wrong: the run was not the one that was asked for. */
  readonly decides?: boolean;
  /** Where to look when it decides. */
  readonly look?: string;
  /** Other checks fail because of what it finds: the verdict names it before them. */
  readonly isCause?: boolean;
  judge(history: History): Omit<CheckResult, 'name'>;
}

const MAX_DETAILS = 20;

/** Passes when nothing was found wrong; otherwise fails, naming how many and the first of them. */
export function noneWrong(wrong: readonly string[], passed: string): Omit<CheckResult, 'name'> {
  if (wrong.length === 0) return { verdict: 'pass', reason: passed, details: [] };
  const more = wrong.length > 1 ? ` (and ${wrong.length - 1} more)` : '';
  return { verdict: 'fail', reason: `${wrong[0]}${more}`, details: wrong.slice(0, MAX_DETAILS) };
}
