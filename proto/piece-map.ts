import { z } from 'zod';

/** The most places that a map of pieces has: of a file of more pieces, each place stands for several in a row. */
export const MAX_MAP_PLACES = 128;
/** Contents that a peer tells of at one time. */
export const MAX_MAPPED_CONTENTS = 16;

const count = z.number().int().nonnegative();

/**
 * How much a peer has of a content that it is fetching in pieces. `name`: what it will store it as; `there`: pieces that were checked and
 * are on the disk; `map`: a digit for each place, 0 when none of its pieces is there, 9 when all are.
 */
export const pieceMap = z.object({
  name: z.string(),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  size: count,
  pieces: count,
  there: count,
  map: z.string().regex(new RegExp(`^[0-9]{1,${MAX_MAP_PLACES}}$`)),
});
export type PieceMap = z.output<typeof pieceMap>;
