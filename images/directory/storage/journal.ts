import { setImmediate as laterInThisTurn } from 'node:timers/promises';
import type { Logger } from '#base/logger.ts';
import { type PeerLabError, toPeerLabError } from '#proto/errors.ts';
import type { Keeping } from './keeping.ts';
import { changesOf, KINDS, type Kind, type Memory, newTouched, type Store } from './state.ts';

export interface JournalInit {
  readonly store: Store;
  /** Where the journal reads what is so now, when it comes to writing. */
  readonly memory: Memory;
  readonly logger: Logger;
}

const RETRY_MS = 1000;

/**
 * Carries changes of the memory to the disk. Whoever changed something waits for `committed`; all that came up to the
 * moment of writing goes into one transaction, so a thousand logins at once are a few writes. What failed to be written is
 * written again: memory and disk agree as soon as the disk lets them.
 */
export class Journal implements Keeping {
  readonly #init: JournalInit;
  readonly catchUp = undefined;
  #touched = newTouched();
  /** The write that will carry what is touched now. */
  #next: Promise<void> | undefined;
  #writing: Promise<void> = Promise.resolve();
  #failure: PeerLabError | undefined;
  #retry: NodeJS.Timeout | undefined;

  constructor(init: JournalInit) {
    this.#init = init;
  }

  /** Why the last write failed; undefined when it did not. */
  get failure(): PeerLabError | undefined {
    return this.#failure;
  }

  async change<T>(work: () => T): Promise<T> {
    const done = work();
    await this.#committed();
    return done;
  }

  touch(kind: Kind, key: string): void {
    this.#touched[kind].add(key);
    // What nobody waits for, such as the end of a lease, is written all the same.
    this.#schedule().catch(() => {});
  }

  /** After a restart everybody has a fresh lease. */
  renewed(): undefined {
    return undefined;
  }

  /** Nobody else writes. */
  isCurrent(): boolean {
    return true;
  }

  /** Writes what is left. */
  async close(): Promise<void> {
    clearTimeout(this.#retry);
    await this.#committed().catch(() => {});
    clearTimeout(this.#retry);
    await this.#init.store[Symbol.asyncDispose]();
  }

  /** Returns when all that was touched before is on the disk. @throws PeerLabError `storage-failed` */
  async #committed(): Promise<void> {
    await (this.#next ?? this.#writing);
  }

  #schedule(): Promise<void> {
    this.#next ??= this.#afterThisTurn();
    return this.#next;
  }

  async #afterThisTurn(): Promise<void> {
    await laterInThisTurn();
    await this.#writing.catch(() => {});
    this.#next = undefined;
    this.#writing = this.#write();
    await this.#writing;
  }

  async #write(): Promise<void> {
    const { store, logger, memory } = this.#init;
    const touched = this.#touched;
    this.#touched = newTouched();
    try {
      await store.write(changesOf(touched, memory));
      if (this.#failure) logger.info('the state can be written again');
      this.#failure = undefined;
    } catch (thrown) {
      const failure = toPeerLabError(thrown);
      if (!this.#failure) logger.error({ err: thrown }, failure.message);
      this.#failure = failure;
      for (const kind of KINDS) for (const key of touched[kind]) this.#touched[kind].add(key);
      this.#retry = setTimeout(() => void this.#schedule().catch(() => {}), RETRY_MS).unref();
      throw failure;
    }
  }
}
