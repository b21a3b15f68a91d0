import type { PeerLabError } from '#proto/errors.ts';
import type { Registration } from '../registry.ts';
import type { Kind } from './state.ts';

/**
 * HOW THE MEMORY IS KEPT: not at all, on this machine's disk (journal.ts), or in a database that other directories use at
 * the same time (replica.ts). Whoever changes the memory does it inside `change`.
 */
export interface Keeping {
  /**
   * Calls `work`, which changes the memory, and resolves with what it returns when that is kept. Where others change the state
   * too, `work` runs when the memory knows all that they did, and none of them does anything meanwhile.
   * @throws what `work` throws; PeerLabError `storage-failed`, `database-away`, `busy`
   */
  change<T>(work: () => T): Promise<T>;

  /** Told of each key whose value in the memory came, changed or went. */
  touch(kind: Kind, key: string): void;

  /** Told of each lease that was renewed. @returns what the answer must wait for, if for anything */
  renewed(registration: Registration, leftMs: number): Promise<void> | undefined;

  /** Whether the memory knows enough of what others did to answer by it. */
  isCurrent(): boolean;

  /**
   * Resolves when the memory knows all that was acknowledged anywhere before the call; undefined where nobody else writes.
   * @throws PeerLabError `database-away`
   */
  readonly catchUp: (() => Promise<void>) | undefined;

  /** Why nothing can be kept now; undefined when it can. */
  readonly failure: PeerLabError | undefined;

  /** Keeps what is left. */
  close(): Promise<void>;
}

/** Everything ends with the process. */
export const IN_MEMORY: Keeping = {
  change: async (work) => work(),
  touch: () => {},
  renewed: () => undefined,
  isCurrent: () => true,
  catchUp: undefined,
  failure: undefined,
  close: async () => {},
};
