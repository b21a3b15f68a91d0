import { reasonOf } from '#proto/errors.ts';
import type { FaultRecord } from './events.ts';
import type { LineFile, LineOf } from './result-files.ts';
import type { ResultsFolder } from './results-folder.ts';
import type { EventOf, RunEvent } from './run-event.ts';

/**
 * THE STREAM OF A RUN, AGAIN, from the files of its results folder: the events that the recorder told, in an order in which they may
 * have happened. What may differ: events that have a file of their own are `at` the time that their record says, which is a moment
 * before they were told, and stand there among the others; those of shares and disks stand together, before the first start and
 * before `disk-read`.
 * @param damaged is told of each file that can't be read to its end; what stands before the flaw counts
 */
export async function* readEvents(
  folder: ResultsFolder,
  damaged: (why: string) => void = () => {},
): AsyncGenerator<RunEvent> {
  const files = new Files(folder, damaged);
  const apart: AsyncIterable<RunEvent>[] = [
    ...[files.operations(), files.faults(), files.looks(), files.samples(), files.pieces()],
  ];
  const queues = apart.map((events) => new Queue(events));
  const stored = Map.groupBy(await Array.fromAsync(files.lines('stored.ndjson')), ({ peer }) => peer);
  const shares = new Queue(files.lines('shares.ndjson'));
  for await (const event of files.timeline()) {
    // What was told at the very time of an operation's begin may be its end.
    yield* merged(queues, placedAt(event));
    if (ENDS_SHARES.has(event.kind)) yield* sharesOf(shares);
    if (event.kind === 'disk-read') yield* storedOn(stored, event.instance, event.at);
    if (event.kind === 'run-ended') yield* merged(queues, Number.POSITIVE_INFINITY);
    if (event.kind === 'run-ended' || event.kind === 'measured') yield* openFaults(queues, event.at);
    yield event;
  }
  yield* sharesOf(shares);
  yield* merged(queues, Number.POSITIVE_INFINITY);
  yield* openFaults(queues, 0);
  for (const peer of [...stored.keys()]) yield* storedOn(stored, peer, 0);
}

const ENDS_SHARES = new Set<RunEvent['kind']>(['instance-started', 'instance-ready', 'steps-began', 'run-ended']);

/** What the files have, as events. */
class Files {
  readonly #folder: ResultsFolder;
  readonly #damaged: (why: string) => void;

  constructor(folder: ResultsFolder, damaged: (why: string) => void) {
    this.#folder = folder;
    this.#damaged = damaged;
  }

  async *lines<F extends LineFile>(name: F): AsyncGenerator<LineOf<F>> {
    try {
      yield* this.#folder.readLines(name);
    } catch (error) {
      this.#damaged(reasonOf(error));
    }
  }

  /** It begins with what is known from the plan; older versions did not write that. */
  async *timeline(): AsyncGenerator<RunEvent> {
    let isFirst = true;
    for await (const event of this.lines('timeline.ndjson')) {
      if (isFirst && event.kind !== 'run-began') yield this.#began();
      isFirst = false;
      yield event;
    }
    if (isFirst) yield this.#began();
  }

  async *operations(): AsyncGenerator<EventOf<'operation-ended'>> {
    const answers = new Queue(this.lines('answers.ndjson'));
    for await (const operation of this.lines('events.ndjson')) {
      // They are written together, so in one order.
      const isNext = (await answers.head())?.id === operation.id;
      const answer = isNext ? await answers.take() : undefined;
      yield { kind: 'operation-ended', at: operation.end, operation, ...(answer && { answer }) };
    }
  }

  async *faults(): AsyncGenerator<EventOf<'fault-ended'>> {
    for await (const record of this.lines('faults.ndjson')) yield { kind: 'fault-ended', at: closedAt(record), record };
  }

  async *looks(): AsyncGenerator<EventOf<'index-looked'>> {
    for await (const look of this.lines('looks.ndjson')) yield { kind: 'index-looked', at: look.end, look };
  }

