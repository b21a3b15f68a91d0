/**
 * Who is on its way to which content: apart from who has it, and found by the content's root alone. It is told by those who fetch, lasts no
 * longer than they are logged in, and is kept nowhere: who fetches says it again.
 */

/** Contents that one peer may be on its way to; what it says beyond that is forgotten. */
const MAX_CONTENTS = 1000;

export class Swarms<P extends object> {
  readonly #byRoot = new Map<string, Set<P>>();
  readonly #rootsOf = new Map<P, Set<string>>();
  readonly #random: () => number;

  constructor(random: () => number = Math.random) {
    this.#random = random;
  }

  enter(peer: P, root: string): void {
    const roots = this.#rootsOf.get(peer) ?? new Set();
    if (roots.size >= MAX_CONTENTS && !roots.has(root)) return;
    this.#rootsOf.set(peer, roots.add(root));
    const crowd = this.#byRoot.get(root) ?? new Set();
    this.#byRoot.set(root, crowd.add(peer));
  }

  leave(peer: P, root: string): void {
    const [roots, crowd] = [this.#rootsOf.get(peer), this.#byRoot.get(root)];
    roots?.delete(root);
    if (roots?.size === 0) this.#rootsOf.delete(peer);
    crowd?.delete(peer);
    if (crowd?.size === 0) this.#byRoot.delete(root);
  }

  leaveAll(peer: P): void {
    for (const root of [...(this.#rootsOf.get(peer) ?? [])]) this.leave(peer, root);
  }

  /** Some of the others, at random: so each who asks meets others, and the crowd stays in one piece. */
  others(asker: P, root: string, most: number): P[] {
    const all = [...(this.#byRoot.get(root) ?? [])].filter((one) => one !== asker);
    for (let i = 0; i < Math.min(most, all.length); i++) {
      const j = i + Math.floor(this.#random() * (all.length - i));
      [all[i], all[j]] = [all[j] as P, all[i] as P];
    }
    return all.slice(0, most);
  }
}
