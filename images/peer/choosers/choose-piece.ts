/**
 * Which piece to fetch next: pure, for a peer and for a simulation of many. The rarest first, so that no piece gets lost when those who
 * have it leave, and everyone has something that others lack; at random among equals, so that not all run for the same one.
 */
export interface PieceChoice {
  /** Pieces that could be fetched now. */
  readonly candidates: Iterable<number>;
  /** How many are known to have it. */
  readonly rarity: (index: number) => number;
  /** What the source would like to send: taken unless there is something rarer. */
  readonly suggested?: number | undefined;
  /** From 0 up to 1. */
  readonly random: () => number;
}

export function choosePiece({ candidates, rarity, suggested, random }: PieceChoice): number | undefined {
  let chosen: number | undefined;
  let least = Number.POSITIVE_INFINITY;
  let equals = 0;
  for (const index of candidates) {
    const count = rarity(index);
    if (count > least) continue;
    if (count < least) {
      least = count;
      equals = 0;
      chosen = undefined;
    }
    equals++;
    if (index === suggested) chosen = index;
    // Each of the equals with the same chance, without a list of them.
    else if (chosen === undefined || (chosen !== suggested && random() * equals < 1)) chosen = index;
  }
  return chosen;
}
