import type { PeerLoad } from '#proto/directory-api.ts';

/**
 * Which sources come first in an answer: those from which one more download can expect most. A peer that serves n
 * transfers shares what it can send with one more, so that is its speed by n + 1. Peers within a factor of two count as
 * equal: small changes must not make everyone run to another peer.
 */

/** What is assumed of a peer that has not said anything: neither among the best nor among the worst. */
const USUAL_BYTES_PER_SECOND = 16 * 1024 * 1024;
/** Nobody gets ahead by a claim that no machine keeps. */
const BEST_BYTES_PER_SECOND = 16 * 1024 * 1024 * 1024;

/** Of a peer that takes no more transfers now. */
const FULL_RANK = -1;

export const UNKNOWN_RANK = rankOf({});

/** The higher the better. */
export function rankOf({ serving = 0, capacity, bytesPerSecond = USUAL_BYTES_PER_SECOND }: PeerLoad): number {
  if (capacity !== undefined && serving >= capacity) return FULL_RANK;
  const share = Math.min(bytesPerSecond, BEST_BYTES_PER_SECOND) / (serving + 1);
  return Math.max(0, Math.round(Math.log2(share + 1)));
}

/** Best first; equals in the order of their addresses, so that the same question has the same answer. */
export function compareRank(
  a: { readonly rank: number; readonly address: string },
  b: { readonly rank: number; readonly address: string },
): number {
  return b.rank - a.rank || (a.address < b.address ? -1 : 1);
}
