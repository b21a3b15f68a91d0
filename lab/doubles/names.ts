/** Programs of this folder that a scenario can put in a peer's place; each is `<name>.ts`. */
export const DOUBLES = ['byzantine-peer'] as const;
/** `prober` belongs to the conformance check (lab/conformance/): in a scenario it would do nothing. */
export type Double = (typeof DOUBLES)[number] | 'prober';

/**
 * What it sends instead of a range of a file.
 * - `none`: what was asked for
 * - `wrong-bytes`: the first byte of every chunk is another one
 * - `first-byte`, `middle-byte`, `last-byte`: one byte of the file is another one
 * - `short`: a byte less, and the status is OK
 * - `long`: a byte more
 * - `endless`: the range again and again, 1 GiB at most
 * - `silent`: one chunk, and then nothing
 */
export const LIES = [
  'none',
  'wrong-bytes',
  'first-byte',
  'middle-byte',
  'last-byte',
  'short',
  'long',
  'endless',
  'silent',
] as const;
export type Lie = (typeof LIES)[number];
