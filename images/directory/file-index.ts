import { globMatcher, isGlob } from '#proto/names.ts';
import type { PageKeys } from './pages.ts';

/** One content, with everybody who holds it. */
export interface Content<H> {
  readonly sha256: string;
  /** @internal only the index changes it */
  copies: Copy<H>[];
}

/** One file at one holder. */
export interface Copy<H> {
  readonly holder: H;
  readonly naming: Naming<H>;
  readonly size: number;
  readonly root: string | undefined;
  /** Its place in the content's list. */
  at: number;
  /** The JSON of an answer that tells of this copy alone, once there was one: what it tells never changes. */
  toldAlone: string | undefined;
}

/** A content under one name, however many hold it so: names and hashes are kept once. */
interface Naming<H> {
  readonly name: string;
  readonly content: Content<H>;
  /** Its row in the table that globs are searched in. */
  readonly row: number;
  copies: number;
  /** The copy, while there is no other of the content under any name. The content leads to it, too, in four steps. */
  only: Copy<H> | undefined;
}

/** Which copies a search by name is after. */
export interface NameQuery {
  readonly text: string;
  readonly matches: (name: string) => boolean;
  readonly kind: 'exact' | 'glob' | 'prefix';
}

/** A quarter of a second on a slow machine, in which nobody else is answered; a million names of 30 letters take half of it. */
const MAX_GLOB_STEPS = 50_000_000;

export function nameQuery(text: string): NameQuery {
  return isGlob(text)
    ? { text, matches: globMatcher(text, MAX_GLOB_STEPS), kind: 'glob' }
    : { text, matches: (name) => name === text, kind: 'exact' };
}

export function prefixQuery(text: string): NameQuery {
  return { text, matches: (name) => name.startsWith(text), kind: 'prefix' };
}

/** Files by name, by content and by root. A hash or a name leads straight to its copies; globs go through a compact table. */
export class FileIndex<H> {
  readonly #byName = new Map<string, Naming<H> | Naming<H>[]>();
  readonly #bySha256 = new Map<string, Content<H>>();
  readonly #byRoot = new Map<string, Set<Copy<H>>>();
  readonly #table = new NameTable<Naming<H>>();
  #copies = 0;

  get copies(): number {
    return this.#copies;
  }

