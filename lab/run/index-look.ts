import { setTimeout as sleep } from 'node:timers/promises';
import type { ControlResponse } from '#proto/control-api.ts';
import { isTransfer, receiverOf } from '../checks/history.ts';
import { PUBLISHING_DELAY_SECONDS } from '../checks/presence.ts';
import type { Instance } from '../drivers/driver.ts';
import { FAULTS } from '../faults/table.ts';
import type { Listener } from '../history/event-stream.ts';
import { type FaultKind, isDirectory, type IndexLook as Look, type OperationEvent } from '../history/events.ts';
import type { RunEvent, Tell } from '../history/run-event.ts';
import { callControl } from '../instance-http.ts';
import { createLimit } from '../limit.ts';
import { listsInside, type PlannedStep } from '../steps/step.ts';
import { entriesOfIndex } from './execute.ts';

const POLL_MS = 250;
const TIMEOUT_MS = 10_000;
/** This number of peers are tried; who is asked must answer for itself, not for the others. */
const MAX_ASKED = 3;
/** In a whole run: each has all of the index come, and holds up the logout that it is for. */
const MAX_LOOKS_BEFORE_LOGOUTS = 20;
/** Whoever has more to do than to answer in this time holds up no logout. */
const TIMEOUT_BEFORE_LOGOUTS_MS = 2000;

type Entries = NonNullable<Look['entries']>;

export interface IndexLookInit {
  /** The names of the instances that are the directory. */
  readonly directories: readonly string[];
  /** The peers that run now. */
  readonly peers: ReadonlyMap<string, Instance>;
  readonly controlToken: string;
  readonly signal: AbortSignal;
  now(): number;
  readonly tell: Tell<'index-looked'>;
}

/**
 * Looks at the directory's index for the lab itself, through the control port of a peer that is logged in: a login of the lab's own would
 * be one peer more in every figure. What the index must name is judged later, by the whole history; what is known here only says when a
 * longer wait would show nothing new.
 */
export class IndexLook implements Listener {
  readonly name = 'the look at the index';
  readonly #init: IndexLookInit;
  /** Files on the disk of each peer, as far as they are known. */
  readonly #files = new Map<string, Set<string>>();
  readonly #loggedIn = new Set<string>();
  /** They said that they logged out: the index names them no more. */
  readonly #loggedOut = new Set<string>();
  /** What peers received, and no look could have seen yet: the files of each, and when the last one came. */
  readonly #unseen = new Map<string, { readonly files: Set<string>; at: number }>();
  /** One look before a logout at a time: who comes meanwhile may find that all was seen. */
  readonly #oneByOne = createLimit(1);
  #looksBeforeLogouts = 0;
  /** The faults that are in force on each peer: it is not asked, and not waited for, until they have ended. */
  readonly #faults = new Map<string, Set<FaultKind>>();
  /** When something last happened that the index shows after a publishing delay at most. */
  #lastChange = 0;
  /** Something has changed since the last look. */
  #isDue = false;

  constructor(init: IndexLookInit) {
    this.#init = init;
  }

  take(event: RunEvent): void {
    if (event.kind === 'share-recorded') this.#add(event.file.peer, event.file.name);
    else if (event.kind === 'operation-ended') this.#done(event.operation);
    else if (event.kind === 'instance-ended') this.#loggedIn.delete(event.instance);
    else if (event.kind === 'fault-begun') this.#faultBegun(event.who, event.fault);
    else if (event.kind === 'fault-ended') this.#faults.get(event.record.who)?.delete(event.record.kind);
  }

  /**
   * Asks until all is named that should be, and nobody that should not, for a publishing delay after the last transfer or logout at most;
   * the last answer is recorded.
   */
  async look(): Promise<void> {
    const { signal } = this.#init;
    if (!this.#isDue || this.#present().length === 0 || signal.aborted) return;
    this.#isDue = false;
    const seen = await this.#until(
      this.#lastChange,
      () => this.#ask(this.#present()),
      (named) => this.#isComplete(named),
    );
    await this.#record(seen);
  }

  /**
   * Looks for the files that this peer received since the last look, before it logs out and nobody can see them any more.
   * In most runs one look serves all who leave at about the same time.
   * @returns whether it looked, and so held up the logout
   */
  lookBefore(leaving: string): Promise<boolean> {
    return this.#oneByOne(async () => {
      const unseen = this.#unseen.get(leaving);
      if (!unseen || this.#looksBeforeLogouts >= MAX_LOOKS_BEFORE_LOGOUTS || this.#directoryIsAway()) return false;
      if (!this.#present().includes(leaving) || this.#init.signal.aborted) return false;
      this.#looksBeforeLogouts++;
      // It is asked itself only if others, who may be leaving too, do not answer.
      const others = this.#present().filter((name) => name !== leaving);
      const ask = () => this.#ask([...others.slice(0, MAX_ASKED - 1), leaving], TIMEOUT_BEFORE_LOGOUTS_MS);
      const seen = await this.#until(unseen.at, ask, (entries) => {
        const named = namesIn(entries);
        return [...unseen.files].every((file) => named.has(this.#listing(leaving, file)));
      });
      if (seen.entries) await this.#record(seen);
      return true;
    });
  }

