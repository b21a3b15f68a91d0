import { once } from 'node:events';
import {
  createReadStream,
  createWriteStream,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  type WriteStream,
  writeFileSync,
} from 'node:fs';
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { createInterface } from 'node:readline';
import type { z } from 'zod';
import { PeerLabError } from '#proto/errors.ts';
import type { RunFacts } from './events.ts';
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

  readJson<S extends z.ZodType>(name: ResultFile, schema: S): z.output<S> {
    return this.#checked(name, schema, () => JSON.parse(readFileSync(this.file(name), 'utf8')));
  }

  /** The records of a file, line by line; none when the run ended before it was begun. */
  async *readLines<S extends z.ZodType>(name: ResultFile, schema: S): AsyncGenerator<z.output<S>> {
    if (!existsSync(this.file(name))) return;
    for await (const line of createInterface({
      input: createReadStream(this.file(name)),
      crlfDelay: Number.POSITIVE_INFINITY,
    })) {
      if (line) yield this.#checked(name, schema, () => JSON.parse(line));
    }
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

  /** The logs that were collected, line by line: the instance, and the line. */
  async *logLines(): AsyncGenerator<{ instance: string; line: string }> {
    for (const instance of await this.collectedLogs()) {
      for await (const line of createInterface({ input: createReadStream(path.join(this.logs, `${instance}.log`)) }))
        yield { instance, line };
    }
  }

  #checked<S extends z.ZodType>(name: ResultFile, schema: S, read: () => unknown): z.output<S> {
    try {
      return schema.parse(read());
    } catch (cause) {
      throw new PeerLabError('bad-results', { about: this.file(name), cause });
    }
  }
}

export type ResultFile =
  | 'result.json'
  | 'run.json'
  | 'events.ndjson'
  | 'shares.ndjson'
  | 'stored.ndjson'
  | 'answers.ndjson'
  | 'faults.ndjson'
  | 'junit.xml'
  | 'summary.md'
  | 'scenario.yaml'
  | 'metrics/samples.ndjson'
  | 'timeline.ndjson'
  | 'watchdog.log';

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
