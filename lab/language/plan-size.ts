import { PeerLabError } from '#proto/errors.ts';

/**
 * A PLAN HAS A SIZE. It is laid out in memory before anything starts, so all that grows in it is counted before it is made.
 * More than these are a slip, or a case for smaller rounds.
 */
export const PLAN_LIMITS = {
  peers: 10_000,
  /** In all shares at the start, copies counted: as many as a directory takes. */
  files: 1_000_000,
  operations: 2_000_000,
  /** Steps, those of every round and peer, the turns of peers in them, and what is remembered for a `repeat` for a time. */
  turns: 2_000_000,
  /** Looks at a file for a peer, while a step chooses: what bounds the time. */
  looks: 2_000_000,
} as const;
type Growing = keyof typeof PLAN_LIMITS;

const WHAT: Record<Growing, string> = {
  peers: 'peers',
  files: 'files in all shares',
  operations: 'operations',
  turns: 'steps and turns of peers',
  looks: 'looks at a file for a peer, to choose it or not',
};

export class PlanSize {
  readonly #taken: Partial<Record<Growing, number>> = {};

  /**
   * To be called before it is made.
   * @param expected how many it will be, as far as that is known
   * @throws PeerLabError `plan-too-large`
   */
  add(what: Growing, count: number, expected = count): void {
    const taken = this.#taken[what] ?? 0;
    const limit = PLAN_LIMITS[what];
    if (taken + count > limit) {
      const got = `${expected > count ? 'about ' : ''}${taken + expected}`;
      throw new PeerLabError('plan-too-large', { expected: `at most ${limit} ${WHAT[what]}`, got });
    }
    this.#taken[what] = taken + count;
  }
}
