/** WHAT NO CROWD CAN BEAT: results of the literature, beside which a simulation is shown. */

export interface Links {
  readonly sizeBytes: number;
  /** Bytes a second, of all who have the file from the start. */
  readonly seederUpload: number;
  readonly leechers: readonly { readonly upload: number; readonly download?: number | undefined }[];
}

/**
 * Kumar and Ross (2006): each byte must leave the seeder once, the slowest must receive all, and all copies must pass through all links.
 * Bytes are taken for a fluid.
 */
export function fluidBoundSeconds({ sizeBytes, seederUpload, leechers }: Links): number {
  const all = leechers.reduce((sum, { upload }) => sum + upload, seederUpload);
  const slowest = leechers.reduce(
    (least, { download = Number.POSITIVE_INFINITY }) => Math.min(least, download),
    Number.POSITIVE_INFINITY,
  );
  return Math.max(sizeBytes / seederUpload, sizeBytes / slowest, (leechers.length * sizeBytes) / all);
}

/**
 * Mundinger, Weber and Weiss (2006): the shortest time in which a file in `pieces` parts gets from one to `leechers` others, if all can send
 * the same, a part at a time. Undefined where they can not all send the same, or where there is more than one seeder.
 */
export function optimalBroadcastSeconds(
  { sizeBytes, seederUpload, leechers }: Links,
  pieces: number,
): number | undefined {
  if (leechers.some(({ upload }) => upload !== seederUpload)) return undefined;
  return (sizeBytes / seederUpload) * (1 + Math.floor(Math.log2(leechers.length)) / pieces);
}

/** Jain's index: 1 when all gave the same, 1/n when one gave everything. */
export function jainOf(given: readonly number[]): number {
  const sum = given.reduce((total, one) => total + one, 0);
  const squares = given.reduce((total, one) => total + one * one, 0);
  return squares === 0 ? 1 : (sum * sum) / (given.length * squares);
}
