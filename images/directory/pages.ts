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
 * One page, in the code-unit order of `keys`. A page begins behind a key and not at a position, so what is there the
 * whole time is shown exactly once, whatever comes and goes between two pages.
 *
 * @param weigh how many files or sources an item carries; a page holds at least one item, however heavy
 */
export function pageOf<T>(
  keys: Iterable<string>,
  { limit, after }: PageRequest,
  make: (key: string) => T,
  weigh: (item: T) => number,
): Page<T> {
  const rest = after === undefined ? [...keys] : [...keys].filter((key) => key > after);
  const items: T[] = [];
  let weight = 0;
  let last = '';
  for (const key of rest.sort()) {
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
