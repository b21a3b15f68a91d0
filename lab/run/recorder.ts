import { unforeseen } from '#proto/errors.ts';
import { EventStream, type Listener } from '../history/event-stream.ts';
import type { RunFacts } from '../history/events.ts';
import { LINE_FILES, type LineFile, type LineOf } from '../history/result-files.ts';
import type { LineWriter, ResultsFolder } from '../history/results-folder.ts';
import type { EventKind, EventOf, RunEvent, Told } from '../history/run-event.ts';
import type { RunClock } from './clock.ts';
import { FactsSoFar } from './facts.ts';

/** What an event leaves in the results folder: lines of files. */
type Line = { readonly [F in LineFile]: readonly [file: F, record: LineOf<F>] }[LineFile];

/** Kinds that have a file of their own; all others are lines of timeline.ndjson, as they are. */
const LINES: { readonly [K in EventKind]?: (event: EventOf<K>) => readonly Line[] } = {
  'operation-ended': ({ operation, answer }) => [
    ['events.ndjson', operation],
    ...(answer ? [['answers.ndjson', answer] as const] : []),
  ],
  'fault-ended': ({ record }) => [['faults.ndjson', record]],
  'index-looked': ({ look }) => [['looks.ndjson', look]],
  'share-recorded': ({ file }) => [['shares.ndjson', file]],
  'file-stored': ({ file }) => [['stored.ndjson', file]],
  pieces: ({ at, peer, contents }) => [['pieces.ndjson', { at, peer, contents }]],
  sample: ({ at, instance, values }) => [['metrics/samples.ndjson', { at, instance, values }]],
};

export interface RecorderInit {
  readonly folder: ResultsFolder;
  readonly clock: RunClock;
  readonly run: Omit<EventOf<'run-began'>['run'], 'startedAt'>;
  readonly listeners: readonly Listener[];
}

/**
 * THE RECORDER: the one place where a run's history is written. What happens is told to it as an event, which it hands to all who
 * follow the run, adds to the facts, and appends to its file.
 */
export class Recorder {
  readonly #init: RecorderInit;
  readonly #stream = new EventStream();
  readonly #files: ReadonlyMap<LineFile, LineWriter<LineOf<LineFile>>>;
  readonly #facts: FactsSoFar;

  constructor(init: RecorderInit) {
    const { folder, clock, run, listeners } = init;
    this.#init = init;
    this.#files = new Map(LINE_FILES.map((name) => [name, folder.append(name)]));
    for (const listener of listeners) this.follow(listener);
    const began: EventOf<'run-began'> = { kind: 'run-began', at: 0, run: { ...run, startedAt: clock.startedAt } };
    this.#facts = new FactsSoFar(began);
    void this.#keep(began).catch(() => {}); // A disk that is full says so at the next event.
    this.save();
  }

  /** Who listens is told all that is recorded from now on. */
  follow(listener: Listener): void {
    this.#stream.add({
      name: listener.name,
      take: (event) => listener.take(event),
      dropped: (why) => {
        listener.dropped?.(why);
        this.tell({ kind: 'note', text: `${listener.name} does not follow the run any more: ${why}` });
      },
    });
  }

  /**
   * Records an event; who waits for it goes on when the disk has kept up.
   * @throws PeerLabError `disk-full`, `results-lost`
   */
  readonly record = (told: Told): Promise<void> => {
    const event = { ...told, at: this.#init.clock.now() } as RunEvent;
    this.#facts.take(event);
    return this.#keep(event);
  };

  /** The same for those who can't wait; a disk that is full becomes trouble of the run. */
  tell(told: Told): void {
    this.record(told).catch((error) => this.trouble(error));
  }

  trouble(error: unknown): void {
    const { code, message } = unforeseen(error);
    // Not by way of `tell`: a disk that is full can't be told of on that disk.
    void this.record({ kind: 'trouble', code, message }).catch(() => {});
  }

  /** The last scrape of an instance, and of its series those that changed. */
  async scraped(instance: string, text: string, values: EventOf<'sample'>['values']): Promise<void> {
    this.#init.folder.writeScrape(instance, text);
    if (Object.keys(values).length > 0) await this.record({ kind: 'sample', instance, values });
  }

  facts(): RunFacts {
    const { setupSeconds, durationSeconds } = this.#init.clock;
    return { ...this.#facts.tally, setupSeconds, durationSeconds };
  }

  /** So far, and as of a run that is cut off: should the lab be killed, they are what its report is made of. */
  save(): void {
    try {
      this.#init.folder.writeFacts({ ...this.facts(), completed: false });
    } catch (error) {
      this.trouble(error);
    }
  }

  async close(): Promise<void> {
    for (const file of this.#files.values()) await file.close().catch((error) => this.trouble(error));
  }

  async #keep(event: RunEvent): Promise<void> {
    this.#stream.emit(event);
    const lines = (LINES[event.kind] as ((event: RunEvent) => readonly Line[]) | undefined)?.(event);
    for (const [name, record] of lines ?? [['timeline.ndjson', event] as const])
      await this.#files.get(name)?.append(record);
  }
}
