import type { FileHandle } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { closedAt, placedAt } from './read-events.ts';
import { RESULT_FILES } from './result-files.ts';
import type { RunEvent } from './run-event.ts';

/**
 * A RUN, FOLLOWED THROUGH ITS FILES, by another process than its lab: events come as the recorder appends them, and those of a run that is over
 * come the same way, only faster. What was read is named by a place: how far each file was read. So whoever was cut off goes on from
 * there, and nobody needs to remember events for others.
 *
 * Records of several files are put in order by their times, as read-events.ts does for who wants all of a run at once. Answers, and what the
 * lab itself asked the index, are not among them.
 */

/** The timeline leads: what else happened at one time comes after it. Places name the files in this order. */
export const FOLLOWED = [
  ...(['timeline.ndjson', 'events.ndjson', 'faults.ndjson', 'shares.ndjson', 'stored.ndjson'] as const),
  ...(['metrics/samples.ndjson', 'pieces.ndjson'] as const),
] as const;
export type FollowedFile = (typeof FOLLOWED)[number];

/** An offset for each of them. */
const PLACE = new RegExp(`^\\d{1,15}(?:\\.\\d{1,15}){${FOLLOWED.length - 1}}$`);
/** At the end of the run, or when everything else of it is known. */
const LAST = Number.POSITIVE_INFINITY;
const READ_BYTES = 256 * 1024;
/** A longer line is no record that a recorder wrote. */
const MAX_LINE_BYTES = 8 * 1024 * 1024;
/** Names and messages of peers may be of any length: longer texts are cut. */
const MAX_TEXT_CHARS = 2000;
const MAX_BATCH_EVENTS = 2000;
const MAX_BATCH_BYTES = 512 * 1024;
/** The recorder writes each file by itself: what came before in another one is there after this time. */
const SETTLE_MS = 50;
const NEWLINE = 0x0a;

export interface Batch {
  /** As JSON, one event each. */
  readonly events: readonly string[];
  /** Where to go on after them. */
  readonly place: string;
}

export interface FollowInit {
  /** Opens a file of the results folder; undefined while it is not there. */
  readonly open: (file: FollowedFile) => Promise<FileHandle | undefined>;
  /** From an earlier batch; the beginning, if it names none of these files' places. */
  readonly from?: string | undefined;
}

export class EventFollower implements AsyncDisposable {
  readonly #tails: readonly Tail[];
  /** Where it began: false, when all of the run is to come. */
  readonly isResumed: boolean;
  #now = 0;

  private constructor(tails: readonly Tail[], isResumed: boolean) {
    this.#tails = tails;
    this.isResumed = isResumed;
  }

  static async begin({ open, from }: FollowInit): Promise<EventFollower> {
    const offsets = PLACE.test(from ?? '') ? (from as string).split('.').map(Number) : [];
    const resumed = FOLLOWED.map((file, n) => new Tail(file, open, offsets[n]));
    if (offsets.length > 0 && (await Promise.all(resumed.map((tail) => tail.isPlace()))).every(Boolean))
      return new EventFollower(resumed, true);
    for (const tail of resumed) await tail.close();
    const fresh = FOLLOWED.map((file) => new Tail(file, open));
    return new EventFollower(fresh, false);
  }

