import { matchesGlob } from '#proto/names.ts';
import type { Content } from './content.ts';
import { Random } from './random.ts';

/** A file as the plan knows it: its bytes are decided, not yet made. */
export interface PlannedFile {
  readonly name: string;
  readonly sizeBytes: number;
  readonly content: Content;
}

export interface PlannedPeer {
  /** `<group>-<number>`, unique in the run. */
  readonly name: string;
  readonly group: string;
  readonly share: readonly PlannedFile[];
  readonly env: Readonly<Record<string, string>>;
}

/**
 * What the plan expects to be true at each step, in the order of the file: who is there and who holds which file. Steps
 * are planned against it, each with the randomness of its own label, so one step's picks don't depend on another's.
 */
export class World {
  readonly peers: readonly PlannedPeer[];
  readonly #seed: number;
  readonly #files = new Map<string, PlannedFile>();
  readonly #holders = new Map<string, Set<string>>();

  constructor(peers: readonly PlannedPeer[], seed: number) {
    this.peers = peers;
    this.#seed = seed;
    for (const peer of peers) {
      for (const file of peer.share) {
        this.#files.set(file.name, file);
        this.hold(peer.name, file.name);
      }
    }
  }

  /** The peers of a group; `all` are all. */
  group(name: string): readonly PlannedPeer[] {
    return name === 'all' ? this.peers : this.peers.filter((peer) => peer.group === name);
  }

  random(...label: (string | number)[]): Random {
    return new Random(this.#seed, ...label);
  }

  /** Names of all files in the world that match, in the order in which the groups made them. */
  files(glob: string): string[] {
    return [...this.#files.keys()].filter((name) => matchesGlob(name, glob));
  }

  holds(peer: string, file: string): boolean {
    return this.#holders.get(file)?.has(peer) ?? false;
  }

  hold(peer: string, file: string): void {
    const holders = this.#holders.get(file) ?? new Set();
    this.#holders.set(file, holders.add(peer));
  }
}
