import { PeerLabError } from '#proto/errors.ts';
import type { Place } from '../kept/place.ts';

/** Where the peer of a place is reached. @throws PeerLabError `not-standing` when its pod does not say where it is */
export function whereabouts(place: Place): { readonly url: string; readonly address: string } {
  const { address, controlPort } = place.state;
  if (address === null)
    throw new PeerLabError('not-standing', { about: place.url, expected: 'PEER_ADVERTISE in its settings' });
  const at = new URL(place.url);
  at.port = String(controlPort);
  return { url: at.origin, address };
}
