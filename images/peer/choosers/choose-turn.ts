/**
 * Whom to serve next: pure, for a peer and for a simulation of many. Who was served longest ago comes first: so everyone who asks gets the
 * same, whoever came when, and nobody starves.
 */

/** Somebody who waits for a turn. */
export interface Waiter {
  /** The place in the order of turns in which it was served last, or came. */
  readonly lastTurn: number;
  /** Bytes that this peer got from it lately. */
  readonly gave: number;
}

/** With reciprocity, one turn of this number is for whoever was served longest ago, whatever it gave: how else would a newcomer get its first piece? */
const OPTIMISTIC_EVERY = 4;

/**
 * @param turn number of the turn that is given
 * @param reciprocity who gives more is served first
 */
export function chooseWaiter<W extends Waiter>(
  waiting: Iterable<W>,
  turn: number,
  reciprocity: boolean,
): W | undefined {
  const byGift = reciprocity && turn % OPTIMISTIC_EVERY !== 0;
  let best: W | undefined;
  for (const one of waiting) if (!best || comesFirst(one, best, byGift)) best = one;
  return best;
}

function comesFirst(one: Waiter, other: Waiter, byGift: boolean): boolean {
  if (byGift && one.gave !== other.gave) return one.gave > other.gave;
  return one.lastTurn < other.lastTurn;
}
