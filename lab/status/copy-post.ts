import { type FileHandle, open, readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { reasonOf } from '#proto/errors.ts';
import { printable } from '#proto/printable.ts';
import { FOLLOWED } from '../history/follow-events.ts';
import type { ResultsFolder } from '../history/results-folder.ts';
import { COPIES_PATH, type CopyAnswer, type CopyMessage, copyAnswer } from './copy.ts';
import { post } from './post.ts';
import { pageOf } from './settings.ts';

const PAUSE_MS = 1000;
/** Of one message: what is more follows at once. */
const MAX_PART_BYTES = 512 * 1024;
/** What is larger is not shown there: the results folder has it. */
const MAX_WHOLE_BYTES = 1_600_000;
const MAX_LOGS = 50;
/** After the end of a run, for what is not told yet. */
const LAST_MS = 5000;
const LAST_PAUSE_MS = 500;
const NEWLINE = 0x0a;

/** Shows a page (copies.ts) the files of a run as they grow. A page that can't be reached never holds up a run. */
export class CopyPost {
  readonly #page: { readonly url: string; readonly token: string };
  readonly #folder: ResultsFolder;
  readonly #runId: string;
  readonly #tell: (line: string) => void;
  /** How much the page has of each file that grows. */
  #sizes: CopyAnswer['sizes'] = {};
  #complained = false;
  readonly #over = new AbortController();
  #loop: Promise<void> = Promise.resolve();

  /** Where the environment names a page. @throws PeerLabError `bad-setting` */
  static of(env: NodeJS.ProcessEnv, folder: ResultsFolder, tell: (line: string) => void): CopyPost | undefined {
    const page = pageOf(env);
    return page && new CopyPost(page, folder, tell);
  }

  constructor(
    page: { readonly url: string; readonly token: string },
    folder: ResultsFolder,
    tell: (line: string) => void,
  ) {
    this.#page = page;
    this.#folder = folder;
    this.#runId = path.basename(folder.path);
    this.#tell = tell;
  }

  start(): void {
    this.#loop = this.#run();
  }

  /** The rest, the result and the logs. Returns in some seconds at most, whether the page took them or not. */
  async finish(): Promise<void> {
    this.#over.abort();
    await this.#loop;
    const until = performance.now() + LAST_MS;
    while (performance.now() < until) {
      const isDone = await this.#send();
      if (isDone) break;
      await sleep(LAST_PAUSE_MS);
    }
    // The result comes last: it says that all is there.
    for (const file of [...(await this.#logs()), 'scenario.yaml', 'run.json', 'report.html', 'result.json']) {
      if (performance.now() > until) return;
      const text = await this.#whole(file);
      if (text !== undefined) await this.#say({ parts: [], wholes: [{ file, text }] });
    }
  }

  async #run(): Promise<void> {
    const { signal } = this.#over;
    while (!signal.aborted) {
      await this.#send();
      await sleep(PAUSE_MS, undefined, { signal }).catch(() => {});
    }
  }

  /** What is new, until the page has it. @returns whether it has all of it */
  async #send(): Promise<boolean> {
    for (;;) {
      const message = await this.#news();
      if (!(await this.#say(message))) return false;
      if (message.parts.length === 0) return true;
    }
  }

  /** What came after what the page has. The timeline leads: it is read last, and if it does not fit, it goes alone. */
  async #news(): Promise<Omit<CopyMessage, 'runId'>> {
    const [timeline, ...others] = FOLLOWED;
    const parts: CopyMessage['parts'] = [];
    for (const file of others) {
      const part = await this.#part(file);
      if (part) parts.push(part);
    }
    const first = await this.#part(timeline);
    const isCut = first !== undefined && Buffer.byteLength(first.text) > MAX_PART_BYTES / 2;
    const run = await this.#whole('run.json');
    return {
      parts: first === undefined ? parts : isCut ? [first] : [first, ...parts],
      wholes: run === undefined ? [] : [{ file: 'run.json', text: run }],
    };
  }

  /** Whole lines. */
  async #part(file: (typeof FOLLOWED)[number]): Promise<CopyMessage['parts'][number] | undefined> {
    const from = this.#sizes[file] ?? 0;
    let handle: FileHandle | undefined;
    try {
      handle = await open(this.#folder.file(file));
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(MAX_PART_BYTES), 0, MAX_PART_BYTES, from);
      const end = buffer.subarray(0, bytesRead).lastIndexOf(NEWLINE) + 1;
      return end === 0 ? undefined : { file, from, text: buffer.toString('utf8', 0, end) };
    } catch {
      return undefined; // It is not there yet.
    } finally {
      await handle?.close();
    }
  }

  async #whole(file: string): Promise<string | undefined> {
    const text = await readFile(path.join(this.#folder.path, file), 'utf8').catch(() => undefined);
    return text === undefined || Buffer.byteLength(text) > MAX_WHOLE_BYTES ? undefined : text;
  }

  async #logs(): Promise<string[]> {
    const names = await readdir(this.#folder.logs).catch(() => []);
    return names.slice(0, MAX_LOGS).map((name) => `logs/${name}`);
  }

  /** @returns whether the page took it */
  async #say(message: Omit<CopyMessage, 'runId'>): Promise<boolean> {
    try {
      const answer = await post(this.#page, COPIES_PATH, { runId: this.#runId, ...message });
      this.#sizes = copyAnswer.parse(JSON.parse(answer)).sizes;
      return true;
    } catch (error) {
      if (!this.#complained) this.#tell(`The run can not be shown on the page: ${printable(reasonOf(error))}`);
      this.#complained = true;
      return false;
    }
  }
}
