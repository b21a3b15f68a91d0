import { addressText } from '#proto/addresses.ts';

/** What it takes to enter a peer of the dialect again after a restart. */
export interface SavedSdP2pPeer {
  /** As the peer named it; empty once the predecessor would have forgotten it. */
  readonly user: string;
  readonly ip: string;
  readonly port: number;
  /** Names of its files, as announced. */
  readonly files: readonly string[];
  /** Milliseconds since 1970. */
  readonly enteredAtMs: number;
}

export interface SdP2pPeersInit {
  /** How long a registration holds, in milliseconds; undefined: until logout. */
  readonly lifetimeMs: number | undefined;
  readonly maxPeers: number;
  /** Of names of these peers and files of ours together. */
  readonly maxFiles: number;
  /** Called for each peer that came, changed or went. */
  readonly onChanged?: (address: string) => void;
}

interface Entry {
  readonly peer: SavedSdP2pPeer;
  /** Those who came later have a higher one; a new list of files does not change it. */
  readonly place: number;
}

/**
 * The names that a peer's files are found by: the predecessor joins a list with commas and parts it there, so that `["a,b"]` is `a` and `b`.
 */
export function searchedNames(files: readonly string[]): string[] {
  return partsOf(files).filter((name) => name !== '');
}

/** The empty ones too: nobody finds them, but they take up room. */
function partsOf(files: readonly string[]): string[] {
  return files.join(',').split(',');
}

/** The predecessor's peers: no lease, no owner, no hashes. They are kept apart from those that the directory vouches for. */
export class SdP2pPeers {
  readonly #init: SdP2pPeersInit;
  readonly #byAddress = new Map<string, Entry>();
  readonly #holders = new Map<string, Set<string>>();
  #lastPlace = 0;
  #names = 0;

  constructor(init: SdP2pPeersInit) {
    this.#init = init;
  }

  get size(): number {
    this.#sweep();
    return this.#byAddress.size;
  }

  get isFull(): boolean {
    return this.size >= this.#init.maxPeers;
  }

  /** Whether `address` may have these files, beside `others` of peers that are ours. */
  hasRoomFor(address: string, files: readonly string[], others: number): boolean {
    this.#sweep();
    const more = partsOf(files).length - this.#namesAt(address);
    return more <= 0 || others + this.#names + more <= this.#init.maxFiles;
  }

  restore(peer: SavedSdP2pPeer): void {
    this.#enter(addressText(peer), peer);
  }

  saved(address: string): SavedSdP2pPeer | undefined {
    return this.#byAddress.get(address)?.peer;
  }

  addresses(): Iterable<string> {
    return this.#byAddress.keys();
  }

  has(address: string): boolean {
    this.#sweep();
    return this.#byAddress.has(address);
  }

  enter(peer: SavedSdP2pPeer): void {
    const address = addressText(peer);
    this.#enter(address, peer);
    this.#init.onChanged?.(address);
  }

  remove(address: string): void {
    this.#forgetFiles(address);
    this.#byAddress.delete(address);
    this.#init.onChanged?.(address);
  }

  /** All of them, in the order in which they came. */
  all(): SavedSdP2pPeer[] {
    this.#sweep();
    return [...this.#byAddress.values()].map(({ peer }) => peer);
  }

  /** In the order in which they came. */
  holding(name: string): SavedSdP2pPeer[] {
    this.#sweep();
    return [...(this.#holders.get(name) ?? [])]
      .map((address) => this.#byAddress.get(address) as Entry)
      .sort((a, b) => a.place - b.place)
      .map(({ peer }) => peer);
  }

  named(matches: (name: string) => boolean): string[] {
    this.#sweep();
    return [...this.#holders.keys()].filter(matches);
  }

  #enter(address: string, peer: SavedSdP2pPeer): void {
    const place = this.#byAddress.get(address)?.place ?? ++this.#lastPlace;
    this.#forgetFiles(address);
    this.#byAddress.set(address, { peer, place });
    this.#names += this.#namesAt(address);
    for (const name of searchedNames(peer.files)) {
      const holders = this.#holders.get(name) ?? new Set();
      this.#holders.set(name, holders.add(address));
    }
  }

  #namesAt(address: string): number {
    const peer = this.saved(address);
    return peer ? partsOf(peer.files).length : 0;
  }

  #forgetFiles(address: string): void {
    this.#names -= this.#namesAt(address);
    for (const name of searchedNames(this.saved(address)?.files ?? [])) {
      const holders = this.#holders.get(name);
      holders?.delete(address);
      if (holders?.size === 0) this.#holders.delete(name);
    }
  }

  #sweep(): void {
    const { lifetimeMs } = this.#init;
    if (lifetimeMs === undefined) return;
    const over = Date.now() - lifetimeMs;
    for (const [address, { peer }] of this.#byAddress) if (peer.enteredAtMs <= over) this.remove(address);
  }
}
