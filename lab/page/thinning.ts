import type { LeftOut } from '../../page/report/data.ts';
import type { EventOf } from '../history/run-event.ts';

/** LESS OF WHAT A RUN MAY HAVE A LOT OF, without a drawing becoming wrong: only coarser. */

/** Series that drawings are made of. */
const SERIES: ReadonlySet<string> = new Set([
  'peerlab_transfer_bytes_total{direction="received"}',
  'peerlab_transfers_in_progress{direction="sent"}',
  'peerlab_logged_in',
  'peerlab_directory_peers_online',
  'peerlab_directory_files_indexed',
]);
/** As many records as are wanted, of each instance the same part, spread evenly, and of each the last: counters end there. */
export class Thinning {
  readonly #counts: ReadonlyMap<string, number>;
  readonly #part: number;
  readonly #seen = new Map<string, number>();
  readonly #all: number;
  #taken = 0;

  private constructor(counts: ReadonlyMap<string, number>, all: number, limit: number) {
    this.#counts = counts;
    this.#all = all;
    this.#part = Math.min(1, limit / Math.max(1, all));
  }

  static async of<T>(lines: AsyncIterable<T>, limit: number, instanceOf: (line: T) => string): Promise<Thinning> {
    const counts = new Map<string, number>();
    let all = 0;
    try {
      for await (const line of lines) {
        const instance = instanceOf(line);
        counts.set(instance, (counts.get(instance) ?? 0) + 1);
        all++;
      }
    } catch {
      // What stands before the flaw is shown; the verdict says that the file is damaged.
    }
    return new Thinning(counts, all, limit);
  }

  takes(instance: string): boolean {
    const seen = (this.#seen.get(instance) ?? 0) + 1;
    this.#seen.set(instance, seen);
    const isNext = Math.floor(seen * this.#part) > Math.floor((seen - 1) * this.#part);
    const isTaken = isNext || seen === this.#counts.get(instance);
    if (isTaken) this.#taken++;
    return isTaken;
  }

  leftOut(what: LeftOut['what'], file: string): LeftOut[] {
    return this.#part === 1 ? [] : [{ what, shown: this.#taken, all: this.#all, file }];
  }
}

/** A sample says what has changed since the one before: what one says that is left out, the next one says. */
export class Carried {
  readonly #values = new Map<string, EventOf<'sample'>['values']>();

  thinned(event: EventOf<'sample'>, samples: Thinning): EventOf<'sample'> | undefined {
    const { instance } = event;
    const drawn = Object.fromEntries(Object.entries(event.values).filter(([name]) => SERIES.has(name)));
    const values = { ...this.#values.get(instance), ...drawn };
    this.#values.set(instance, values);
    if (!samples.takes(instance)) return undefined;
    this.#values.delete(instance);
    return Object.keys(values).length > 0 ? { ...event, values } : undefined;
  }
}
