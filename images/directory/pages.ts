import { PeerLabError } from '#proto/errors.ts';

/** What part of a long answer is wanted: at most `limit` items, those whose key comes behind `after`. */
export interface PageRequest {
  limit: number;
  after?: string | undefined;
}

/** `next` is the key of the last item where more follow: the `after` of the next page. */
export interface Page<T> {
  items: T[];
  next?: string;
}

/** Files or sources on one page, after which it ends early: 1,000 contents at 1,000 peers each must not become one answer. */
const MAX_PAGE_WEIGHT = 10_000;

/**
 * The keys of one page, chosen among all that are offered: the first in code-unit order that come behind `after`, each
 * once, and one more, so that the page knows whether it is the last. All keys are never sorted, nor even kept.
 */
export class PageKeys {
  readonly #count: number;
  readonly #after: string | undefined;
  readonly #onBound: ((bound: string) => void) | undefined;
  #kept: string[] = [];
  #bound: string | undefined;

  /** @param onBound told whenever it is known that keys above `bound` are not wanted any more */
  constructor({ limit, after }: PageRequest, onBound?: (bound: string) => void) {
    this.#count = limit + 1;
    this.#after = after;
    this.#onBound = onBound;
  }

  offer(key: string): void {
    if (this.#after !== undefined && key <= this.#after) return;
    if (this.#bound !== undefined && key >= this.#bound) return;
    this.#kept.push(key);
    // Sorted when there are twice as many as needed, the cost of a key is the logarithm of the page, not of the index.
    if (this.#kept.length >= 2 * this.#count) this.#cut();
  }

  inOrder(): readonly string[] {
    this.#cut();
    return this.#kept;
  }

  #cut(): void {
    // Most questions have one answer, or none: nothing to put in order.
    if (this.#kept.length < 2 && this.#count > 1) return;
    this.#kept = [...new Set(this.#kept)].sort().slice(0, this.#count);
    if (this.#kept.length < this.#count) return;
    this.#bound = this.#kept.at(-1) as string;
    this.#onBound?.(this.#bound);
  }
}

/**
 * One page, made of `keys`. A page begins behind a key and not at a position, so what is there the whole time is shown
 * exactly once, whatever comes and goes between two pages.
 *
 * @param weigh how many files or sources an item carries; a page holds at least one item, however heavy
 */
export function pageOf<T>(
  keys: PageKeys,
  limit: number,
  make: (key: string) => T,
  weigh: (item: T) => number,
): Page<T> {
  const items: T[] = [];
  let weight = 0;
  let last = '';
  for (const key of keys.inOrder()) {
    if (items.length === limit || weight >= MAX_PAGE_WEIGHT) return { items, next: last };
    const item = make(key);
    items.push(item);
    weight += weigh(item);
    last = key;
  }
  return { items };
}

/** A key as clients see it: base64url, so that nobody takes it for something to build by hand. */
export function cursorFrom(key: string): string {
  return Buffer.from(key).toString('base64url');
}

/** @throws PeerLabError `bad-request` when `cursorFrom` can't have made `cursor` */
export function keyFrom(cursor: string): string {
  const key = Buffer.from(cursor, 'base64url').toString();
  if (cursor === '' || cursorFrom(key) !== cursor) {
    throw new PeerLabError('bad-request', { about: 'cursor', expected: 'the "next" of the page before' });
  }
  return key;
}
