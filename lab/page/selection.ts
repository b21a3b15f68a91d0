import { SHOWN_SLOWEST, slowestOf } from '../../page/model/slowest.ts';
import type { LeftOut } from '../../page/report/data.ts';
import type { OperationEvent } from '../history/events.ts';
import type { ResultsFolder } from '../history/results-folder.ts';

/** Of the operations that a page shows, at most this part are failed ones: one mistake may fail them all. */
const FAILED_PART = 0.25;

/**
 * Which operations of a run go into its report: all of them, where they fit. Otherwise the slowest, some of those that failed,
 * transfers before others, and of what is left the first that fit.
 */
export class Selection {
  readonly #ids: ReadonlySet<number> | undefined;
  readonly #all: number;

  private constructor(ids: ReadonlySet<number> | undefined, all: number) {
    this.#ids = ids;
    this.#all = all;
  }

  /** The operations to show, and the slowest of them. */
  static async of(
    folder: ResultsFolder,
    limit: number,
  ): Promise<{ operations: Selection; slowest: readonly OperationEvent[] }> {
    const known: { readonly id: number; readonly rank: number }[] = [];
    let slowest: OperationEvent[] = [];
    let failed = 0;
    try {
      for await (const operation of folder.readLines('events.ndjson')) {
        slowest = slowestOf([...slowest, operation], SHOWN_SLOWEST);
        const isFailed = operation.outcome === 'failed' && ++failed <= limit * FAILED_PART;
        const isTransfer = operation.operation === 'download' || operation.operation === 'upload';
        known.push({ id: operation.id, rank: isFailed ? 0 : isTransfer ? 1 : 2 });
      }
    } catch {
      // What stands before the flaw is shown; the verdict says that the file is damaged.
    }
    if (known.length <= limit) return { operations: new Selection(undefined, known.length), slowest };
    const ids = new Set(slowest.map(({ id }) => id));
    for (const { id } of known.sort((a, b) => a.rank - b.rank)) {
      if (ids.size >= limit) break;
      ids.add(id);
    }
    return { operations: new Selection(ids, known.length), slowest };
  }

  has(id: number): boolean {
    return this.#ids?.has(id) ?? true;
  }

  leftOut(what: LeftOut['what'], file: string): LeftOut[] {
    return this.#ids === undefined ? [] : [{ what, shown: this.#ids.size, all: this.#all, file }];
  }
}
