import type { Logger } from '#base/logger.ts';
import { PeerLabError, toPeerLabError } from '#proto/errors.ts';
import type { Registration } from '../registry.ts';
import type { Keeping } from './keeping.ts';
import type { News, PostgresStore } from './postgres-store.ts';
import { changesOf, isEmpty, KINDS, type Kind, type Memory, newTouched, type Shelf, type Touched } from './state.ts';

export interface ReplicaInit {
  readonly store: PostgresStore;
  readonly memory: Memory;
  /** How good a source the peer at this address says that it is; undefined where there is none. */
  readonly rankAt: (address: string) => number | undefined;
  /** A lease was renewed elsewhere. @returns whether the registration is there */
  readonly onRenewed: (address: string, rank: number) => boolean;
  /** The database was away, and with it everybody's word: all leases begin anew. */
  readonly onReturn: () => void;
  readonly logger: Logger;
}

/** What this directory knows of the others' changes is never older than that when it answers. */
const STALE_MS = 1000;
/** Whether there is something new is asked so often, where nothing says so before. */
const POLL_MS = 250;
/** Questions of people who know no token come as often as they like; the database is asked no more often than that. */
const LEAST_POLL_MS = 10;
/** For so long renewals are collected. */
const RENEWALS_MS = 200;
/** Whoever renews this short before the end is answered when the others can know it. */
const NEAR_END_MS = 2 * STALE_MS;
const RETRY_MS = 500;
/** In one transaction; and those that wait for the next. */
const MAX_WORKS = 256;
const MAX_WAITING = 8192;

/** Somebody who waits for a turn. */
interface Waiter {
  done(): void;
  failed(error: PeerLabError): void;
}

interface Work extends Waiter {
  run(): void;
}

/**
 * The memory of one of several directories that share a database. It goes by turns: in each it learns what others wrote, and
 * in those in which it has something to change, nobody else changes anything from the first to the last. So all changes have
 * one order, and each is decided in the knowledge of all before it. What could not be written is read again: the database is
 * right.
 */
export class Replica implements Keeping {
  readonly #init: ReplicaInit;
  #works: Work[] = [];
  #waiters: Waiter[] = [];
  /** Addresses whose leases were renewed here. */
  #renewed = new Set<string>();
  #renewalWaiters: Waiter[] = [];
  /** Keys whose values changed here, and are not written yet. */
  #touched = newTouched();
  /** Registrations whose lease ended here; unless somebody else has heard of them, they are to be removed for all. */
  #lapsed = new Set<string>();
  /** Keys of which it is not known what the database has. */
  #unsure = newTouched();
  /** What touches a key now. */
  #phase: 'changing' | 'following' | undefined;
  /** Whatever was acknowledged before that is known here. */
  #currentAtMs = performance.now();
  #failure: PeerLabError | undefined;
  #turn: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #dueAtMs = Number.POSITIVE_INFINITY;
  #closed = false;

