import { Writable } from 'node:stream';
import { EXIT, PeerLabError, unforeseen } from '#proto/errors.ts';
import { printable } from '#proto/printable.ts';
import { inPool } from '../limit.ts';
import { beginPage } from '../page/write-page.ts';
import type { Played } from '../play.ts';
import type { Out } from '../report/terminal.ts';
import { type Attended, attendedRun, notTaken } from './attended.ts';
import type { Suite, SuiteEntry } from './suite.ts';
import { type Reported, SuiteReport } from './suite-report.ts';
import { exitOf } from './suite-result.ts';

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

export interface PlayedSuite extends Reported {
  /** The exit code that it asks for. */
  readonly exit: number;
}

/** The tag of scenarios whose expectations need the machine to themselves. */
const ALONE = 'alone';

/**
 * Runs the scenarios, going on after a failure; after the deadline, or Ctrl-C, the rest is not run.
 * Leaves `<results>/suite-<name>/` with one suite.json, one junit.xml, one summary.md and one report.html.
 * @throws PeerLabError `results-unusable`, `disk-full`: before anything is started
 */
export async function runSuite({ suite, results, out, jobs, refusal, play }: SuiteInit): Promise<PlayedSuite> {
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
      return await attendedRun(played.result, played.folder, took());
    } catch (thrown) {
      // That it could not be played or reported is its own trouble: the suite goes on.
      const { code, message } = unforeseen(thrown);
      (held ?? out).write(`${printable(message)}\n`);
      return { line: { name, outcome: 'inconclusive', reason: `${message} [${code}]`, seconds: took() } };
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
  const reported = await report.ended();
  const exit = interrupted ? EXIT.interrupted : exitOf(reported.result.lines);
  // A pass that can't be read is none.
  return { ...reported, exit: exit === EXIT.pass && report.isStale ? EXIT.inconclusive : exit };
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
