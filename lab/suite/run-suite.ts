import { Writable } from 'node:stream';
import { EXIT, PeerLabError, unforeseen } from '#proto/errors.ts';
import { printable, printableAll } from '#proto/printable.ts';
import type { OperationEvent } from '../history/events.ts';
import type { ResultsFolder } from '../history/results-folder.ts';
import { inPool } from '../limit.ts';
import { beginPage } from '../page/write-page.ts';
import type { Played } from '../play.ts';
import type { JudgedRun } from '../report/junit.ts';
import type { Out } from '../report/terminal.ts';
import type { Suite, SuiteEntry } from './suite.ts';
import { type Attended, lineText, notTaken, type SuiteLine, SuiteReport, tally } from './suite-report.ts';

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
 * Leaves `<results>/suite-<name>/` with one junit.xml, one summary.md and one report.html. Gives the exit code.
 * @throws PeerLabError `results-unusable`, `disk-full`: before anything is started
 */
export async function runSuite({ suite, results, out, jobs, refusal, play }: SuiteInit): Promise<number> {
  const report = new SuiteReport(suite, results, beginPage());
  const ends = new AbortController();
  const late = new PeerLabError('suite-deadline', { about: suite.name, got: `more than ${suite.deadlineMs / 1000} s` });
  const deadline = setTimeout(() => ends.abort(late), suite.deadlineMs).unref();
  let interrupted = false;

  const attend = async (entry: SuiteEntry, number: number): Promise<Attended> => {
    const { name } = entry.plan;
    if (interrupted) return notTaken(name, 'not run', 'interrupted');
    if (ends.signal.aborted) return notTaken(name, 'not run', 'the deadline of the suite had passed');
    const reason = refusal(entry);
    if (reason !== undefined) return notTaken(name, 'skipped', reason);
    const title = printable(`${suite.name} ${number}/${suite.entries.length}: ${name}`);
    const held = jobs > 1 ? new HeldOutput() : undefined;
    out.write(held ? `${title} …\n` : `\n${title}\n`);
    const began = performance.now();
    const took = () => (performance.now() - began) / 1000;
    try {
      const played = await play(entry, held ?? out, ends.signal);
      interrupted ||= played.interrupted;
      if (played.refused !== undefined) return notTaken(name, 'skipped', played.refused);
      const line = lineOf(played, took());
      return { line, judged: await judgedRun(played, line) };
    } catch (thrown) {
      // That it could not be played or reported is its own trouble: the suite goes on.
      const { code, message } = unforeseen(thrown);
      (held ?? out).write(`${printable(message)}\n`);
      const what = { outcome: 'inconclusive', reason: `${message} [${code}]`, results: undefined } as const;
      return { line: { name, ...what, seconds: took() } };
    } finally {
      if (held) out.write(`\n${title}\n${held.text}`);
    }
  };

  await inJobs(
    suite.entries,
    jobs,
    ({ scenario }) => scenario.tags.includes(ALONE),
    async (entry, number) => report.put(number, await attend(entry, number)),
  );
  clearTimeout(deadline);
  const { lines, unwritten, folder } = report;
  out.write(`\n${printableAll(lines).map(lineText).join('\n')}\n\n${tally(lines)}\nResults: ${folder}\n`);
  const flaw = await report.pageFlaw();
  out.write(flaw === undefined ? `Report:  ${folder}/report.html\n` : `report.html was not made: ${flaw}\n`);
  if (unwritten) out.write(`The report of the suite could not be written: ${printable(unwritten.message)}\n`);
  if (interrupted) return EXIT.interrupted;
  const exit = exitOf(lines);
  return unwritten && exit === EXIT.pass ? EXIT.inconclusive : exit;
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
