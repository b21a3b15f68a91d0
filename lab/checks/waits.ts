import type { ErrorCode } from '#proto/errors.ts';
import type { OperationEvent } from '../history/events.ts';
import type { Result } from './result-schema.ts';

export type Wait = NonNullable<Result['waits']>[number];

/** Shorter ones are not worth a word: somebody is always the last. */
const MIN_WAIT_SECONDS = 5;
/** Who never answered is worth a word sooner: the wait was as long as the deadline that the scenario sets. */
const MIN_HANG_SECONDS = 1;
const HUNG: ErrorCode = 'no-answer';
const MAX_WAITS = 5;

/** What one peer did in a step: when it began, and the operation that ended last. */
interface Part {
  readonly from: number;
  readonly last: OperationEvent;
}

/**
 * Where everybody waited for one peer: the others had ended all that the step gave them to do, and it had not. The longest come first. A step inside another
 * one holds up only its own branch, so that the outermost ones count; who waits at a barrier holds up nobody.
 */
export function waitsIn(events: readonly OperationEvent[]): Wait[] {
  return [...partsOf(events)]
    .flatMap(([step, parts]) => waitOf(step, [...parts.values()]))
    .sort((a, b) => b.seconds - a.seconds)
    .slice(0, MAX_WAITS);
}

function partsOf(events: readonly OperationEvent[]): Map<string, Map<string, Part>> {
  const steps = new Map<string, Map<string, Part>>();
  for (const event of events) {
    if (event.operation === 'barrier') continue;
    const step = outermost(event.step);
    const parts = steps.get(step) ?? new Map<string, Part>();
    const known = parts.get(event.peer);
    const last = known && known.last.end >= event.end ? known.last : event;
    steps.set(step, parts.set(event.peer, { from: Math.min(event.start, known?.from ?? event.start), last }));
  }
  return steps;
}

function waitOf(step: string, parts: readonly Part[]): Wait[] {
  const [slowest, next] = [...parts].sort((a, b) => b.last.end - a.last.end);
  if (!slowest || !next) return [];
  const { peer, operation, file, end, error } = slowest.last;
  const seconds = end - Math.max(next.last.end, slowest.from);
  if (seconds < (error?.code === HUNG ? MIN_HANG_SECONDS : MIN_WAIT_SECONDS)) return [];
  return [{ peer, seconds, step, operation, ...(file !== undefined && { file }), ...(error && { code: error.code }) }];
}

function outermost(step: string): string {
  return step.split('.')[0] as string;
}
