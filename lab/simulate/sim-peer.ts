import { Gifts } from '../../images/peer/choosers/gifts.ts';
import { FEW_SLOTS, MAX_WATCHERS, NEWS_MS } from '../../images/peer/choosers/pace.ts';
import { Spread } from '../../images/peer/choosers/spread.ts';
import { type Turn, type TurnInUse, UploadTurns } from '../../images/peer/choosers/upload-turns.ts';
import type { Contact, Fetch } from './contact.ts';
import type { Fetcher } from './fetcher.ts';
import type { ModelPeer } from './model.ts';
import { Uplink } from './uplink.ts';
import type { SimWorld } from './world.ts';

/** A turn is lost when nothing is read for four seconds: a piece that takes longer says in between that it goes on. */
const STILL_FLOWS_MS = 3000;

/** As images/peer/rate-limit.ts cuts what a limited peer sends. */
const [CHUNK_SECONDS, LEAST_CHUNK_BYTES, MOST_CHUNK_BYTES] = [0.1, 16 * 1024, 256 * 1024];

/** What a peer has and gives: the server's half, for all its life. */
export class SimPeer {
  readonly id: number;
  readonly model: ModelPeer;
  /** Between two chunks of one piece, when all slots are in use. */
  readonly chunkEveryMs: number;
  readonly #world: SimWorld;
  readonly #uplink: Uplink;
  readonly #turns: UploadTurns;
  readonly #gifts: Gifts | undefined;
  /** 1 for each piece that is here. */
  readonly #has: Uint8Array;
  /** 1 for each piece that all watchers know of. */
  readonly #told: Uint8Array;
  /** Pieces that came since the watchers were told. */
  #news: number[] = [];
  #toldAtMs = Number.NEGATIVE_INFINITY;
  #isToldSoon = false;
  #held = 0;
  /** Those who are told what this peer has. */
  readonly #watchers = new Set<Contact>();
  #spread: Spread | undefined;
  /** How often each piece has left, where that is looked at. */
  readonly #copiesOut: Uint16Array | undefined;
  #piecesOut = 0;
  #isGone = false;
  sentBytes = 0;
  receivedBytes = 0;
  /** The whole file was here. */
  finishedMs: number | undefined;
  fetcher: Fetcher | undefined;

