import { addressText } from '#proto/directory-api.ts';

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
  /** Called for each peer that came, changed or went. */
  readonly onChanged?: (address: string) => void;
}

/** The predecessor's peers: no lease, no owner, no hashes. They are kept apart from those that the directory vouches for. */
export class SdP2pPeers {
  readonly #init: SdP2pPeersInit;
  readonly #byAddress = new Map<string, SavedSdP2pPeer>();
  readonly #holders = new Map<string, Set<string>>();

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

  restore(peer: SavedSdP2pPeer): void {
    this.#enter(addressText(peer), peer);
  }

  saved(address: string): SavedSdP2pPeer | undefined {
    return this.#byAddress.get(address);
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
    this.#remove(address);
    this.#init.onChanged?.(address);
  }

  /** All of them, in the order in which they came. */
  all(): SavedSdP2pPeer[] {
    this.#sweep();
    return [...this.#byAddress.values()];
  }

  holding(name: string): SavedSdP2pPeer[] {
    this.#sweep();
    return [...(this.#holders.get(name) ?? [])].map((address) => this.#byAddress.get(address) as SavedSdP2pPeer);
  }

  named(matches: (name: string) => boolean): string[] {
    this.#sweep();
    return [...this.#holders.keys()].filter(matches);
  }

  #enter(address: string, peer: SavedSdP2pPeer): void {
    this.#remove(address);
    this.#byAddress.set(address, peer);
    for (const name of peer.files) {
      const holders = this.#holders.get(name) ?? new Set();
      this.#holders.set(name, holders.add(address));
    }
  }

  #remove(address: string): void {
    for (const name of this.#byAddress.get(address)?.files ?? []) {
      const holders = this.#holders.get(name);
      holders?.delete(address);
      if (holders?.size === 0) this.#holders.delete(name);
    }
    this.#byAddress.delete(address);
  }

  #sweep(): void {
    const { lifetimeMs } = this.#init;
    if (lifetimeMs === undefined) return;
    const over = Date.now() - lifetimeMs;
    for (const [address, peer] of this.#byAddress) if (peer.enteredAtMs <= over) this.remove(address);
  }
}
