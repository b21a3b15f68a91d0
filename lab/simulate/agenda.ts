/** Something that will happen, unless it is called off. */
export interface Entry {
  readonly atMs: number;
  /** Among those of the same time, the one that was entered first happens first. */
  readonly order: number;
  act: (() => void) | undefined;
}

/** Delays that have a line of their own. */
const MAX_LINES = 16;

/**
 * What happens when: the clock of a simulation jumps from one entry to the next. Nearly all are due after one of a few delays, such as a
 * message's: those stand in line, for nobody overtakes whoever has the same delay. Only the others need a heap.
 */
export class Agenda {
  readonly #heap = new Heap();
  readonly #lines = new Map<number, Line>();
  #entered = 0;
  #nowMs = 0;
  #happened = 0;

  get nowMs(): number {
    return this.#nowMs;
  }

  get happened(): number {
    return this.#happened;
  }

  /** After one of a few delays. */
  after(ms: number, act: () => void): Entry {
    const entry = { atMs: this.#nowMs + ms, order: this.#entered++, act };
    const line = this.#lines.get(ms) ?? this.#newLine(ms);
    if (line) line.push(entry);
    else this.#heap.push(entry);
    return entry;
  }

  /** At any time. What would be in the past happens now. */
  at(ms: number, act: () => void): Entry {
    const entry = { atMs: Math.max(ms, this.#nowMs), order: this.#entered++, act };
    this.#heap.push(entry);
    return entry;
  }

  /** Lets things happen until nothing is left, or the time is up. */
  run(untilMs: number): void {
    for (;;) {
      let queue: Line | Heap = this.#heap;
      let next = this.#heap.first;
      for (const line of this.#lines.values()) {
        const { first } = line;
        if (first && (!next || isBefore(first, next))) {
          next = first;
          queue = line;
        }
      }
      if (!next || next.atMs > untilMs) return;
      queue.shift();
      const { act } = next;
      // What was called off stays where it is until it is due: to take it out would cost more.
      if (!act) continue;
      this.#nowMs = next.atMs;
      this.#happened++;
      act();
    }
  }

  #newLine(ms: number): Line | undefined {
    if (this.#lines.size >= MAX_LINES) return undefined;
    const line = new Line();
    this.#lines.set(ms, line);
    return line;
  }
}

/** Once this number has left, the array is cut. */
const CUT_LENGTH = 4096;

/** First in, first out. */
class Line {
  #entries: (Entry | undefined)[] = [];
  #head = 0;

  get first(): Entry | undefined {
    return this.#entries[this.#head];
  }

  push(entry: Entry): void {
    this.#entries.push(entry);
  }

  shift(): void {
    this.#entries[this.#head++] = undefined;
    if (this.#head < CUT_LENGTH || 2 * this.#head < this.#entries.length) return;
    this.#entries = this.#entries.slice(this.#head);
    this.#head = 0;
  }
}

/** A binary heap: the first of all is at the top. */
class Heap {
  readonly #entries: Entry[] = [];

  get first(): Entry | undefined {
    return this.#entries[0];
  }

  push(entry: Entry): void {
    const entries = this.#entries;
    let at = entries.length;
    entries.push(entry);
    while (at > 0) {
      const up = (at - 1) >> 1;
      const parent = entries[up] as Entry;
      if (!isBefore(entry, parent)) break;
      entries[at] = parent;
      at = up;
    }
    entries[at] = entry;
  }

  shift(): void {
    const entries = this.#entries;
    const last = entries.pop() as Entry;
    const size = entries.length;
    if (size === 0) return;
    let at = 0;
    for (;;) {
      let down = 2 * at + 1;
      if (down >= size) break;
      if (down + 1 < size && isBefore(entries[down + 1] as Entry, entries[down] as Entry)) down++;
      const child = entries[down] as Entry;
      if (!isBefore(child, last)) break;
      entries[at] = child;
      at = down;
    }
    entries[at] = last;
  }
}

function isBefore(one: Entry, other: Entry): boolean {
  return one.atMs < other.atMs || (one.atMs === other.atMs && one.order < other.order);
}
