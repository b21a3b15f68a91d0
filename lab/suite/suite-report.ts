import path from 'node:path';
import { type PeerLabError, unforeseen } from '#proto/errors.ts';
import { printable, printableAll } from '#proto/printable.ts';
import { makeFolder } from '../history/make-folder.ts';
import { writeFailure } from '../history/write-failure.ts';
import { writeWhole } from '../history/write-whole.ts';
import { suiteData } from '../page/suite-data.ts';
import { type BegunPage, beginPage, writePage } from '../page/write-page.ts';
import { seconds } from '../report/format.ts';
import { junitXml } from '../report/junit.ts';
import { plain, row } from '../report/markdown.ts';
import { type Attended, attendedAgain, notTaken } from './attended.ts';
import type { Suite } from './suite.ts';
import { readSuiteResult, type SuiteLine, type SuiteResult, suiteFile, verdictOf } from './suite-result.ts';
import { tally } from './suite-text.ts';

type About = Pick<Suite, 'name' | 'description'>;

/** What a suite has come to, and where it is to be read. */
export interface Reported {
  readonly result: SuiteResult;
  readonly folder: string;
  /** Why a file does not say the last, a line each. */
  readonly flaws: readonly string[];
}

/**
 * The files of a suite. They are there from the beginning, as of a suite that is cut off: whatever ends it, nobody takes what
 * was not run for well.
 */
export class SuiteReport {
  readonly folder: string;
  readonly #about: About;
  readonly #attended: Attended[];
  readonly #page: BegunPage;
  #writing: Promise<string | undefined> = Promise.resolve(undefined);
  #unwritten: PeerLabError | undefined;

  /** @throws PeerLabError `results-unusable`, `disk-full` */
  constructor(suite: Suite, results: string, page: BegunPage) {
    this.#page = page;
    this.folder = path.resolve(results, `suite-${suite.name}`);
    this.#about = suite;
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

  /** Whether the files do not say the last. */
  get isStale(): boolean {
    return this.#unwritten !== undefined;
  }

  /** What is told when all is done, and the page is as new as it will get. */
  async ended(): Promise<Reported> {
    const flaw = await this.#writing;
    const { message } = this.#unwritten ?? {};
    return {
      ...{ result: resultOf(this.#about, this.#attended), folder: this.folder },
      flaws: [
        ...(flaw === undefined
          ? []
          : [`report.html was not made (bin/lab report ${this.folder} tries again): ${flaw}`]),
        ...(message === undefined ? [] : [`The report of the suite could not be written: ${printable(message)}`]),
      ],
    };
  }

  #write(): void {
    // One after the other: the last one written is of the last state.
    const attended = [...this.#attended];
    this.#writing = this.#writing.then(() => drawn(this.folder, this.#about, attended, this.#page));
    writeFiles(this.folder, this.#about, attended);
  }
}

/**
 * Makes the reports of a suite again, from its suite.json and what its runs left. Runs are not judged again: `bin/lab report` of a run
 * does that.
 * @throws PeerLabError `results-damaged`, `disk-full`, `results-lost`
 */
export async function reportSuiteAgain(given: string): Promise<Reported> {
  const folder = path.resolve(given);
  const page = beginPage();
  const known = readSuiteResult(folder);
  const attended: Attended[] = [];
  for (const line of known.lines) attended.push(await attendedAgain(folder, line));
  writeFiles(folder, known, attended);
  const flaw = await drawn(folder, known, attended, page);
  return {
    ...{ result: resultOf(known, attended), folder },
    flaws: flaw === undefined ? [] : [`report.html was not made: ${flaw}`],
  };
}

function resultOf({ name, description }: About, attended: readonly Attended[]): SuiteResult {
  const lines = attended.map(({ line }) => line);
  return { name, description, verdict: verdictOf(lines), lines };
}

/** report.html. @returns why it could not be written */
function drawn(folder: string, about: About, attended: readonly Attended[], page: BegunPage) {
  const lines = attended.map(({ line, judged }) => ({ ...line, result: judged?.result }));
  return writePage(folder, about.name, suiteData(about, lines), page);
}

function writeFiles(folder: string, about: About, attended: readonly Attended[]): void {
  const judged = attended.flatMap((one) => one.judged ?? []);
  const others = attended.filter((one) => one.judged === undefined);
  const [skipped, unjudged] = [true, false].map((wanted) =>
    others
      .filter(({ line }) => (line.outcome === 'skipped') === wanted)
      .map(({ line: { name, reason } }) => ({ name, why: reason })),
  );
  const result = resultOf(about, attended);
  try {
    writeWhole(suiteFile(folder), `${JSON.stringify(result, null, 2)}\n`);
    writeWhole(path.join(folder, 'junit.xml'), junitXml(judged, unjudged, skipped));
    writeWhole(path.join(folder, 'summary.md'), summaryOf(result));
  } catch (error) {
    throw writeFailure(error, folder, 'results-lost');
  }
}

function summaryOf({ name, description, lines }: SuiteResult): string {
  const rowOf = ({ name, outcome, reason, seconds: took, runId = '' }: SuiteLine) =>
    row([plain(name), outcome, seconds(took), plain(reason), runId]);
  const page = [
    `# Suite ${plain(printable(name))}`,
    '',
    plain(printableAll(description)),
    '',
    tally(lines),
    '',
    '| scenario | outcome | took | reason | run |',
    '| --- | --- | ---: | --- | --- |',
    ...printableAll(lines).map(rowOf),
  ];
  return `${page.join('\n')}\n`;
}
