import type { Found } from '#base/directory-client.ts';
import { type Address, addressText, canonicalIp } from '#proto/addresses.ts';
import { mayDial, type Networks } from '#proto/networks.ts';

/** Addresses that are near: this peer's own, and the directory's where its URL says it as a number. */
export function nearAddresses(own: string, directoryUrl: string): string[] {
  const { hostname } = new URL(directoryUrl);
  if (hostname === 'localhost') return [own, '127.0.0.1', '::1'];
  const directory = canonicalIp(hostname);
  return directory === undefined ? [own] : [own, directory];
}

/** What the directory knows of a search, and which addresses it names that this peer does not dial. */
export interface FoundNear extends Found {
  readonly notDialled: string[];
}

/** Addresses in a message. */
const NAMED = 5;
/** The setting that allows more addresses, for messages. */
const SETTING = 'PEER_TRUSTED_NETWORKS';

/** Takes out sources that must not be dialled (proto/networks.ts has the rule), whatever the directory says. */
export function diallable(found: Found, near: readonly string[], trusted: Networks | undefined): FoundNear {
  const refused = new Set<string>();
  const allowed = (peer: Address) => mayDial(peer.ip, near, trusted) || !refused.add(addressText(peer));
  const kept = <R extends { peers: P[] }, P extends Address>(results: readonly R[]): R[] =>
    results
      .map((result) => ({ ...result, peers: result.peers.filter(allowed) }))
      .filter((result) => result.peers.length > 0);
  return { results: kept(found.results), unverified: kept(found.unverified), notDialled: [...refused] };
}

/** Why sources that there are were not asked: for those who wonder. */
export function notDialledText(addresses: readonly string[]): string {
  const named = addresses.slice(0, NAMED).join(', ');
  const more = addresses.length > NAMED ? ` and ${addresses.length - NAMED} more` : '';
  return `not dialled: ${named}${more}; ${SETTING} says which networks are allowed`;
}