  /** Asks until it is `enough`, for a publishing delay after `changedAt` at most. */
  async #until(changedAt: number, ask: () => Promise<Look>, enough: (entries: Entries) => boolean): Promise<Look> {
    const { signal, now } = this.#init;
    const until = changedAt + PUBLISHING_DELAY_SECONDS;
    for (;;) {
      const seen = await ask();
      const isLast = seen.start >= until || signal.aborted;
      if (isLast || (seen.entries && enough(seen.entries))) return seen;
      await sleep(Math.min(POLL_MS, Math.max(1, (until - now()) * 1000)), undefined, { signal }).catch(() => {});
    }
  }

  async #record(look: Look): Promise<void> {
    const named = namesIn(look.entries ?? []);
    for (const [peer, { files, at }] of this.#unseen) {
      const isDue = at + PUBLISHING_DELAY_SECONDS <= look.start;
      for (const file of files) if (isDue || named.has(this.#listing(peer, file))) files.delete(file);
      if (files.size === 0) this.#unseen.delete(peer);
    }
    await this.#init.tell({ kind: 'index-looked', look });
  }

  /** The peers that are logged in, run, and have no fault; none when the directory has one. */
  atTheEnd(): Instance[] {
    if (this.#directoryIsAway()) return [];
    return this.#present().map((name) => this.#init.peers.get(name) as Instance);
  }

  async #ask(whom: readonly string[], timeoutMs = TIMEOUT_MS): Promise<Look> {
    const { peers, controlToken: token, signal, now } = this.#init;
    const start = now();
    let error = 'no peer is logged in that could be asked';
    for (const through of whom.slice(0, MAX_ASKED)) {
      const url = peers.get(through)?.url;
      if (url === undefined) continue; // It ended meanwhile.
      const from = now();
      const said = await callControl({ url, token, verb: 'index', request: {}, timeoutMs, signal });
      if ('ok' in said)
        return { start: from, end: now(), through, entries: entriesOfIndex(said.ok as ControlResponse<'index'>) };
      error = `${through}: ${said.failure.message}`;
    }
    return { start, end: now(), error };
  }

  /** The peers that are logged in, run, and have no fault. */
  #present(): string[] {
    return [...this.#loggedIn].filter((name) => this.#init.peers.has(name) && !this.#faults.get(name)?.size);
  }

  /** Every one of its instances has a fault. */
  #directoryIsAway(): boolean {
    return this.#init.directories.every((name) => this.#faults.get(name)?.size);
  }

  #isComplete(entries: Entries): boolean {
    const addresses = new Set(entries.map(([address]) => address));
    const named = namesIn(entries);
    return (
      ![...this.#loggedOut].some((name) => addresses.has(this.#init.peers.get(name)?.address ?? '')) &&
      this.#present().every((name) =>
        [...(this.#files.get(name) ?? [])].every((file) => named.has(this.#listing(name, file))),
      )
    );
  }

  #listing(peer: string, file: string): string {
    return `${this.#init.peers.get(peer)?.address}\0${file}`;
  }

  #done(event: OperationEvent): void {
    const { operation, outcome, peer, file, end } = event;
    if (operation === 'login') this.#loggedOut.delete(peer);
    if (outcome !== 'ok') return;
    if (operation === 'login') this.#loggedIn.add(peer);
    else if (operation === 'logout') {
      this.#loggedIn.delete(peer);
      this.#loggedOut.add(peer);
    } else if (isTransfer(event) && file !== undefined) {
      this.#add(receiverOf(event), file);
      this.#received(receiverOf(event), file, end);
    } else return;
    this.#isDue = true;
    if (operation !== 'login') this.#lastChange = Math.max(this.#lastChange, end);
  }

  #faultBegun(who: string, kind: FaultKind): void {
    // Whoever comes back from it has to log in again.
    if (FAULTS[kind].ends) this.#loggedIn.delete(who);
    this.#faults.set(who, (this.#faults.get(who) ?? new Set()).add(kind));
  }

  #received(peer: string, file: string, at: number): void {
    const unseen = this.#unseen.get(peer) ?? { files: new Set(), at };
    unseen.files.add(file);
    unseen.at = Math.max(unseen.at, at);
    this.#unseen.set(peer, unseen);
  }

  #add(peer: string, file: string): void {
    const files = this.#files.get(peer) ?? new Set();
    this.#files.set(peer, files.add(file));
  }
}

/** What an index names, as `address\0file`. */
function namesIn(entries: Entries): Set<string> {
  return new Set(entries.map(([address, file]) => `${address}\0${file}`));
}

/**
 * Peers log out or end somewhere in it: what the index names is to be seen before. The end of the directory is no reason: how soon it
 * comes after an answer is a part of what the scenario tries.
 */
export function endsListings(step: PlannedStep): boolean {
  if (step.does === 'operations')
    return step.flows.some(({ operations }) => operations.some(({ verb }) => verb === 'logout'));
  if (step.does === 'fault') return FAULTS[step.fault.kind].ends && step.who.some(({ peer }) => !isDirectory(peer));
  return listsInside(step).flat().some(endsListings);
}
