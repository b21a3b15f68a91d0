import path from 'node:path';
import { type PeerLabError, unforeseen } from '#proto/errors.ts';
import { printable, printableAll } from '#proto/printable.ts';
import { makeFolder } from '../history/make-folder.ts';
import { writeFailure } from '../history/write-failure.ts';
import { writeWhole } from '../history/write-whole.ts';
import { suiteData } from '../page/suite-data.ts';
import { type BegunPage, writeSuitePage } from '../page/write-page.ts';
import { seconds } from '../report/format.ts';
import { type JudgedRun, junitXml } from '../report/junit.ts';
import { plain, row } from '../report/markdown.ts';
import type { Suite } from './suite.ts';

/** What became of one scenario of a suite. */
export interface SuiteLine {
  readonly name: string;
  readonly outcome: 'ok' | 'known failure' | 'failed' | 'unexpected pass' | 'inconclusive' | 'skipped' | 'not run';
  readonly reason: string;
  readonly seconds: number;
  readonly results: string | undefined;
}

/** What became of a scenario; `judged` when there was something to judge. */
export interface Attended {
  readonly line: SuiteLine;
  readonly judged?: JudgedRun;
}

export function notTaken(name: string, outcome: 'not run' | 'skipped', reason: string): Attended {
  return { line: { name, outcome, reason, seconds: 0, results: undefined } };
}

/**
 * The files of a suite. They are there from the beginning, as of a suite that is cut off: whatever ends it, nobody takes what
 * was not run for well.
 */
export class SuiteReport {
  readonly folder: string;
  readonly #suite: Suite;
  readonly #attended: Attended[];
  readonly #page: BegunPage;
  #writing: Promise<void> = Promise.resolve();
  #unwritten: PeerLabError | undefined;

  /** @throws PeerLabError `results-unusable`, `disk-full` */
  constructor(suite: Suite, results: string, page: BegunPage) {
    this.#page = page;
    this.folder = path.resolve(results, `suite-${suite.name}`);
    this.#suite = suite;
    this.#attended = suite.entries.map(({ plan }) => notTaken(plan.name, 'not run', 'the suite was cut off before it'));
    makeFolder(this.folder);
    this.#write();
  }

  /** @param number of the entry, from 1 */
  put(number: number, attended: Attended): void {
    this.#attended[number - 1] = attended;
    try {
      this.#write();
      this.#unwritten = undefined;
    } catch (error) {
      this.#unwritten = unforeseen(error);
    }
  }

  /** Why report.html could not be written, when it is as new as it will get. */
  async pageFlaw(): Promise<string | undefined> {
    await this.#writing;
    return writeSuitePage(this.folder, this.#data(), this.#page);
  }

  get lines(): SuiteLine[] {
    return this.#attended.map(({ line }) => line);
  }

  /** Why the files do not say the last. */
  get unwritten(): PeerLabError | undefined {
    return this.#unwritten;
  }

  #data() {
    const attended = this.#attended.map(({ line, judged }) => ({ ...line, result: judged?.result }));
    return suiteData(this.#suite, this.folder, attended);
  }

  #write(): void {
    // One after the other: the last one written is of the last state. What goes wrong is told at the end.
    this.#writing = this.#writing.then(async () => void (await writeSuitePage(this.folder, this.#data(), this.#page)));
    const { lines } = this;
    const judged = this.#attended.flatMap((one) => one.judged ?? []);
    const others = this.#attended.filter((one) => one.judged === undefined);
    const [skipped, unjudged] = [true, false].map((wanted) =>
      others
        .filter(({ line }) => (line.outcome === 'skipped') === wanted)
        .map(({ line: { name, reason } }) => ({ name, why: reason })),
    );
    try {
      writeWhole(path.join(this.folder, 'junit.xml'), junitXml(judged, unjudged, skipped));
      writeWhole(path.join(this.folder, 'summary.md'), summaryOf(this.#suite, lines));
    } catch (error) {
      throw writeFailure(error, this.folder, 'results-lost');
    }
  }
}

function summaryOf(suite: Suite, lines: readonly SuiteLine[]): string {
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
  return `${page.join('\n')}\n`;
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

export function lineText({ name, outcome, reason, seconds: took }: SuiteLine): string {
  return `${MARK[outcome]} ${name.padEnd(20)} ${outcome.padEnd(15)} ${seconds(took).padStart(8)}${outcome === 'ok' ? '' : `  ${reason}`}`;
}

export function tally(lines: readonly SuiteLine[]): string {
  const counts = [...Map.groupBy(lines, ({ outcome }) => outcome)].map(
    ([outcome, some]) => `${some.length} ${outcome}`,
  );
  return `${lines.length} scenarios: ${counts.join(', ')}; ${seconds(lines.reduce((sum, line) => sum + line.seconds, 0))}`;
}
