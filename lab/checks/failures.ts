import type { OperationEvent, RunFacts } from '../history/events.ts';
import type { Figure } from './figure.ts';
import type { Result } from './result-schema.ts';
import { eventsOf } from './scope.ts';

/** Why operations failed: of each kind and code how many, and one of them as an example, with the place in its peer's log. */

/** The most kinds that are shown; a scenario has a few. */
const MAX_KINDS = 50;

type Failure = OperationEvent & { readonly error: NonNullable<OperationEvent['error']> };

interface FailureKind {
  readonly count: number;
  readonly example: Failure;
}

/** The most frequent first. */
export function failureKinds(events: readonly OperationEvent[]): FailureKind[] {
  const kinds = new Map<string, { count: number; example: Failure }>();
  for (const event of events) {
    if (!isFailure(event)) continue;
    const key = `${event.operation} ${event.error.code}`;
    const known = kinds.get(key);
    if (known) known.count++;
    else kinds.set(key, { count: 1, example: event });
  }
  return [...kinds.values()].sort((a, b) => b.count - a.count).slice(0, MAX_KINDS);
}

/** @param lines by the example's id, where its peer's log seems to speak of it */
export function failedOperations(
  kinds: readonly FailureKind[],
  peers: RunFacts['peers'],
  lines: ReadonlyMap<number, number>,
): NonNullable<Result['failedOperations']> {
  const logOf = new Map(peers.map(({ name, host }) => [name, host ?? name]));
  return kinds.map(({ count, example }) => {
    const { id, operation, peer, file, start, error } = example;
    const message = messageOf(example, peers);
    const line = lines.get(id);
    return {
      operation,
      code: error.code,
      count,
      example: {
        message,
        peer,
        ...(file !== undefined && { file }),
        at: start,
        log: `logs/${logOf.get(peer) ?? peer}.log`,
        ...(line !== undefined && { line }),
      },
    };
  });
}

/** One failed operation that has to do with a figure of operations. */
export function failureBehind(
  { scope, what }: Pick<Figure, 'scope' | 'what'>,
  events: readonly OperationEvent[],
  peers: RunFacts['peers'],
): string | undefined {
  if (what.kind !== 'path') return undefined;
  const [part, name] = what.path;
  const isMeant = eventsOf(scope, peers);
  const found = events.filter(isFailure).find((event) => {
    if (!isMeant(event)) return false;
    if (part === 'operations') return event.operation === name;
    if (part === 'failures') return event.error.code === name;
    return part === 'transfers' && (event.operation === 'download' || event.operation === 'upload');
  });
  if (!found) return undefined;
  const { operation, peer, file, error } = found;
  return `${operation} of ${peer}${file === undefined ? '' : ` "${file}"`} failed: ${messageOf(found, peers)} [${error.code}]`;
}

/** The most sources that an example names. */
const MAX_SOURCES = 5;

/** What the peer said, and why it gave up its sources. */
function messageOf({ error, sources }: Failure, peers: RunFacts['peers']): string {
  const nameOf = (address: string) => peers.find((peer) => peer.address === address)?.name ?? address;
  const givenUp = sources.filter((source) => source.error !== undefined);
  const named = givenUp.slice(0, MAX_SOURCES).map((source) => `${nameOf(source.peer)}: ${source.error}`);
  const more = givenUp.length > MAX_SOURCES ? [`${givenUp.length - MAX_SOURCES} more`] : [];
  return [error.message, ...named, ...more].join('; ');
}

function isFailure(event: OperationEvent): event is Failure {
  return event.outcome === 'failed' && event.error !== undefined;
}

/** A log may be a little late, and its clock is not quite the lab's. */
const EARLY_MS = 500;
const LATE_MS = 2000;
const NEAR_MS = 50;
const TIME = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)/;
const TROUBLE = /\b(?:error|exception|traceback|panic|fatal)\b/i;
const BAD_LEVEL = /^\{"level":[456]0,/;

/** Looks for the lines of logs that speak of some operations, while the logs are read. */
export class LogSearch {
  /** By the operation's id. */
  readonly #best = new Map<number, { score: number; line: number }>();
  readonly #wanted: ReadonlyMap<string, readonly OperationEvent[]>;
  readonly #beganMs: number;

  constructor(
    operations: readonly OperationEvent[],
    { startedAt, setupSeconds }: Pick<RunFacts, 'startedAt' | 'setupSeconds'>,
  ) {
    this.#wanted = Map.groupBy(operations, ({ peer }) => peer);
    this.#beganMs = Date.parse(startedAt) + setupSeconds * 1000;
  }

  see(peer: string, line: string, number: number): void {
    for (const operation of this.#wanted.get(peer) ?? []) {
      const score = this.#scoreOf(line, operation);
      if (score > (this.#best.get(operation.id)?.score ?? 0)) this.#best.set(operation.id, { score, line: number });
    }
  }

  get lines(): ReadonlyMap<number, number> {
    return new Map([...this.#best].map(([id, { line }]) => [id, line]));
  }

  /** 0: it has nothing to do with it. */
  #scoreOf(line: string, { operation, file, error, start, end }: OperationEvent): number {
    const time = TIME.exec(line)?.[0];
    const at = time === undefined ? undefined : Date.parse(time) - this.#beganMs;
    if (at !== undefined && (at < start * 1000 - EARLY_MS || at > end * 1000 + LATE_MS)) return 0;
    const names = [error?.code, file].filter((text) => text !== undefined && line.includes(text)).length;
    const asked = line.includes(`/control/${operation}`) ? 1 : 0;
    const bad = error && (BAD_LEVEL.test(line) || TROUBLE.test(line)) ? 1 : 0;
    const score = 2 * names + asked + bad;
    // Of lines that say the same, the one that was written when the operation ended.
    const isNear = at === undefined ? 0 : 1 / (2 + Math.abs(at - end * 1000) / NEAR_MS);
    return score === 0 ? 0 : score + isNear;
  }
}