  async *samples(): AsyncGenerator<EventOf<'sample'>> {
    for await (const sample of this.lines('metrics/samples.ndjson')) yield { kind: 'sample', ...sample };
  }

  async *pieces(): AsyncGenerator<EventOf<'pieces'>> {
    for await (const pieces of this.lines('pieces.ndjson')) yield { kind: 'pieces', ...pieces };
  }

  #began(): EventOf<'run-began'> {
    const facts = this.#folder.readFacts();
    const steps = facts.steps.map((step) => ({ ...step, taken: false }));
    const { runId, scenario, description, knownFailure, driver, seed, leaseSeconds, startedAt } = facts;
    const { machine, peersPerInstance, baseline, peers, leftOut } = facts;
    const known = { runId, scenario, description, driver, seed, leaseSeconds, startedAt, peers, steps };
    return {
      ...{ kind: 'run-began', at: 0 },
      run: {
        ...known,
        ...(machine && { machine }),
        ...(knownFailure !== undefined && { knownFailure }),
        ...(peersPerInstance !== undefined && { peersPerInstance }),
        ...(baseline && { baseline }),
        ...(leftOut && { leftOut }),
      },
    };
  }
}

/** The time by which an event of the timeline stands among those that have files of their own. */
export function placedAt(event: RunEvent): number {
  // A proof is told a moment after it was seen, and a fault is over with the last of them.
  return event.kind === 'fault-proved' ? event.proof.at : event.at;
}

/** When a fault was over; infinity of one that the end of the run found in force. */
export function closedAt({ from, inForce, until, overtakenAt, proofs }: FaultRecord): number {
  if (overtakenAt !== undefined) return overtakenAt;
  if (until !== undefined) return Math.max(until, proofs.at(-1)?.at ?? 0);
  return inForce === undefined ? Math.max(from, proofs.at(-1)?.at ?? 0) : Number.POSITIVE_INFINITY;
}

/** All that happened before that time, by time, as the files have it in order. */
async function* merged(queues: readonly Queue<RunEvent>[], before: number): AsyncGenerator<RunEvent> {
  for (;;) {
    let next: Queue<RunEvent> | undefined;
    let first = before;
    for (const queue of queues) {
      const at = (await queue.head())?.at ?? Number.POSITIVE_INFINITY;
      if (at < first) [next, first] = [queue, at];
    }
    const event = await next?.take();
    if (event === undefined) return;
    yield event;
  }
}

/** The end of the run is the end of the faults that were in force. */
async function* openFaults(queues: readonly Queue<RunEvent>[], at: number): AsyncGenerator<RunEvent> {
  for (const queue of queues) {
    for (let head = await queue.head(); head?.at === Number.POSITIVE_INFINITY; head = await queue.head()) {
      await queue.take();
      yield { ...head, at };
    }
  }
}

async function* sharesOf(shares: Queue<LineOf<'shares.ndjson'>>): AsyncGenerator<RunEvent> {
  for (let file = await shares.take(); file; file = await shares.take()) yield { kind: 'share-recorded', at: 0, file };
}

function* storedOn(stored: Map<string, LineOf<'stored.ndjson'>[]>, peer: string, at: number): Generator<RunEvent> {
  for (const file of stored.get(peer) ?? []) yield { kind: 'file-stored', at, file };
  stored.delete(peer);
}

/** An iteration whose next one can be looked at before it is taken. */
class Queue<T> {
  readonly #from: AsyncIterator<T>;
  #next: Promise<IteratorResult<T>> | undefined;

  constructor(from: AsyncIterable<T>) {
    this.#from = from[Symbol.asyncIterator]();
  }

  async head(): Promise<T | undefined> {
    this.#next ??= this.#from.next();
    const { done, value } = await this.#next;
    return done ? undefined : value;
  }

  async take(): Promise<T | undefined> {
    const value = await this.head();
    // An iteration that is over says so again.
    this.#next = undefined;
    return value;
  }
}
