import type { OperationEvent } from '../../lab/history/events.ts';
import { covered } from './throughput.ts';

/** Bytes of the good downloads of each peer, by the time in which it had at least one under way. Drawn only, as all that is summed here. */
export function throughputByPeer(operations: Iterable<OperationEvent>): Map<string, number> {
  const byPeer = new Map<string, OperationEvent[]>();
  for (const operation of operations) {
    const { operation: verb, outcome, bytes, peer } = operation;
    if (verb !== 'download' || outcome !== 'ok' || bytes === 0) continue;
    const known = byPeer.get(peer) ?? [];
    known.push(operation);
    byPeer.set(peer, known);
  }
  return new Map([...byPeer].map(([peer, some]) => [peer, rateOf(some)]));
}

function rateOf(some: readonly OperationEvent[]): number {
  const spans = some.map(({ start, end }) => ({ from: start, to: end }));
  const busy = covered(spans, { from: 0, to: Number.POSITIVE_INFINITY });
  const seconds = busy.reduce((sum, { from, to }) => sum + to - from, 0);
  const bytes = some.reduce((sum, one) => sum + one.bytes, 0);
  return bytes / Math.max(1e-6, seconds);
}
