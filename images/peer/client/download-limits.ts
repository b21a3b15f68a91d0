import { Slots } from '#base/slots.ts';
import { BUDGET_BYTES, MAX_NEIGHBOURS } from '../choosers/pace.ts';

const MIB = 1024 * 1024;
/** Sources that one download asks at one time: more bring nothing to one receiver. */
const MAX_LANES = 8;
/** One source is asked for this number of ranges at the same time. More would share its connection, and only cost memory. */
const MAX_CALLS_EACH = 2;
/** Who shares a source with others asks for so much, and lets others have their turn. */
const FAIR_BYTES = 24 * MIB;
/** Files up to this size don't wait for a turn at a source: they would wait for its answer time, not for its bytes. */
const SMALL_BYTES = MIB;

/** The turns at one source: those who hold one, and those who wait, no more than lanes of the downloads under way. */
interface Queue {
  readonly slots: Slots;
  users: number;
}

/** How many sources, turns and bytes each download gets, so that all get their part and neither a slow disk nor many downloads fill the memory. */
export class DownloadLimits {
  /** Under way now. */
  downloads = 0;
  readonly #queues = new Map<string, Queue>();
  #pieceBytes = 0;

  /** Sources that a download may ask at one time, as of now. */
  get lanes(): number {
    return Math.max(1, Math.min(MAX_LANES, Math.floor(MAX_NEIGHBOURS / Math.max(1, this.downloads))));
  }

  /** Sources that a download may know at one time, those included that it asks only in turn. */
  get neighbours(): number {
    return Math.max(1, Math.floor(MAX_NEIGHBOURS / Math.max(1, this.downloads)));
  }

  /** Room for a piece that is asked for in turn; undefined while there is none. */
  piece(bytes: number): Disposable | undefined {
    if (this.#pieceBytes > 0 && this.#pieceBytes + bytes > BUDGET_BYTES) return undefined;
    this.#pieceBytes += bytes;
    return {
      [Symbol.dispose]: () => {
        this.#pieceBytes -= bytes;
      },
    };
  }

  /** Bytes that one call may ask for, as of now: without a limit for a call that is alone; otherwise a number that lets all get their turn, and that fits. */
  get shareBytes(): number {
    const [queue, another] = this.#queues.values();
    if (!another && (queue?.users ?? 0) <= 1) return Number.POSITIVE_INFINITY;
    // All calls to one source share the window of its connection.
    return Math.min(FAIR_BYTES, BUDGET_BYTES / this.#queues.size);
  }

  /** The turn to ask `address` for a range of a file of `sizeBytes`, held until disposed; in the order they came. @throws PeerLabError `cancelled` */
  async turn(address: string, sizeBytes: number, signal: AbortSignal): Promise<Disposable> {
    const queue = this.#queues.get(address) ?? { slots: new Slots(MAX_CALLS_EACH, Number.POSITIVE_INFINITY), users: 0 };
    this.#queues.set(address, queue);
    queue.users++;
    const leave = () => {
      if (--queue.users === 0) this.#queues.delete(address);
    };
    if (sizeBytes <= SMALL_BYTES) return { [Symbol.dispose]: leave };
    try {
      const slot = await queue.slots.take(signal);
      return {
        [Symbol.dispose]: () => {
          slot[Symbol.dispose]();
          leave();
        },
      };
    } catch (error) {
      leave();
      throw error;
    }
  }
}
