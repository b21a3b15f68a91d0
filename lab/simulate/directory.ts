import { MAX_SWARM_PEERS } from '#proto/directory-api.ts';
import { compareRank, rankOf } from '../../images/directory/ranking.ts';
import { Swarms } from '../../images/directory/swarms.ts';
import { bestFirst } from '../../images/peer/choosers/best-first.ts';
import type { SimPeer } from './sim-peer.ts';

/** What the directory knows of the load of peers is so old, at most. */
const RANKED_MS = 1000;
/** No peer looks at more of an answer. */
const MOST_SOURCES = 64;
const ROOT = 'the file';

/** Who has the file and who fetches it, as the real directory tells: by the same ranking and the same draw. */
export class SimDirectory {
  readonly #swarms: Swarms<SimPeer>;
  readonly #random: () => number;
  readonly #holders = new Set<SimPeer>();
  #ranked: SimPeer[] = [];
  #rankedAtMs = Number.NEGATIVE_INFINITY;

  constructor(random: () => number) {
    this.#random = random;
    this.#swarms = new Swarms(random);
  }

  has(peer: SimPeer): void {
    this.#swarms.leave(peer, ROOT);
    this.#holders.add(peer);
  }

  forget(peer: SimPeer): void {
    this.#swarms.leave(peer, ROOT);
    this.#holders.delete(peer);
    this.#rankedAtMs = Number.NEGATIVE_INFINITY;
  }

  /** Others that fetch; `asker` is one of them from now on. */
  partnersOf(asker: SimPeer): SimPeer[] {
    this.#swarms.enter(asker, ROOT);
    return this.#swarms.others(asker, ROOT, MAX_SWARM_PEERS);
  }

  /** Those who have the whole file, in the order in which a peer tries them. */
  sourcesAt(nowMs: number): SimPeer[] {
    if (nowMs - this.#rankedAtMs > RANKED_MS) {
      const ranked = Array.from(this.#holders, (peer) => ({
        peer,
        rank: rankOf({ serving: peer.serving }),
        address: addressOf(peer),
      }));
      this.#ranked = ranked
        .sort(compareRank)
        .slice(0, MOST_SOURCES)
        .map(({ peer }) => peer);
      this.#rankedAtMs = nowMs;
    }
    return bestFirst(this.#ranked, this.#random);
  }
}

function addressOf({ id }: SimPeer): string {
  return `10.${id >> 16}.${(id >> 8) & 255}.${id & 255}:1`;
}
