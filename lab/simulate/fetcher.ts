import { anyOf, takesPlace } from '../../images/peer/choosers/neighbours.ts';
import {
  BUDGET_BYTES,
  FIRST_WAIT_MS,
  LONGEST_WAIT_MS,
  LOOK_MS,
  MAX_NEIGHBOURS,
  MAX_PIECES_EACH,
  RETHINK_MS,
} from '../../images/peer/choosers/pace.ts';
import { type Range, Work } from '../../images/peer/choosers/work.ts';
import { Contact, type Fetch } from './contact.ts';
import type { SimPeer } from './sim-peer.ts';
import type { SimWorld } from './world.ts';

/** Sources that can be asked at any time, as it seems before they have been met. */
const MAX_LANES = 8;
/** When nobody has had what is missing for so long, the download has failed. */
const NOBODY_MS = 10_000;

/** What a peer fetches: the client's half, for as long as a download lasts. It does in events what client/swarm.ts does in calls. */
export class Fetcher {
  readonly #peer: SimPeer;
  readonly #world: SimWorld;
  readonly #work: Work;
  readonly #contacts = new Set<Contact>();
  readonly #known = new Set<SimPeer>();
  #reserve: { source: SimPeer; isPartial: boolean }[] = [];
  #comingBytes = 0;
  #downFreeMs = 0;
  #isTicking = false;
  #hopeAtMs: number;
  #isOver = false;

  constructor(peer: SimPeer, world: SimWorld) {
    this.#peer = peer;
    this.#world = world;
    this.#known.add(peer);
    this.#hopeAtMs = world.agenda.nowMs;
    const { model, pieces, random } = world;
    this.#work = new Work(pieces, model.pieceSizeBytes, (index) => peer.has(index), random, model.choose);
  }

  /** @param sources with the whole file, as the directory found them */
  begin(sources: readonly SimPeer[]): void {
    this.#offer(sources, false);
    this.#askForPartners(FIRST_WAIT_MS);
    this.#look();
  }

  met(other: SimPeer): void {
    this.#offer([other], true);
  }

  hears(contact: Contact, pieces: readonly number[]): void {
    if (contact.isOver || !contact.hasMet) return;
    if (!contact.isWhole) for (const index of pieces) this.#work.rarity.came(index);
    if (contact.isIdle) this.#next(contact);
  }

