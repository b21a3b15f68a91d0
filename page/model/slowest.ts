import type { OperationEvent } from '../../lab/history/events.ts';

/** How many of the slowest operations are shown with what the logs say of them. */
export const SHOWN_SLOWEST = 10;

/** Longest first. Waits at a barrier are not slow: they wait for others. */
export function slowestOf(operations: Iterable<OperationEvent>, count: number): OperationEvent[] {
  const slowest: OperationEvent[] = [];
  for (const operation of operations) {
    if (operation.operation === 'barrier') continue;
    if (slowest.length === count && tookOf(operation) <= tookOf(slowest.at(-1) as OperationEvent)) continue;
    const place = slowest.findIndex((known) => tookOf(known) < tookOf(operation));
    slowest.splice(place < 0 ? slowest.length : place, 0, operation);
    slowest.length = Math.min(slowest.length, count);
  }
  return slowest;
}

export function tookOf({ start, end }: OperationEvent): number {
  return end - start;
}