  constructor(id: number, model: ModelPeer, world: SimWorld) {
    this.id = id;
    this.model = model;
    this.#world = world;
    const { agenda, pieces } = world;
    this.#uplink = new Uplink(agenda, model.upload);
    const chunkBytes = Math.max(LEAST_CHUNK_BYTES, Math.min(MOST_CHUNK_BYTES, model.upload * CHUNK_SECONDS));
    this.chunkEveryMs = (FEW_SLOTS * chunkBytes * 1000) / model.upload;
    this.#turns = new UploadTurns({
      slots: FEW_SLOTS,
      reciprocity: model.reciprocity,
      after: (ms, ring) => {
        const entry = agenda.after(ms, ring);
        return () => {
          entry.act = undefined;
        };
      },
    });
    this.#gifts = model.reciprocity ? new Gifts(() => agenda.nowMs) : undefined;
    this.#has = new Uint8Array(pieces);
    this.#told = new Uint8Array(pieces);
    if (!model.isSeeder) return;
    this.#has.fill(1);
    this.#held = pieces;
    this.#copiesOut = new Uint16Array(pieces);
  }

  get nowMs(): number {
    return this.#world.agenda.nowMs;
  }

  get isWhole(): boolean {
    return this.#held === this.#world.pieces;
  }

  get isGone(): boolean {
    return this.#isGone;
  }

  /** Transfers under way, as the directory is told. */
  get serving(): number {
    return Math.min(FEW_SLOTS, this.#watchers.size);
  }

  has(index: number): boolean {
    return this.#has[index] === 1;
  }

  /** Those who have met this peer know that it has the piece. */
  hasTold(index: number): boolean {
    return this.#told[index] === 1;
  }

  get left(): number {
    return this.#world.pieces - this.#held;
  }

  gaveBy(other: SimPeer): number {
    return this.#gifts?.of(`${other.id}`) ?? 0;
  }

  /** A call for news of pieces. @returns false when it is refused */
  watchedBy(contact: Contact): boolean {
    if (this.#isGone || this.#watchers.size >= MAX_WATCHERS) return false;
    // What the others are told later is told now, so that all know the same.
    this.#tell();
    this.#watchers.add(contact);
    if (this.isWhole) {
      this.#spread ??= new Spread(this.#world.pieces, this.#world.random);
      if (this.#world.model.suggests) contact.spread = this.#spread;
      contact.isWhole = true;
    } else {
      this.fetcher?.met(contact.peer);
    }
    return true;
  }

  wanted(contact: Contact): void {
    if (this.#watchers.has(contact)) this.#turns.want(contact, 1);
  }

  passed(contact: Contact, turn: number): void {
    this.#turns.pass(contact, turn);
  }

  unwatched(contact: Contact): void {
    this.#watchers.delete(contact);
    this.#turns.leave(contact);
  }

  grants(contact: Contact, turn: Turn): void {
    const { spread } = contact;
    const suggest = spread?.suggest();
    if (suggest !== undefined) turn.onOver = () => spread?.unlessSent(suggest);
    this.#world.message(() => contact.peer.fetcher?.hasTurn(contact, turn.number, suggest));
  }

  /** Sends a piece in a turn; nothing when the turn is over, or this peer has gone. */
  serve(contact: Contact, fetch: Fetch, turn: number, index: number): void {
    if (fetch.isCut) {
      this.passed(contact, turn);
      return;
    }
    const use = this.#isGone ? undefined : this.#turns.use(turn);
    if (!use) {
      this.#world.message(() => contact.peer.fetcher?.refused(contact, fetch));
      return;
    }
    this.#spread?.sent(index);
    fetch.flowsSinceMs = this.nowMs;
    const bytes = this.#world.bytesOf(index);
    const stream = this.#uplink.begin(bytes, () => {
      fetch.flowsSinceMs = undefined;
      use[Symbol.dispose]();
      this.sentBytes += bytes;
      this.#world.arriveAt(contact, fetch, bytes);
      this.#isOut(index);
    });
    fetch.sentBytes = () => this.#uplink.sentBytes(stream);
    fetch.cut = () => {
      if (fetch.flowsSinceMs === undefined) return;
      fetch.flowsSinceMs = undefined;
      const sent = this.#uplink.cut(stream);
      this.sentBytes += sent;
      this.#world.wastedBytes += sent;
      use[Symbol.dispose]();
    };
    this.#keepAlive(fetch, use);
  }

  #keepAlive(fetch: Fetch, use: TurnInUse): void {
    if ((this.#world.model.pieceSizeBytes * FEW_SLOTS * 1000) / this.model.upload < STILL_FLOWS_MS) return;
    const again = () => {
      if (fetch.flowsSinceMs === undefined) return;
      use.moved();
      this.#world.agenda.after(STILL_FLOWS_MS, again);
    };
    this.#world.agenda.after(STILL_FLOWS_MS, again);
  }

  /** A copy of a piece has left. A seeder that leaves does so when each piece has. */
  #isOut(index: number): void {
    if (!this.#copiesOut) return;
    const copies = this.#copiesOut[index] as number;
    this.#copiesOut[index] = copies + 1;
    if (copies === 0 && ++this.#piecesOut === this.#world.pieces) this.#world.copyIsOut(this);
  }

  /** It goes away: what it was sending is lost. */
  leave(): void {
    this.#isGone = true;
    for (const contact of [...this.#watchers]) {
      this.unwatched(contact);
      for (const fetch of contact.fetching.values()) fetch.cut();
      this.#world.message(() => contact.peer.fetcher?.lost(contact));
    }
  }

  /** A piece came, and is told of with those that come soon after. */
  got(index: number, from: SimPeer, bytes: number): void {
    this.receivedBytes += bytes;
    this.#gifts?.note(`${from.id}`, bytes);
    if (this.has(index)) {
      this.#world.wastedBytes += bytes;
      return;
    }
    this.#has[index] = 1;
    this.#held++;
    this.#news.push(index);
    if (this.isWhole) this.finishedMs = this.nowMs;
    this.#tellSoon();
  }

  #tellSoon(): void {
    if (this.#isToldSoon) return;
    this.#isToldSoon = true;
    this.#world.agenda.at(this.#toldAtMs + NEWS_MS, () => {
      this.#isToldSoon = false;
      this.#tell();
    });
  }

  #tell(): void {
    if (this.#news.length === 0) return;
    const news = this.#news;
    const told = [...this.#watchers];
    this.#news = [];
    this.#toldAtMs = this.nowMs;
    this.#world.message(() => {
      for (const index of news) this.#told[index] = 1;
      for (const contact of told) contact.peer.fetcher?.hears(contact, news);
    });
  }
}