  hasTurn(contact: Contact, turn: number, suggest: number | undefined): void {
    if (contact.isOver) return;
    contact.isWaiting = false;
    const { pieceSizeBytes } = this.#world.model;
    const hasRoom = this.#comingBytes === 0 || this.#comingBytes + pieceSizeBytes <= BUDGET_BYTES;
    const range = hasRoom ? this.#work.takePiece(contact, suggest) : undefined;
    if (range) {
      this.#fetch(contact, range, turn);
      this.#next(contact);
      return;
    }
    this.#world.message(() => contact.source.passed(contact, turn));
    contact.isIdle = true;
    this.#world.agenda.after(RETHINK_MS, () => {
      if (contact.isIdle) this.#next(contact);
    });
  }

  arrived(contact: Contact, fetch: Fetch, bytes: number): void {
    const { range } = fetch;
    const index = range.next;
    if (fetch.isCut || this.#isOver) {
      // It had all been sent when word came that it was not wanted any more.
      this.#world.wastedBytes += bytes;
      return;
    }
    contact.heard();
    contact.learnSpeed((bytes * 1000) / Math.max(this.#peer.nowMs - fetch.beganMs, 0.1));
    this.#peer.got(index, contact.source, bytes);
    this.#work.arrived(range);
    this.#ended(contact, fetch);
    if (this.#peer.left === 0) this.#end();
  }

  refused(contact: Contact, fetch: Fetch): void {
    if (!fetch.isCut && !this.#isOver) this.#ended(contact, fetch);
  }

  /** The source has gone. */
  lost(contact: Contact): void {
    if (contact.isOver) return;
    this.#part(contact);
    this.#wakeAll();
    this.#settle();
  }

  /** When a piece that was sent from now on is here, by the limit on what this peer receives. */
  receivedAt(beganMs: number, bytes: number): number {
    const { download } = this.#peer.model;
    if (download === undefined) return this.#peer.nowMs;
    this.#downFreeMs = Math.max(this.#downFreeMs, beganMs) + (bytes * 1000) / download;
    return Math.max(this.#peer.nowMs, this.#downFreeMs);
  }

  #offer(sources: readonly SimPeer[], isPartial: boolean): void {
    let isNew = false;
    for (const source of sources) {
      if (this.#known.has(source) || source.isGone) continue;
      this.#known.add(source);
      if (isPartial && this.#makesRoom()) this.#reserve.unshift({ source, isPartial });
      else this.#reserve.push({ source, isPartial });
      isNew = true;
    }
    if (isNew) this.#settle();
  }

  /** Lets a neighbour go, now and then, for one that was just heard of. */
  #makesRoom(): boolean {
    const { random } = this.#world;
    if (this.#contacts.size < MAX_NEIGHBOURS || !takesPlace(MAX_NEIGHBOURS, this.#known.size, random)) return false;
    const isFree = ({ isPartial, fetching }: Contact) => isPartial && fetching.size === 0;
    const contact = anyOf([...this.#contacts].filter(isFree), random);
    if (!contact) return false;
    this.#part(contact);
    this.#world.message(() => contact.source.unwatched(contact));
    this.#reserve.push({ source: contact.source, isPartial: true });
    return true;
  }

  /** Sees to it that there are contacts: first those who have the whole file, then those who are on their way. */
  #settle(): void {
    if (this.#isOver) return;
    for (let next = this.#nextSource(); next; next = this.#nextSource()) {
      const contact = new Contact(this.#peer, next.source, next.isPartial);
      this.#contacts.add(contact);
      this.#meet(contact);
    }
  }

  #nextSource(): { source: SimPeer; isPartial: boolean } | undefined {
    if (this.#contacts.size >= MAX_NEIGHBOURS) return undefined;
    let unmet = 0;
    for (const { isPartial, hasMet } of this.#contacts) if (!isPartial && !hasMet) unmet++;
    const isFull = unmet >= Math.min(MAX_LANES, this.#peer.left);
    const at = this.#reserve.findIndex(({ isPartial }) => (isPartial ? unmet === 0 : !isFull));
    return at < 0 ? undefined : this.#reserve.splice(at, 1)[0];
  }

  #meet(contact: Contact): void {
    const { source } = contact;
    this.#world.message(() => {
      if (contact.isOver) return;
      const isTaken = source.watchedBy(contact);
      this.#world.message(() => {
        if (contact.isOver) return;
        if (!isTaken) return this.lost(contact);
        contact.hasMet = true;
        contact.heard();
        if (!contact.isWhole) this.#work.rarity.join((index) => contact.has(index), true);
        this.#next(contact);
        this.#settle();
      });
    });
  }

  /** Asks for a turn if there is something to ask for. */
  #next(contact: Contact): void {
    contact.isIdle = false;
    if (contact.isOver || contact.isWaiting || contact.fetching.size >= MAX_PIECES_EACH) return;
    if (!this.#work.offers(contact)) {
      contact.isIdle = true;
      this.#tick();
      return;
    }
    contact.isWaiting = true;
    this.#world.message(() => contact.source.wanted(contact));
  }

  #fetch(contact: Contact, range: Range, turn: number): void {
    const index = range.next;
    const fetch: Fetch = {
      ...{ range, beganMs: this.#peer.nowMs, flowsSinceMs: undefined, heardBytes: 0, isCut: false },
      sentBytes: () => 0,
      cut: () => {},
    };
    contact.asked();
    contact.fetching.set(range, fetch);
    this.#comingBytes += this.#world.model.pieceSizeBytes;
    range.stop = () => {
      if (fetch.isCut) return;
      fetch.isCut = true;
      this.#world.message(() => fetch.cut());
      this.#ended(contact, fetch);
    };
    this.#world.message(() => contact.source.serve(contact, fetch, turn, index));
  }

  #ended(contact: Contact, { range }: Fetch): void {
    contact.fetching.delete(range);
    this.#comingBytes -= this.#world.model.pieceSizeBytes;
    this.#work.release(range);
    this.#next(contact);
    if (this.#work.isGivenOut) this.#wakeAll();
  }

  #wakeAll(): void {
    for (const contact of this.#contacts) if (contact.isIdle) this.#next(contact);
  }

  /** When all is in somebody's hands, those who have nothing to do look again and again whether something is late. */
  #tick(): void {
    if (this.#isTicking || !this.#work.isGivenOut) return;
    this.#isTicking = true;
    this.#world.agenda.after(RETHINK_MS, () => {
      this.#isTicking = false;
      if (!this.#isOver) this.#wakeAll();
    });
  }

  #askForPartners(waitMs: number): void {
    const world = this.#world;
    world.message(() => {
      if (this.#isOver) return;
      const others = world.directory.partnersOf(this.#peer);
      world.message(() => this.#offer(others, true));
    });
    world.agenda.at(this.#peer.nowMs + waitMs * (0.75 + world.random() / 2), () => {
      if (!this.#isOver) this.#askForPartners(Math.min(2 * waitMs, LONGEST_WAIT_MS));
    });
  }

  /** Whether anybody has what is missing; if not for long, the download fails. */
  #look(): void {
    if (this.#isOver) return;
    this.#settle();
    const mayBring = (contact: Contact) => !contact.hasMet || this.#work.needs(contact);
    if ([...this.#contacts].some(mayBring)) this.#hopeAtMs = this.#peer.nowMs;
    if (this.#peer.nowMs - this.#hopeAtMs > NOBODY_MS) this.#end();
    else this.#world.agenda.after(LOOK_MS, () => this.#look());
  }

  #part(contact: Contact): void {
    contact.isOver = true;
    this.#contacts.delete(contact);
    if (contact.hasMet && !contact.isWhole) this.#work.rarity.leave((index) => contact.has(index), true);
    for (const fetch of [...contact.fetching.values()]) {
      fetch.isCut = true;
      this.#world.message(() => fetch.cut());
      this.#comingBytes -= this.#world.model.pieceSizeBytes;
      this.#work.release(fetch.range);
    }
    contact.fetching.clear();
  }

  #end(): void {
    this.#isOver = true;
    for (const contact of [...this.#contacts]) {
      this.#part(contact);
      this.#world.message(() => contact.source.unwatched(contact));
    }
    this.#reserve = [];
    this.#known.clear();
    this.#world.ended(this.#peer);
  }
}
