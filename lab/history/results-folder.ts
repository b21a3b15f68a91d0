import { once } from 'node:events';
import {
  createReadStream,
  createWriteStream,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  type WriteStream,
  writeFileSync,
} from 'node:fs';
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { PeerLabError } from '#proto/errors.ts';
import type { RunFacts } from './events.ts';
import { isSealed, LINE_FILES, type LineFile, type LineOf, RESULT_FILES, type ResultFile } from './result-files.ts';
import { writeWhole } from './write-whole.ts';

/** `results/<run-id>/`: every file that a run leaves, by its name in one place. */
export class ResultsFolder {
  readonly path: string;

  constructor(folder: string) {
    this.path = path.resolve(folder);
  }

  /** Makes a new folder for a run, and points `latest` at it. */
  static create(results: string, runId: string): ResultsFolder {
    const folder = new ResultsFolder(path.join(results, runId));
    for (const inner of [folder.path, folder.logs, folder.metrics]) mkdirSync(inner, { recursive: true });
    const latest = path.join(results, 'latest');
    rmSync(latest, { force: true });
    // Another run may have made the link in between: then that one is the latest.
    try {
      symlinkSync(runId, latest);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    return folder;
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

  write(name: ResultFile, content: string): void {
    writeWhole(this.file(name), content);
  }

  writeFacts(facts: RunFacts): void {
    this.write('run.json', `${JSON.stringify(facts, null, 2)}\n`);
  }

  /** The last scrape of an instance. */
  writeScrape(instance: string, text: string): void {
    writeFileSync(path.join(this.metrics, `${instance}.prom`), text);
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
  #failure: Error | undefined;
  /** One wait for all who append while the disk is behind. */
  #room: Promise<void> | undefined;

  constructor(file: string) {
    this.#stream = createWriteStream(file, { flags: 'a' });
    this.#stream.on('error', (error) => {
      this.#failure ??= error;
    });
  }

  async append(record: T): Promise<void> {
    if (this.#failure) throw new PeerLabError('disk-full', { about: 'the results folder', cause: this.#failure });
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
    if (this.#failure) throw new PeerLabError('disk-full', { about: 'the results folder', cause: this.#failure });
  }
}