  constructor(init: ReplicaInit) {
    this.#init = init;
    init.store.listen(() => this.#due(0));
    this.#due(0);
  }

  get failure(): PeerLabError | undefined {
    return this.#failure;
  }

  change<T>(work: () => T): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    if (this.#works.length >= MAX_WAITING) reject(new PeerLabError('busy'));
    else this.#enqueue(this.#works, workOf(work, resolve, reject));
    return promise;
  }

  touch(kind: Kind, key: string): void {
    if (this.#phase === 'following') return;
    // Outside of a change nothing but the end of its lease touches a registration.
    if (kind === 'peers' && this.#phase === undefined) this.#lapsed.add(key);
    else this.#touched[kind].add(key);
    if (this.#phase === undefined) this.#due(0);
  }

  renewed({ address }: Registration, leftMs: number): Promise<void> | undefined {
    this.#renewed.add(address);
    this.#due(leftMs < NEAR_END_MS ? 0 : RENEWALS_MS);
    if (leftMs >= NEAR_END_MS) return undefined;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#enqueue(this.#renewalWaiters, { done: resolve, failed: reject });
    return promise;
  }

  isCurrent(): boolean {
    return performance.now() - this.#currentAtMs <= STALE_MS;
  }

  readonly catchUp = (): Promise<void> => {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#enqueue(this.#waiters, { done: resolve, failed: reject }, LEAST_POLL_MS);
    return promise;
  };

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#turn;
    // What is left; a database that is away is not waited for.
    if (!this.#failure) await this.#takeTurn();
    await this.#init.store[Symbol.asyncDispose]();
  }

  /** Nobody waits for a database that is known to be away; it is tried again all the time. */
  #enqueue<W extends Waiter>(queue: W[], waiter: W, inMs = 0): void {
    if (this.#failure || this.#closed) waiter.failed(away(this.#failure));
    else {
      queue.push(waiter);
      this.#due(inMs);
    }
  }

  #due(inMs: number): void {
    this.#dueAtMs = Math.min(this.#dueAtMs, performance.now() + inMs);
    // The turn that goes on looks at it when it ends.
    if (this.#turn === undefined) this.#wait();
  }

  #wait(): void {
    clearTimeout(this.#timer);
    if (this.#closed) return;
    this.#timer = setTimeout(() => this.#begin(), Math.max(0, this.#dueAtMs - performance.now()));
  }

  #begin(): void {
    this.#dueAtMs = Number.POSITIVE_INFINITY;
    this.#turn = this.#takeTurn().then(() => {
      this.#turn = undefined;
      // A database that is away is left in peace for a moment, whatever came meanwhile.
      if (this.#failure) this.#dueAtMs = performance.now() + RETRY_MS;
      this.#due(this.#works.length > 0 ? 0 : POLL_MS);
    });
  }

  /** Never throws. */
  async #takeTurn(): Promise<void> {
    const { store, logger } = this.#init;
    const startedAtMs = performance.now();
    const wasAway = !this.isCurrent();
    const works = this.#works.splice(0, MAX_WORKS);
    const renewed = this.#renewed;
    const waiters = [...this.#waiters.splice(0), ...this.#renewalWaiters.splice(0)];
    this.#renewed = new Set();
    let changed: Touched | undefined;
    const mustWrite = works.length + renewed.size + this.#lapsed.size > 0 || !isEmpty(this.#touched);
    try {
      if (mustWrite) {
        await store.exchange(async (news, read) => {
          await this.#learn(news, read, wasAway);
          changed = this.#make(works);
          return { changes: changesOf(changed, this.#init.memory), renewals: this.#ranksOf(renewed) };
        });
      } else await store.news((news, read) => this.#learn(news, read, wasAway));
      this.#currentAtMs = startedAtMs;
      if (this.#failure) logger.info('the database answers again');
      this.#failure = undefined;
      for (const one of [...works, ...waiters]) one.done();
    } catch (thrown) {
      const failure = toPeerLabError(thrown);
      if (!this.#failure) logger.error({ err: thrown }, failure.message);
      this.#failure = failure;
      // Whether it was written after all is found out when the database answers again.
      if (changed) for (const kind of KINDS) for (const key of changed[kind]) this.#unsure[kind].add(key);
      for (const address of renewed) this.#renewed.add(address);
      for (const work of works) work.failed(changed ? failure : away(failure));
      for (const waiter of [...waiters, ...this.#works.splice(0), ...this.#waiters.splice(0)])
        waiter.failed(away(failure));
    }
  }

  async #learn(news: News, read: (touched: Touched) => Promise<News>, wasAway: boolean): Promise<void> {
    this.#follow(news);
    if (wasAway) {
      // While nobody could be heard, nobody can have been late. Those whose lease ended here are as they are written.
      this.#init.onReturn();
      for (const address of this.#lapsed) this.#unsure.peers.add(address);
      this.#lapsed.clear();
    }
    while (!isEmpty(this.#unsure)) {
      const unsure = this.#unsure;
      this.#unsure = newTouched();
      try {
        this.#follow(await read(unsure));
      } catch (error) {
        for (const kind of KINDS) for (const key of unsure[kind]) this.#unsure[kind].add(key);
        throw error;
      }
    }
  }

  #follow(news: News): void {
    const { memory, onRenewed } = this.#init;
    this.#phase = 'following';
    try {
      for (const kind of KINDS) takeOver(memory[kind] as Shelf<unknown>, news[kind], news.isAll);
      for (const address of news.peers.keys()) this.#lapsed.delete(address);
      for (const [address, rank] of news.renewals) {
        if (!onRenewed(address, rank) && this.#lapsed.delete(address)) this.#unsure.peers.add(address);
      }
    } finally {
      this.#phase = undefined;
    }
  }

  /** @returns all that is to be written */
  #make(works: readonly Work[]): Touched {
    this.#phase = 'changing';
    try {
      for (const work of works) work.run();
    } finally {
      this.#phase = undefined;
    }
    const touched = this.#touched;
    for (const address of this.#lapsed) touched.peers.add(address);
    this.#lapsed.clear();
    this.#touched = newTouched();
    return touched;
  }

  #ranksOf(addresses: ReadonlySet<string>): Map<string, number> {
    const ranks = new Map<string, number>();
    for (const address of addresses) {
      const rank = this.#init.rankAt(address);
      if (rank !== undefined) ranks.set(address, rank);
    }
    return ranks;
  }
}

function workOf<T>(work: () => T, resolve: (value: T) => void, reject: (why: unknown) => void): Work {
  let outcome: { readonly value: T } | { readonly thrown: unknown } | undefined;
  return {
    run: () => {
      try {
        outcome = { value: work() };
      } catch (thrown) {
        outcome = { thrown };
      }
    },
    done: () => {
      if (outcome && 'value' in outcome) resolve(outcome.value);
      else reject(outcome?.thrown);
    },
    // What it refused it has refused, whether or not the changes of others could be written.
    failed: (error) => reject(outcome && 'thrown' in outcome ? outcome.thrown : error),
  };
}

function takeOver<T>(shelf: Shelf<T>, news: ReadonlyMap<string, T | undefined>, isAll: boolean): void {
  if (isAll) for (const key of [...shelf.keys()]) if (!news.has(key)) shelf.set(key, undefined);
  for (const [key, value] of news) shelf.set(key, value);
}

function away(failure: PeerLabError | undefined): PeerLabError {
  return new PeerLabError('database-away', failure && { got: failure.message, cause: failure });
}
