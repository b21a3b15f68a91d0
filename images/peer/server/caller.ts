/** What every method knows of who calls. */

/** A caller that takes nothing for so long loses its slot. */
export const READER_TIMEOUT_MS = 60_000;

/** Its address without the port, which differs from connection to connection. */
export function hostOf(call: { getPeer(): string }): string {
  const peer = call.getPeer();
  return peer.slice(0, peer.lastIndexOf(':'));
}