  add(holder: H, file: { name: string; sha256: string; size: number; root?: string | undefined }): Copy<H> {
    const naming = this.#naming(file.name, file.sha256);
    const { content } = naming;
    const at = content.copies.length;
    const copy = { holder, naming, size: file.size, root: file.root, at, toldAlone: undefined };
    // V8 makes room for 17 in an empty list that gets its first: 13 MiB for 100,000 contents of one copy.
    if (at === 0) content.copies = [copy];
    else content.copies.push(copy);
    naming.copies++;
    noteOnly(content);
    this.#copies++;
    if (copy.root !== undefined) setOf(this.#byRoot, copy.root).add(copy);
    return copy;
  }

  remove(copy: Copy<H>): void {
    const { naming, root } = copy;
    const { copies, sha256 } = naming.content;
    // The last one takes the place that gets free: nothing has to move up.
    const last = copies.pop() as Copy<H>;
    if (last !== copy) {
      copies[copy.at] = last;
      last.at = copy.at;
    }
    noteOnly(naming.content);
    this.#copies--;
    if (--naming.copies === 0) this.#forget(naming);
    if (copies.length === 0) this.#bySha256.delete(sha256);
    if (root === undefined) return;
    const sharing = this.#byRoot.get(root);
    sharing?.delete(copy);
    if (sharing?.size === 0) this.#byRoot.delete(root);
  }

  content(sha256: string): Content<H> | undefined {
    return this.#bySha256.get(sha256);
  }

  /** The copy of exactly this name, when one content goes by it and nobody else has that content, under any name. */
  onlyCopy(name: string): Copy<H> | undefined {
    const naming = this.#byName.get(name);
    return naming === undefined || Array.isArray(naming) ? undefined : naming.only;
  }

  /** Every copy of exactly this name. */
  named(name: string): Copy<H>[] {
    return listed(this.#byName.get(name)).flatMap((naming) =>
      naming.content.copies.filter((copy) => copy.naming === naming),
    );
  }

  /** Offers the hash of each content for which somebody announced this root. */
  offerRoot(root: string, keys: PageKeys): void {
    for (const { naming } of this.#byRoot.get(root) ?? []) keys.offer(naming.content.sha256);
  }

  /** Offers the hash of each content that goes by a matching name somewhere. */
  offerNamed(query: NameQuery, keys: PageKeys, bound: HashBound): void {
    if (query.kind === 'exact') {
      for (const { content } of listed(this.#byName.get(query.text))) keys.offer(content.sha256);
      return;
    }
    this.#table.scan(query, bound, ({ content }) => keys.offer(content.sha256));
  }

  #naming(name: string, sha256: string): Naming<H> {
    const known = listed(this.#byName.get(name));
    const found = known.find(({ content }) => content.sha256 === sha256);
    if (found) return found;
    let content = this.#bySha256.get(sha256);
    if (!content) {
      content = { sha256, copies: [] };
      this.#bySha256.set(sha256, content);
    }
    const naming: Naming<H> = { name, content, row: this.#table.nextRow(), copies: 0, only: undefined };
    this.#table.fill(naming);
    this.#byName.set(name, known.length === 0 ? naming : [...known, naming]);
    return naming;
  }

  #forget(naming: Naming<H>): void {
    const rest = listed(this.#byName.get(naming.name)).filter((one) => one !== naming);
    const [only] = rest;
    if (!only) this.#byName.delete(naming.name);
    else this.#byName.set(naming.name, rest.length === 1 ? only : rest);
    this.#table.clear(naming.row);
  }
}

/** The highest hash that a page still wants, as a number: compared for each of 100,000 names, so it must cost nothing. */
export class HashBound {
  #order = Number.POSITIVE_INFINITY;

  get order(): number {
    return this.#order;
  }

  lower(sha256: string): void {
    this.#order = orderOf(sha256);
  }
}

/** 48 bits of the hash: those of different order are ordered alike; those of the same are left to a closer look. */
function orderOf(sha256: string): number {
  return Number.parseInt(sha256.slice(0, 12), 16);
}

const ROWS_AT_FIRST = 1024;

/**
 * Every name of every content in rows of numbers. For each name 64 bits say which pairs of characters it holds; a pattern
 * with a pair that a name does not hold can't match, so few names are looked at one by one.
 */
class NameTable<
  T extends { readonly name: string; readonly content: { readonly sha256: string }; readonly row: number },
> {
  #items: (T | undefined)[] = [];
  readonly #free: number[] = [];
  #low = new Uint32Array(ROWS_AT_FIRST);
  #high = new Uint32Array(ROWS_AT_FIRST);
  #order = new Float64Array(ROWS_AT_FIRST);

  nextRow(): number {
    return this.#free.pop() ?? this.#items.push(undefined) - 1;
  }

  fill(item: T): void {
    const { row } = item;
    if (row >= this.#low.length) this.#grow();
    const { low, high } = pairsOf([`\0${item.name}\0`]);
    this.#items[row] = item;
    this.#low[row] = low;
    this.#high[row] = high;
    this.#order[row] = orderOf(item.content.sha256);
  }

  clear(row: number): void {
    this.#items[row] = undefined;
    this.#free.push(row);
  }

  scan(query: NameQuery, bound: HashBound, found: (item: T) => void): void {
    const { low, high } = pairsOf(query.kind === 'prefix' ? [`\0${query.text}`] : `\0${query.text}\0`.split(/[*?]+/));
    const items = this.#items;
    for (let row = 0; row < items.length; row++) {
      if (((this.#low[row] as number) & low) >>> 0 !== low) continue;
      if (((this.#high[row] as number) & high) >>> 0 !== high) continue;
      if ((this.#order[row] as number) > bound.order) continue;
      const item = items[row];
      if (item && query.matches(item.name)) found(item);
    }
  }

  #grow(): void {
    const rows = 2 * this.#low.length;
    this.#low = copyInto(new Uint32Array(rows), this.#low);
    this.#high = copyInto(new Uint32Array(rows), this.#high);
    this.#order = copyInto(new Float64Array(rows), this.#order);
  }
}

/** Of all copies of a content the first is enough to look at: no other is ever the only one. */
function noteOnly<H>({ copies }: Content<H>): void {
  const [first] = copies;
  if (first) first.naming.only = copies.length === 1 ? first : undefined;
}

/** One bit of 64 for each pair of neighbours in the texts. */
function pairsOf(texts: readonly string[]): { low: number; high: number } {
  let low = 0;
  let high = 0;
  for (const text of texts) {
    for (let i = 1; i < text.length; i++) {
      // Fibonacci hashing: the upper six bits of a product with 2^32 divided by the golden ratio.
      const bit = Math.imul((text.charCodeAt(i - 1) << 8) ^ text.charCodeAt(i), 0x9e3779b1) >>> 26;
      if (bit < 32) low |= 1 << bit;
      else high |= 1 << (bit - 32);
    }
  }
  return { low: low >>> 0, high: high >>> 0 };
}

function copyInto<A extends Uint32Array | Float64Array>(target: A, source: A): A {
  target.set(source);
  return target;
}

/** Nearly every name stands for one content: a list for each would cost more than all else here. */
function listed<T>(value: T | T[] | undefined): T[] {
  return value === undefined ? [] : Array.isArray(value) ? value : [value];
}

function setOf<T>(map: Map<string, Set<T>>, key: string): Set<T> {
  const known = map.get(key);
  if (known) return known;
  const made = new Set<T>();
  map.set(key, made);
  return made;
}
