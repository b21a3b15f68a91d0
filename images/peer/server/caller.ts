import { canonicalIp } from '#proto/addresses.ts';

/** What every method knows of who calls. */

/** A caller that takes nothing for so long loses its slot. */
export const READER_TIMEOUT_MS = 60_000;

/** Its IP address: without the port, which differs from connection to connection. */
export function callerIp(call: { getPeer(): string }): string | undefined {
  const peer = call.getPeer();
  // The library puts no brackets around IPv6.
  return canonicalIp(peer.slice(0, peer.lastIndexOf(':')));
}

/** What tells callers apart, for limits on each. */
export function hostOf(call: { getPeer(): string }): string {
  return callerIp(call) ?? call.getPeer();
}
