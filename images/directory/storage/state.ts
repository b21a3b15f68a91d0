import type { SavedRegistration } from '../registry.ts';
import type { SavedSdP2pPeer } from '../sd-p2p/peers.ts';

/** WHAT IS KEPT of a directory, and where: each store passes the suites store.contract.ts and kill-loop.contract.ts. */

/** What should be so, by key: undefined means "is gone". */
export interface Changes {
  readonly accounts: ReadonlyMap<string, string | undefined>;
  readonly peers: ReadonlyMap<string, SavedRegistration | undefined>;
  readonly sdP2pPeers: ReadonlyMap<string, SavedSdP2pPeer | undefined>;
}

export type Kind = keyof Changes;
export const KINDS = ['accounts', 'peers', 'sdP2pPeers'] as const satisfies readonly Kind[];

/** All that a store holds. */
export interface SavedState {
  readonly accounts: { readonly user: string; readonly passwordHash: string }[];
  readonly peers: SavedRegistration[];
  readonly sdP2pPeers: SavedSdP2pPeer[];
}

export interface Store extends AsyncDisposable {
  /** @throws PeerLabError `storage-damaged` when something is not what was written; `storage-failed` when it can't be read */
  load(): Promise<SavedState>;
  /** One secret by name, made with `make` when there is none yet. @throws as `load` */
  secret(name: string, make: () => string): Promise<string>;
  /** All of it or nothing. @throws PeerLabError `storage-failed` */
  write(changes: Changes): Promise<void>;
}

/** One kind of what the memory holds, by key. */
export interface Shelf<T> {
  get(key: string): T | undefined;
  /** What somebody else has written; undefined: it is gone. */
  set(key: string, value: T | undefined): void;
  keys(): Iterable<string>;
}

/** The memory that a store keeps, kind by kind. */
export type Memory = { readonly [K in Kind]: Shelf<ValueOf<K>> };
export type ValueOf<K extends Kind> = NonNullable<Changes[K] extends ReadonlyMap<string, infer V> ? V : never>;

/** Keys of which something is to be done. */
export type Touched = Record<Kind, Set<string>>;

export function newTouched(): Touched {
  return { accounts: new Set(), peers: new Set(), sdP2pPeers: new Set() };
}

export function isEmpty(touched: Touched): boolean {
  return KINDS.every((kind) => touched[kind].size === 0);
}

/** What is so now of all that was touched. */
export function changesOf(touched: Touched, memory: Memory): Changes {
  const of = <K extends Kind>(kind: K) => {
    const shelf: { get(key: string): ValueOf<K> | undefined } = memory[kind];
    return new Map([...touched[kind]].map((key) => [key, shelf.get(key)]));
  };
  return { accounts: of('accounts'), peers: of('peers'), sdP2pPeers: of('sdP2pPeers') };
}
