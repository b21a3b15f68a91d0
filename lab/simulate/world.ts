import { pieceBounds } from '#proto/hash-tree.ts';
import { Random } from '../language/random.ts';
import { Agenda } from './agenda.ts';
import type { Contact, Fetch } from './contact.ts';
import { SimDirectory } from './directory.ts';
import { Fetcher } from './fetcher.ts';
import { type Model, piecesOf } from './model.ts';
import { SimPeer } from './sim-peer.ts';

/** All that is simulated: the peers, what lies between them, and the time. */
export class SimWorld {
  readonly model: Model;
  readonly pieces: number;
  readonly agenda = new Agenda();
  readonly random: () => number;
  readonly directory: SimDirectory;
  readonly peers: readonly SimPeer[];
  /** Sent, and of no use to whoever it was sent to. */
  wastedBytes = 0;

  constructor(model: Model) {
    this.model = model;
    this.pieces = piecesOf(model);
    const random = new Random('simulate', model.seed);
    this.random = () => random.float();
    this.directory = new SimDirectory(this.random);
    this.peers = model.peers.map((one, id) => new SimPeer(id, one, this));
    for (const peer of this.peers) this.#enter(peer);
  }

  run(untilMs: number): void {
    this.agenda.run(untilMs);
  }

  /** What is told arrives after a while. */
  message(arrive: () => void): void {
    this.agenda.after(this.model.latencyMs, arrive);
  }

  bytesOf(index: number): number {
    const { sizeBytes, pieceSizeBytes } = this.model;
    const [start, end] = pieceBounds(index, sizeBytes, pieceSizeBytes);
    return end - start;
  }

  /** A piece has left its source. */
  arriveAt(contact: Contact, fetch: Fetch, bytes: number): void {
    const { fetcher } = contact.peer;
    if (!fetcher) {
      this.wastedBytes += bytes;
      return;
    }
    const receivedMs = fetcher.receivedAt(fetch.beganMs, bytes);
    this.agenda.at(receivedMs + this.model.latencyMs, () => fetcher.arrived(contact, fetch, bytes));
  }

  copyIsOut(seeder: SimPeer): void {
    if (!this.model.seederLeaves) return;
    // After the last piece has arrived.
    this.message(() => {
      this.directory.forget(seeder);
      seeder.leave();
    });
  }

  ended(peer: SimPeer): void {
    peer.fetcher = undefined;
    if (peer.isWhole) this.directory.has(peer);
    else this.directory.forget(peer);
  }

  #enter(peer: SimPeer): void {
    if (peer.model.isSeeder) {
      this.directory.has(peer);
      return;
    }
    this.agenda.at(peer.model.arrivesMs, () => this.#arrive(peer));
  }

  /** It asks the directory who has the file, and one of those for its hashes. */
  #arrive(peer: SimPeer): void {
    this.message(() => {
      const sources = this.directory.sourcesAt(this.agenda.nowMs);
      this.agenda.after(3 * this.model.latencyMs, () => {
        peer.fetcher = new Fetcher(peer, this);
        peer.fetcher.begin(sources);
      });
    });
  }
}
