/** Something that will happen, unless it is called off. */
export interface Entry {
  readonly atMs: number;
  /** Among those of the same time, the one that was entered first happens first. */
  readonly order: number;
  act: (() => void) | undefined;
}

/** What happens when: the clock of a simulation jumps from one entry to the next (a binary heap). */
export class Agenda {
  readonly #heap: Entry[] = [];
  #entered = 0;
  #nowMs = 0;
  #happened = 0;

  get nowMs(): number {
    return this.#nowMs;
  }

  get happened(): number {
    return this.#happened;
  }

  after(ms: number, act: () => void): Entry {
    return this.at(this.#nowMs + ms, act);
  }

  /** What would be in the past happens now. */
  at(ms: number, act: () => void): Entry {
    const entry: Entry = { atMs: Math.max(ms, this.#nowMs), order: this.#entered++, act };
    this.#rise(entry);
    return entry;
  }

  /** Lets things happen until nothing is left, or the time is up. */
  run(untilMs: number): void {
    for (;;) {
      const next = this.#heap[0];
      if (!next || next.atMs > untilMs) return;
      this.#takeFirst();
      const { act } = next;
      // What was called off stays in the heap until it is due: to take it out would cost more.
      if (!act) continue;
      this.#nowMs = next.atMs;
      this.#happened++;
      act();
    }
  }

  #rise(entry: Entry): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(entry);
    while (at > 0) {
      const up = (at - 1) >> 1;
      const parent = heap[up] as Entry;
      if (!isBefore(entry, parent)) break;
      heap[at] = parent;
      at = up;
    }
    heap[at] = entry;
  }

  #takeFirst(): void {
    const heap = this.#heap;
    const last = heap.pop() as Entry;
    const size = heap.length;
    if (size === 0) return;
    let at = 0;
    for (;;) {
      let down = 2 * at + 1;
      if (down >= size) break;
      if (down + 1 < size && isBefore(heap[down + 1] as Entry, heap[down] as Entry)) down++;
      const child = heap[down] as Entry;
      if (!isBefore(child, last)) break;
      heap[at] = child;
      at = down;
    }
    heap[at] = last;
  }
}

function isBefore(one: Entry, other: Entry): boolean {
  return one.atMs < other.atMs || (one.atMs === other.atMs && one.order < other.order);
}
