/**
 * Who is on its way to which content: apart from who has it, and found by the content's root alone. It is told by those who fetch, lasts no
 * longer than they are logged in, and is kept nowhere: who fetches says it again.
 */

/** Contents that one peer may be on its way to; what it says beyond that is forgotten. */
const MAX_CONTENTS = 1000;

export class Swarms<P extends object> {
  readonly #byRoot = new Map<string, Crowd<P>>();
  readonly #rootsOf = new Map<P, Set<string>>();
  readonly #random: () => number;

  constructor(random: () => number = Math.random) {
    this.#random = random;
  }

  enter(peer: P, root: string): void {
    const roots = this.#rootsOf.get(peer) ?? new Set();
    if (roots.size >= MAX_CONTENTS && !roots.has(root)) return;
    this.#rootsOf.set(peer, roots.add(root));
    const crowd = this.#byRoot.get(root) ?? new Crowd<P>();
    this.#byRoot.set(root, crowd);
    crowd.add(peer);
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
    // One more, for the asker may be among them.
    const some = this.#byRoot.get(root)?.draw(most + 1, this.#random) ?? [];
    return some.filter((one) => one !== asker).slice(0, most);
  }
}

/** A set of which some can be drawn without looking at all. */
class Crowd<P> {
  readonly #all: P[] = [];
  readonly #placeOf = new Map<P, number>();

  get size(): number {
    return this.#all.length;
  }

  add(one: P): void {
    if (!this.#placeOf.has(one)) this.#put(one, this.#all.length);
  }

  delete(one: P): void {
    const place = this.#placeOf.get(one);
    if (place === undefined) return;
    this.#placeOf.delete(one);
    const last = this.#all.pop() as P;
    if (last !== one) this.#put(last, place);
  }

  /** The first steps of a shuffle (Fisher and Yates), which leaves those drawn in front. */
  draw(most: number, random: () => number): P[] {
    const count = Math.min(most, this.#all.length);
    for (let i = 0; i < count; i++) {
      const j = i + Math.floor(random() * (this.#all.length - i));
      const [one, other] = [this.#all[i] as P, this.#all[j] as P];
      this.#put(other, i);
      this.#put(one, j);
    }
    return this.#all.slice(0, count);
  }

  #put(one: P, place: number): void {
    this.#all[place] = one;
    this.#placeOf.set(one, place);
  }
}
