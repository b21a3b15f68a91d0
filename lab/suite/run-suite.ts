import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Writable } from 'node:stream';
import { EXIT, PeerLabError } from '#proto/errors.ts';
import { printable, printableAll } from '#proto/printable.ts';
import type { OperationEvent } from '../history/events.ts';
import type { ResultsFolder } from '../history/results-folder.ts';
import { inPool } from '../limit.ts';
import type { Played } from '../play.ts';
import { seconds } from '../report/format.ts';
import { type JudgedRun, junitXml } from '../report/junit.ts';
import { plain, row } from '../report/markdown.ts';
import type { Out } from '../report/terminal.ts';
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
  readonly out: Out;
  /** Scenarios at one time; those with the tag `alone` come after the others, one by one. */
  readonly jobs: number;
  /** Why the driver can't run it here; then it is skipped. */
  refusal(entry: SuiteEntry): string | undefined;
  play(entry: SuiteEntry, out: Out, signal: AbortSignal): Promise<Played>;
}

/** The tag of scenarios whose expectations need the machine to themselves. */
const ALONE = 'alone';

/**
 * Runs the scenarios, going on after a failure; after the deadline, or Ctrl-C, the rest is not run.
 * Leaves `<results>/suite-<name>/` with one junit.xml and one summary.md. Gives the exit code.
 */
export async function runSuite({ suite, results, out, jobs, refusal, play }: SuiteInit): Promise<number> {
  const deadline = AbortSignal.timeout(suite.deadlineMs);
  const ends = new AbortController();
  deadline.addEventListener('abort', () =>
    ends.abort(
      new PeerLabError('suite-deadline', { about: suite.name, got: `more than ${suite.deadlineMs / 1000} s` }),
    ),
  );
  let interrupted = false;

  const attend = async (entry: SuiteEntry, number: number): Promise<Attended> => {
    const { name } = entry.plan;
    const not = (outcome: 'not run' | 'skipped', reason: string) => ({
      line: { name, outcome, reason, seconds: 0, results: undefined },
    });
    if (interrupted || ends.signal.aborted)
      return not('not run', interrupted ? 'interrupted' : 'the deadline of the suite had passed');
    const reason = refusal(entry);
    if (reason !== undefined) return not('skipped', reason);
    const title = printable(`${suite.name} ${number}/${suite.entries.length}: ${name}`);
    const held = jobs > 1 ? new HeldOutput() : undefined;
    out.write(held ? `${title} …\n` : `\n${title}\n`);
    const began = performance.now();
    const played = await play(entry, held ?? out, ends.signal);
    interrupted ||= played.interrupted;
    const line = lineOf(played, (performance.now() - began) / 1000);
    if (held) out.write(`\n${title}\n${held.text}`);
    return { line, judged: await judgedRun(played, line) };
  };

  const attended = await inJobs(suite.entries, jobs, ({ scenario }) => scenario.tags.includes(ALONE), attend);
  const lines = attended.map(({ line }) => line);
  const judged = attended.flatMap((one) => one.judged ?? []);
  const folder = writeSuite(suite, lines, judged, results);
  out.write(`\n${printableAll(lines).map(lineText).join('\n')}\n\n${tally(lines)}\nResults: ${folder}\n`);
  return interrupted ? EXIT.interrupted : exitOf(lines);
}

/**
 * Does `work` for all, `jobs` at one time; with several at one time, those that need the machine to themselves come last and
 * one by one. What came of each stands in the order of the list.
 */
export async function inJobs<T, R>(
  all: readonly T[],
  jobs: number,
  isAlone: (one: T) => boolean,
  work: (one: T, number: number) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  const [alone = [], together = []] = [true, false].map((wanted) =>
    [...all.entries()].filter(([, one]) => (jobs > 1 && isAlone(one)) === wanted),
  );
  const take = async ([index, one]: [number, T]) => {
    results[index] = await work(one, index + 1);
  };
  await inPool(together, jobs, take);
  await inPool(alone, 1, take);
  return results;
}

/** What became of a scenario; `judged` when it was run. */
interface Attended {
  readonly line: SuiteLine;
  readonly judged?: JudgedRun;
}

/** Keeps what a run says until it is over: the lines of several at one time would mix. */
class HeldOutput extends Writable {
  text = '';

  override _write(part: Buffer, _encoding: string, done: () => void): void {
    this.text += part;
    done();
  }
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
