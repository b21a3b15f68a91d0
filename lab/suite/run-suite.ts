import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { EXIT, PeerLabError } from '#proto/errors.ts';
import { printable, printableAll } from '#proto/printable.ts';
import type { OperationEvent } from '../history/events.ts';
import type { ResultsFolder } from '../history/results-folder.ts';
import type { Played } from '../play.ts';
import { seconds } from '../report/format.ts';
import { type JudgedRun, junitXml } from '../report/junit.ts';
import { plain, row } from '../report/markdown.ts';
import type { Suite, SuiteEntry } from './suite.ts';

/** What became of one scenario of a suite. */
export interface SuiteLine {
  readonly name: string;
  readonly outcome: 'ok' | 'known failure' | 'failed' | 'unexpected pass' | 'inconclusive' | 'skipped' | 'not run';
  readonly reason: string;
  readonly seconds: number;
  readonly results: string | undefined;
}

export interface SuiteInit {
  readonly suite: Suite;
  readonly results: string;
  readonly out: NodeJS.WriteStream;
  /** Why the driver can't run it here; then it is skipped. */
  refusal(entry: SuiteEntry): string | undefined;
  play(entry: SuiteEntry, signal: AbortSignal): Promise<Played>;
}

/**
 * Runs the scenarios one after another, going on after a failure; after the deadline, or Ctrl-C, the rest is not run.
 * Leaves `<results>/suite-<name>/` with one junit.xml and one summary.md. Gives the exit code.
 */
export async function runSuite({ suite, results, out, refusal, play }: SuiteInit): Promise<number> {
  const deadline = AbortSignal.timeout(suite.deadlineMs);
  const ends = new AbortController();
  deadline.addEventListener('abort', () =>
    ends.abort(
      new PeerLabError('suite-deadline', { about: suite.name, got: `more than ${suite.deadlineMs / 1000} s` }),
    ),
  );
  const lines: SuiteLine[] = [];
  const judged: JudgedRun[] = [];
  let interrupted = false;
  for (const [index, entry] of suite.entries.entries()) {
    if (interrupted || ends.signal.aborted) {
      lines.push({
        name: entry.plan.name,
        outcome: 'not run',
        reason: interrupted ? 'interrupted' : 'the deadline of the suite had passed',
        seconds: 0,
        results: undefined,
      });
      continue;
    }
    const reason = refusal(entry);
    if (reason !== undefined) {
      lines.push({ name: entry.plan.name, outcome: 'skipped', reason, seconds: 0, results: undefined });
      continue;
    }
    out.write(`\n${printable(`${suite.name} ${index + 1}/${suite.entries.length}: ${entry.plan.name}`)}\n`);
    const began = performance.now();
    const played = await play(entry, ends.signal);
    interrupted = played.interrupted;
    const line = lineOf(played, (performance.now() - began) / 1000);
    lines.push(line);
    judged.push(await judgedRun(played, line));
  }
  const folder = writeSuite(suite, lines, judged, results);
  out.write(`\n${printableAll(lines).map(lineText).join('\n')}\n\n${tally(lines)}\nResults: ${folder}\n`);
  return interrupted ? EXIT.interrupted : exitOf(lines);
}

function lineOf({ result, folder }: Played, took: number): SuiteLine {
  const common = { name: result.scenario, reason: result.reason, seconds: took, results: folder.path };
  if (result.verdict === 'inconclusive') return { ...common, outcome: 'inconclusive' };
  if (result.knownFailure === undefined) return { ...common, outcome: result.verdict === 'pass' ? 'ok' : 'failed' };
  if (result.verdict === 'fail') return { ...common, outcome: 'known failure', reason: result.knownFailure };
  return {
    ...common,
    outcome: 'unexpected pass',
    reason: `it passed, but is marked as a known failure: ${result.knownFailure}`,
  };
}

/** All that the report of a suite says of operations: those that went well are not kept for as long as the suite runs. */
async function failedOperations(folder: ResultsFolder): Promise<OperationEvent[]> {
  const failed: OperationEvent[] = [];
  for await (const event of folder.readLines('events.ndjson')) {
    if (event.outcome === 'failed') failed.push(event);
  }
  return failed;
}

async function judgedRun({ result, folder }: Played, { outcome, reason }: SuiteLine): Promise<JudgedRun> {
  return {
    result,
    steps: folder.readFacts().steps,
    events: await failedOperations(folder),
    ...(outcome === 'known failure' && { accepted: reason }),
    ...(outcome === 'unexpected pass' && { refused: reason }),
  };
}

export function exitOf(lines: readonly SuiteLine[]): number {
  if (lines.some(({ outcome }) => outcome === 'failed' || outcome === 'unexpected pass')) return EXIT.fail;
  const run = lines.filter(({ outcome }) => outcome !== 'skipped');
  const isWell = run.length > 0 && run.every(({ outcome }) => outcome === 'ok' || outcome === 'known failure');
  return isWell ? EXIT.pass : EXIT.inconclusive;
}

const MARK: Record<SuiteLine['outcome'], string> = {
  ok: '✔',
  'known failure': '✔',
  failed: '✘',
  'unexpected pass': '✘',
  inconclusive: '?',
  skipped: '-',
  'not run': '?',
};

function lineText({ name, outcome, reason, seconds: took }: SuiteLine): string {
  return `${MARK[outcome]} ${name.padEnd(20)} ${outcome.padEnd(15)} ${seconds(took).padStart(8)}${outcome === 'ok' ? '' : `  ${reason}`}`;
}

function tally(lines: readonly SuiteLine[]): string {
  const counts = [...Map.groupBy(lines, ({ outcome }) => outcome)].map(
    ([outcome, some]) => `${some.length} ${outcome}`,
  );
  return `${lines.length} scenarios: ${counts.join(', ')}; ${seconds(lines.reduce((sum, line) => sum + line.seconds, 0))}`;
}

function writeSuite(suite: Suite, lines: readonly SuiteLine[], judged: readonly JudgedRun[], results: string): string {
  const folder = path.resolve(results, `suite-${suite.name}`);
  mkdirSync(folder, { recursive: true });
  const left = (which: SuiteLine['outcome']) =>
    lines.filter(({ outcome }) => outcome === which).map(({ name, reason }) => ({ name, why: reason }));
  writeFileSync(path.join(folder, 'junit.xml'), junitXml(judged, left('not run'), left('skipped')));
  const rows = printableAll(lines).map(({ name, outcome, reason, seconds: took, results: where }) =>
    row([plain(name), outcome, seconds(took), plain(reason), where ? path.basename(where) : '']),
  );
  const page = [
    `# Suite ${plain(printable(suite.name))}`,
    '',
    plain(printableAll(suite.description)),
    '',
    tally(lines),
    '',
    '| scenario | outcome | took | reason | run |',
    '| --- | --- | ---: | --- | --- |',
    ...rows,
  ];
  writeFileSync(path.join(folder, 'summary.md'), `${page.join('\n')}\n`);
  return folder;
}
