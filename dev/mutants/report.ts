import Table from 'cli-table3';
import { cell, table } from '../markdown.ts';
import type { Mutant } from './mutant.ts';

export interface Judged {
  readonly mutant: Mutant;
  /** `stale`: the text to break is not there any more; it was not run. */
  readonly verdict: 'killed' | 'survived' | 'stale';
  /** What the run said, or why there was none. */
  readonly reason: string;
  readonly seconds: number;
}

const HEAD = ['mutant', 'rule that it breaks', 'scenario', 'verdict', 'what the run said', 's'];
/** Characters: names and verdicts whole, sentences wrapped. */
const WIDTHS = [26, 30, 22, 10, 48, 6];
/** A reason may hold a whole SHA-256, or the words of a compiler. */
const MAX_REASON_CHARS = 160;

function rowOf({ mutant, verdict, reason, seconds }: Judged): string[] {
  const { name, rule, scenario } = mutant;
  const line = reason.replace(/\s+/g, ' ').trim();
  const short = line.length > MAX_REASON_CHARS ? `${line.slice(0, MAX_REASON_CHARS)}…` : line;
  return [name, rule, scenario, verdict, short, seconds.toFixed(1)];
}

export function terminalTable(judged: readonly Judged[]): string {
  const drawn = new Table({ head: HEAD, colWidths: WIDTHS, wordWrap: true, style: { head: [], border: [] } });
  drawn.push(...judged.map(rowOf));
  return drawn.toString();
}

export function markdownTable(judged: readonly Judged[]): string {
  return table(
    HEAD,
    judged.map((one) => rowOf(one).map(cell)),
  );
}

/** The last line: `N killed, N survived`. Whatever was not killed has survived. */
export function lastLine(judged: readonly Judged[]): string {
  const killed = judged.filter(({ verdict }) => verdict === 'killed').length;
  return `${killed} killed, ${judged.length - killed} survived`;
}
