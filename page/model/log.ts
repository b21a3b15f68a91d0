/**
 * A list that only grows. Moments of a run share it: adding to it costs nothing, and none of them sees what came after it.
 * It keeps the last `maxItems`, and says how many it left out.
 */
export class Log<T> implements Iterable<T> {
  readonly #items: T[];
  readonly #maxItems: number;
  readonly length: number;
  readonly leftOut: number;

  constructor(maxItems: number, items: T[] = [], leftOut = 0) {
    this.#items = items;
    this.#maxItems = maxItems;
    this.length = items.length;
    this.leftOut = leftOut;
  }

  /** Who adds to a moment of the past gets a list of its own from there on. */
  with(added: readonly T[]): Log<T> {
    if (added.length === 0) return this;
    const isLast = this.#items.length === this.length;
    const items = isLast ? this.#items : this.#items.slice(0, this.length);
    for (const one of added) items.push(one);
    if (items.length <= this.#maxItems) return new Log(this.#maxItems, items, this.leftOut);
    // Half of them at a time: the others are copied, which is not to happen at every item.
    const kept = items.slice(items.length - Math.ceil(this.#maxItems / 2));
    return new Log(this.#maxItems, kept, this.leftOut + items.length - kept.length);
  }

  at(index: number): T | undefined {
    return index < this.length ? this.#items[index] : undefined;
  }

  get last(): T | undefined {
    return this.at(this.length - 1);
  }

  /** The last ones, the latest first. */
  latest(count: number): T[] {
    return this.#items.slice(Math.max(0, this.length - count), this.length).reverse();
  }

  *[Symbol.iterator](): Iterator<T> {
    for (let index = 0; index < this.length; index++) yield this.#items[index] as T;
  }
}
