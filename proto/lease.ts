import { MAX_DURATION_MS } from './units.ts';

/** A directory may give a lease of a millisecond: it gets no more than four heartbeats a second from a peer. */
export const MIN_HEARTBEAT_MS = 250;
/** And one of years: a heartbeat that is early does no harm, a timer that wraps does. */
export const MAX_HEARTBEAT_MS = MAX_DURATION_MS / 3;

/** When to renew a lease: after a third of it, within bounds, whatever a directory says. */
export function heartbeatMs(leaseSeconds: unknown): number {
  const third = (Number(leaseSeconds) * 1000) / 3;
  return third > MIN_HEARTBEAT_MS ? Math.min(third, MAX_HEARTBEAT_MS) : MIN_HEARTBEAT_MS;
}