  /** What has been recorded since, as much as fits one batch; none, when there is nothing new. */
  async next(): Promise<Batch> {
    const [timeline, ...others] = this.#tails as [Tail, ...Tail[]];
    const news = await Promise.all(others.map((tail) => tail.look()));
    if (news.includes(true)) await sleep(SETTLE_MS);
    await timeline.look();
    const events: string[] = [];
    for (let bytes = 0; events.length < MAX_BATCH_EVENTS && bytes < MAX_BATCH_BYTES; ) {
      const first = this.#tails.reduce((a, b) => (b.at < a.at || (a.head === undefined && b.head) ? b : a));
      const event = first.take();
      if (event === undefined) break;
      this.#now = event.at === LAST ? this.#now : Math.max(this.#now, event.at);
      const json = JSON.stringify({ ...event, at: event.at === LAST ? this.#now : event.at });
      events.push(json);
      bytes += json.length;
      await first.fill();
    }
    return { events, place: this.#tails.map(({ offset }) => offset).join('.') };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const tail of this.#tails) await tail.close();
  }
}

interface Head {
  readonly event: RunEvent;
  /** The offset after its line. */
  readonly end: number;
}

/** One file, as far as it was read. */
class Tail {
  readonly #name: FollowedFile;
  readonly #open: FollowInit['open'];
  #file: FileHandle | undefined;
  /** After the last record that was taken. */
  offset: number;
  #readUpTo: number;
  /** How long it was at the last look: what came since then waits for the next one. */
  #size = 0;
  #half = Buffer.alloc(0);
  #isTooLong = false;
  readonly #heads: Head[] = [];

  constructor(name: FollowedFile, open: FollowInit['open'], offset = 0) {
    this.#name = name;
    this.#open = open;
    this.offset = offset;
    this.#readUpTo = offset;
  }

  get head(): RunEvent | undefined {
    return this.#heads[0]?.event;
  }

  get at(): number {
    return this.head ? placedAt(this.head) : LAST;
  }

  take(): RunEvent | undefined {
    const head = this.#heads.shift();
    if (head) this.offset = head.end;
    return head?.event;
  }

  /** Whether a line of the file begins at the offset. */
  async isPlace(): Promise<boolean> {
    if (this.offset === 0) return true;
    this.#file ??= await this.#open(this.#name);
    const before = Buffer.alloc(1);
    const found = await this.#file?.read(before, 0, 1, this.offset - 1);
    return found?.bytesRead === 1 && before[0] === NEWLINE;
  }

  /** Whether there is something new. */
  async look(): Promise<boolean> {
    this.#file ??= await this.#open(this.#name);
    this.#size = (await this.#file?.stat())?.size ?? 0;
    await this.fill();
    return this.#heads.length > 0;
  }

  /** Reads on until there is a record, or no more. */
  async fill(): Promise<void> {
    while (this.#heads.length === 0 && this.#readUpTo < this.#size && this.#file) {
      const part = Buffer.alloc(Math.min(READ_BYTES, this.#size - this.#readUpTo));
      const { bytesRead } = await this.#file.read(part, 0, part.length, this.#readUpTo);
      if (bytesRead === 0) return;
      this.#readUpTo += bytesRead;
      this.#add(part.subarray(0, bytesRead));
    }
  }

  #add(part: Buffer): void {
    const text = Buffer.concat([this.#half, part]);
    let begin = 0;
    const base = this.#readUpTo - text.length;
    for (let end = text.indexOf(NEWLINE); end >= 0; end = text.indexOf(NEWLINE, begin)) {
      const event = this.#isTooLong ? undefined : eventOf(this.#name, text.toString('utf8', begin, end));
      this.#isTooLong = false;
      begin = end + 1;
      if (event) this.#heads.push({ event, end: base + begin });
      else if (this.#heads.length === 0) this.offset = base + begin;
    }
    this.#half = text.subarray(begin);
    if (this.#half.length <= MAX_LINE_BYTES) return;
    this.#isTooLong = true;
    this.#half = Buffer.alloc(0);
  }

  async close(): Promise<void> {
    await this.#file?.close();
    this.#file = undefined;
  }
}

const SUMS = /_(?:bucket|sum|count)(?:\{|$)/;

const EVENTS = {
  'timeline.ndjson': (line) => RESULT_FILES['timeline.ndjson'].line.parse(line),
  'events.ndjson': (line) => {
    const operation = RESULT_FILES['events.ndjson'].line.parse(line);
    return { kind: 'operation-ended', at: operation.end, operation };
  },
  'faults.ndjson': (line) => {
    const record = RESULT_FILES['faults.ndjson'].line.parse(line);
    return { kind: 'fault-ended', at: closedAt(record), record };
  },
  'shares.ndjson': (line) => ({
    kind: 'share-recorded',
    at: 0,
    file: RESULT_FILES['shares.ndjson'].line.parse(line),
  }),
  'stored.ndjson': (line) => ({
    kind: 'file-stored',
    at: LAST,
    file: RESULT_FILES['stored.ndjson'].line.parse(line),
  }),
  'metrics/samples.ndjson': (line) => {
    const { at, instance, values } = RESULT_FILES['metrics/samples.ndjson'].line.parse(line);
    // Parts of histograms are most of the series, and say nothing to people.
    const shown = Object.entries(values).filter(([name]) => !SUMS.test(name));
    return { kind: 'sample', at, instance, values: Object.fromEntries(shown) };
  },
  'pieces.ndjson': (line) => ({ kind: 'pieces', ...RESULT_FILES['pieces.ndjson'].line.parse(line) }),
} satisfies Record<FollowedFile, (line: unknown) => RunEvent>;

/** A line that is no record is left out: the verdict says that the file is damaged. */
function eventOf(file: FollowedFile, line: string): RunEvent | undefined {
  try {
    return EVENTS[file](line.length > MAX_TEXT_CHARS ? JSON.parse(line, cut) : JSON.parse(line));
  } catch {
    return undefined;
  }
}

function cut(_: string, value: unknown): unknown {
  return typeof value === 'string' && value.length > MAX_TEXT_CHARS ? `${value.slice(0, MAX_TEXT_CHARS)}…` : value;
}
