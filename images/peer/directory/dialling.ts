import { canonicalIp } from '#proto/addresses.ts';
import type { SearchResult } from '#proto/directory-api.ts';
import { mayDial, type Networks } from '#proto/networks.ts';

/** Addresses that are near: this peer's own, and the directory's where its URL says it as a number. */
export function nearAddresses(own: string, directoryUrl: string): string[] {
  const { hostname } = new URL(directoryUrl);
  if (hostname === 'localhost') return [own, '127.0.0.1', '::1'];
  const directory = canonicalIp(hostname);
  return directory === undefined ? [own] : [own, directory];
}

/** Takes out sources that must not be dialled (proto/networks.ts has the rule), whatever the directory says. */
export function diallable(
  results: readonly SearchResult[],
  near: readonly string[],
  trusted: Networks | undefined,
): { results: SearchResult[]; refused: string[] } {
  const refused = new Set<string>();
  const allowed = ({ ip }: { ip: string }) => mayDial(ip, near, trusted) || !refused.add(ip);
  const kept = results
    .map((result) => ({ ...result, peers: result.peers.filter(allowed) }))
    .filter((result) => result.peers.length > 0);
  return { results: kept, refused: [...refused] };
}
