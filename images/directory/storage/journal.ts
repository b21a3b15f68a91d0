import { setImmediate as laterInThisTurn } from 'node:timers/promises';
import type { Logger } from '#base/logger.ts';
import { type PeerLabError, toPeerLabError } from '#proto/errors.ts';
import type { SavedRegistration } from '../registry.ts';
import type { SavedSdP2pPeer } from '../sd-p2p/peers.ts';
import type { Changes } from './store.ts';

/** Where the journal reads what is so now, when it comes to writing. */
export interface JournalSources {
  account(user: string): string | undefined;
  peer(address: string): SavedRegistration | undefined;
  sdP2pPeer(address: string): SavedSdP2pPeer | undefined;
}

export interface JournalInit {
  readonly store: { write(changes: Changes): Promise<void> };
  readonly sources: JournalSources;
  readonly logger: Logger;
}

const RETRY_MS = 1000;

/**
 * Carries changes of the memory to the disk. Whoever changed something waits for `committed`; all that came up to the
 * moment of writing goes into one transaction, so a thousand logins at once are a few writes. What failed to be written is
 * written again: memory and disk agree as soon as the disk lets them.
 */
export class Journal {
  readonly #init: JournalInit;
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

  touch(kind: keyof Changes, key: string): void {
    this.#touched[kind].add(key);
    // What nobody waits for, such as the end of a lease, is written all the same.
    this.#schedule().catch(() => {});
  }

  /** Returns when all that was touched before is on the disk. @throws PeerLabError `storage-failed` */
  async committed(): Promise<void> {
    await (this.#next ?? this.#writing);
  }

  /** Writes what is left. */
  async close(): Promise<void> {
    clearTimeout(this.#retry);
    await this.committed().catch(() => {});
    clearTimeout(this.#retry);
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
    const { store, logger } = this.#init;
    const touched = this.#touched;
    this.#touched = newTouched();
    try {
      await store.write(this.#changesOf(touched));
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

  #changesOf(touched: Touched): Changes {
    const { sources } = this.#init;
    return {
      accounts: new Map([...touched.accounts].map((user) => [user, sources.account(user) as string])),
      peers: new Map([...touched.peers].map((address) => [address, sources.peer(address)])),
      sdP2pPeers: new Map([...touched.sdP2pPeers].map((address) => [address, sources.sdP2pPeer(address)])),
    };
  }
}

type Touched = Record<keyof Changes, Set<string>>;

const KINDS = ['accounts', 'peers', 'sdP2pPeers'] as const;

function newTouched(): Touched {
  return { accounts: new Set(), peers: new Set(), sdP2pPeers: new Set() };
}
