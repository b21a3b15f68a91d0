import { existsSync } from 'node:fs';
import path from 'node:path';
import { styleText } from 'node:util';
import { columnsOf, padded } from '#proto/columns.ts';
import { printableAll } from '#proto/printable.ts';
import { seconds } from '../report/format.ts';
import { COLOURS, type Out, verdictWord } from '../report/terminal.ts';
import type { Reported } from './suite-report.ts';
import type { SuiteLine, SuiteOutcome } from './suite-result.ts';

/** HOW A SUITE READS ON A TERMINAL. */

const MARKS = {
  ok: { mark: '✔', colour: COLOURS.pass },
  'known failure': { mark: '✔', colour: COLOURS.pass },
  failed: { mark: '✘', colour: COLOURS.fail },
  'unexpected pass': { mark: '✘', colour: COLOURS.fail },
  inconclusive: { mark: '?', colour: COLOURS.inconclusive },
  skipped: { mark: '-', colour: 'dim' },
  'not run': { mark: '?', colour: COLOURS.inconclusive },
} as const satisfies Record<SuiteOutcome, object>;

/** More are in the report. */
const MAX_LOOKS = 3;

/** All scenarios, what to look at next, and where. */
export function printSuite({ result, folder, flaws }: Reported, out: Out): void {
  const lines = printableAll(result.lines);
  const next = lines.filter(isTroubled).flatMap((line) => placeOf(line, folder) ?? []);
  const look = next.slice(0, MAX_LOOKS).map((place, n) => `  ${n + 1}. ${place}`);
  write(out, [
    '',
    ...inColumns(lines, out),
    ...(look.length > 0 ? ['', 'Look next at', ...look] : []),
    '',
    `${verdictWord(result.verdict, out)}: ${tally(lines)}`,
    ...placeLines(folder),
    ...flaws,
  ]);
}

/** The least that people need to know: the verdict, and what it is not a pass for. */
export function printSuiteVerdict({ result, folder, flaws }: Reported, out: Out): void {
  const lines = printableAll(result.lines);
  const troubled = inColumns(lines.filter(isTroubled), out);
  write(out, [...troubled, `${result.verdict.toUpperCase()}: ${tally(lines)}`, ...placeLines(folder), ...flaws]);
}

function write(out: Out, lines: readonly string[]): void {
  out.write(`${lines.join('\n')}\n`);
}

function isTroubled({ outcome }: SuiteLine): boolean {
  return MARKS[outcome].colour === COLOURS.fail || MARKS[outcome].colour === COLOURS.inconclusive;
}

function inColumns(lines: readonly SuiteLine[], out: Out): string[] {
  const rows = lines.map(({ name, outcome, seconds: took }) => [name, outcome, seconds(took)] as const);
  const widest = (column: 0 | 1 | 2) => Math.max(...rows.map((row) => columnsOf(row[column])));
  return lines.map(({ outcome, reason }, n) => {
    const [name, , took] = rows[n] as (typeof rows)[number];
    const { mark, colour } = MARKS[outcome];
    const cells = [
      styleText(colour, mark, { stream: out }),
      padded(name, widest(0)),
      // Colours take no columns, so it is filled up first.
      styleText(colour, padded(outcome, widest(1)), { stream: out }),
      padded(took, widest(2), 'start'),
      ...(outcome === 'ok' ? [] : [` ${reason}`]),
    ];
    return cells.join(' ');
  });
}

/** Where to read of a run; nothing of one that there was not. */
function placeOf({ name, runId }: SuiteLine, folder: string): string | undefined {
  return runId === undefined ? undefined : `${name}: ${path.join(folder, '..', runId, 'report.html')}`;
}

function placeLines(folder: string): string[] {
  const page = path.join(folder, 'report.html');
  return [`Results: ${folder}`, ...(existsSync(page) ? [`Report:  ${page}`] : [])];
}

export function tally(lines: readonly SuiteLine[]): string {
  const counts = [...Map.groupBy(lines, ({ outcome }) => outcome)].map(
    ([outcome, some]) => `${some.length} ${outcome}`,
  );
  return `${lines.length} scenarios: ${counts.join(', ')}; ${seconds(lines.reduce((sum, line) => sum + line.seconds, 0))}`;
}
