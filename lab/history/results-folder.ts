import { once } from 'node:events';
import {
  createReadStream,
  createWriteStream,
  existsSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  type WriteStream,
  writeFileSync,
} from 'node:fs';
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { PeerLabError, reasonOf } from '#proto/errors.ts';
import type { RunFacts } from './events.ts';
import { folderFlaw, makeFolder, pointLatestAt } from './make-folder.ts';
import { isSealed, LINE_FILES, type LineFile, type LineOf, RESULT_FILES, type ResultFile } from './result-files.ts';
import { writeFailure } from './write-failure.ts';
import { writeWhole } from './write-whole.ts';

/** `results/<run-id>/`: every file that a run leaves, by its name in one place. */
export class ResultsFolder {
  readonly path: string;

  constructor(folder: string) {
    this.path = path.resolve(folder);
  }

  /**
   * Makes a new folder for a run, and points `latest` at it.
   * @param tell is told when `latest` stays as it is
   * @throws PeerLabError `results-unusable`, `disk-full`
   */
  static create(results: string, runId: string, tell: (line: string) => void = () => {}): ResultsFolder {
    const folder = new ResultsFolder(path.join(results, runId));
    for (const inner of [folder.path, folder.logs, folder.metrics]) makeFolder(inner);
    try {
      pointLatestAt(path.resolve(results, 'latest'), runId);
    } catch (error) {
      tell(`${path.join(results, 'latest')} is not made to lead to this run: ${reasonOf(error)}`);
    }
    return folder;
  }

  /**
   * The folder of a run that has been played.
   * @throws PeerLabError `bad-results`
   */
  static open(folder: string): ResultsFolder {
    const got = folderFlaw(path.resolve(folder));
    if (got !== undefined) throw new PeerLabError('bad-results', { about: folder, got });
    const found = new ResultsFolder(folder);
    for (const name of ['run.json', 'scenario.yaml'] as const) {
      if (!existsSync(found.file(name)))
        throw new PeerLabError('bad-results', { about: folder, got: `no ${name} in it` });
    }
    return found;
  }

  get logs(): string {
    return path.join(this.path, 'logs');
  }

  get metrics(): string {
    return path.join(this.path, 'metrics');
  }

  file(name: ResultFile): string {
    return path.join(this.path, name);
  }

  has(name: ResultFile): boolean {
    return existsSync(this.file(name));
  }

  /** @throws PeerLabError `disk-full`, `results-lost` */
  write(name: ResultFile, content: string): void {
    this.#writing(() => writeWhole(this.file(name), content));
  }

  writeFacts(facts: RunFacts): void {
    this.write('run.json', `${JSON.stringify(facts, null, 2)}\n`);
  }

  /** The last scrape of an instance. @throws PeerLabError `disk-full`, `results-lost` */
  writeScrape(instance: string, text: string): void {
    this.#writing(() => writeFileSync(path.join(this.metrics, `${instance}.prom`), text));
  }

  readFacts(): RunFacts {
    const file = this.file('run.json');
    // Without it, this is not the folder of a run.
    if (!existsSync(file)) throw new PeerLabError('bad-results', { about: file, got: 'no such file' });
    try {
      return RESULT_FILES['run.json'].json.parse(JSON.parse(readFileSync(file, 'utf8')));
    } catch (cause) {
      throw new PeerLabError('results-damaged', { about: file, cause });
    }
  }

  /** Appends to a file, a record a line. */
  append<F extends LineFile>(name: F): LineWriter<LineOf<F>> {
    return new LineWriter(this.file(name));
  }

  /**
   * The records of a file, line by line; none when the run ended before it was begun. Half a line at the end is what a lab leaves that was
   * killed while it wrote, and is no record.
   * @throws PeerLabError `results-damaged` for any other line that can't be read
   */
  async *readLines<F extends LineFile>(name: F): AsyncGenerator<LineOf<F>> {
    const file = this.file(name);
    if (!existsSync(file)) return;
    let flaw: unknown;
    for await (const line of createInterface({ input: createReadStream(file), crlfDelay: Number.POSITIVE_INFINITY })) {
      if (flaw !== undefined) throw new PeerLabError('results-damaged', { about: file, cause: flaw });
      try {
        if (line) yield RESULT_FILES[name].line.parse(JSON.parse(line)) as LineOf<F>;
      } catch (error) {
        flaw = error;
      }
    }
  }

  /** Cuts off the lines that a lab was writing when it was killed. */
  trim(): void {
    for (const name of LINE_FILES) endWithWholeLine(this.file(name));
  }

  /** How long the files are that a report relies on, by their paths in the folder. */
  sizes(): Record<string, number> {
    const files = readdirSync(this.path, { recursive: true, encoding: 'utf8' }).sort().filter(isSealed);
    return Object.fromEntries(files.map((file) => [file, statSync(path.join(this.path, file)).size]));
  }

  /** The last scrape of each instance that was scraped: its name and the text. */
  async *lastScrapes(): AsyncGenerator<{ instance: string; text: string }> {
    for (const entry of (await readdir(this.metrics)).sort()) {
      if (!entry.endsWith('.prom')) continue;
      yield { instance: entry.slice(0, -'.prom'.length), text: readFileSync(path.join(this.metrics, entry), 'utf8') };
    }
  }

  /** The instances whose logs were collected, empty ones included. */
  async collectedLogs(): Promise<string[]> {
    return (await readdir(this.logs)).sort().map((entry) => entry.replace(/\.log$/, ''));
  }

  /** The logs that were collected, line by line: the instance, the line, and its number from 1. */
  async *logLines(): AsyncGenerator<{ instance: string; line: string; number: number }> {
    for (const instance of await this.collectedLogs()) {
      let number = 0;
      for await (const line of createInterface({ input: createReadStream(path.join(this.logs, `${instance}.log`)) }))
        yield { instance, line, number: ++number };
    }
  }

  #writing(work: () => void): void {
    try {
      work();
    } catch (error) {
      throw writeFailure(error, this.path, 'results-lost');
    }
  }
}

const NEWLINE = 0x0a;

function endWithWholeLine(file: string): void {
  if (!existsSync(file)) return;
  const content = readFileSync(file);
  const end = content.lastIndexOf(NEWLINE) + 1;
  if (end < content.length) truncateSync(file, end);
}

/** Appends records to a file, a line each; the caller waits when the disk is slower than the run. */
export class LineWriter<T> {
  readonly #stream: WriteStream;
  #failure: PeerLabError | undefined;
  /** One wait for all who append while the disk is behind. */
  #room: Promise<void> | undefined;

  constructor(file: string) {
    this.#stream = createWriteStream(file, { flags: 'a' });
    this.#stream.on('error', (error) => {
      this.#failure ??= writeFailure(error, file, 'results-lost');
    });
  }

  async append(record: T): Promise<void> {
    if (this.#failure) throw this.#failure;
    if (this.#stream.write(`${JSON.stringify(record)}\n`)) return;
    this.#room ??= this.#untilRoom();
    await this.#room;
  }

  async #untilRoom(): Promise<void> {
    const over = new AbortController();
    const { signal } = over;
    const either = [once(this.#stream, 'drain', { signal }), once(this.#stream, 'close', { signal })];
    await Promise.race(either).catch(() => {}); // What went wrong is kept, and thrown by the next append.
    over.abort();
    await Promise.allSettled(either);
    this.#room = undefined;
  }

  async close(): Promise<void> {
    if (this.#stream.closed) return;
    this.#stream.end();
    await once(this.#stream, 'close').catch(() => {});
    if (this.#failure) throw this.#failure;
  }
}
