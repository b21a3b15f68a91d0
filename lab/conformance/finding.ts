/** HOW A CHECK ENDS when the rule was not seen kept. A check that comes back without a throw has seen it kept. */

export interface Evidence {
  /** What the lab did. */
  readonly asked: string;
  readonly expected: string;
  readonly came: string;
  /** Where what came says more than the rule does. */
  readonly hint?: string;
}

/** The peer broke the rule. */
export class Broken extends Error {
  readonly evidence: Evidence;

  constructor(evidence: Evidence) {
    super(`${evidence.asked}: expected ${evidence.expected}, got ${evidence.came}`);
    this.evidence = evidence;
  }
}

/** The peer does not have what the rule is about, and says so in the way that the contract knows. */
export class NotBrought extends Error {}

/** The rule could not be looked at: something before it failed, or the lab or the machine had trouble. Nobody is blamed. */
export class NotSeen extends Error {}

/** @throws Broken unless it holds */
export function hold(holds: boolean, evidence: () => Evidence): asserts holds {
  if (!holds) throw new Broken(evidence());
}
