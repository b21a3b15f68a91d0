import {
  addressText,
  type IndexEntry,
  type PeerAddress,
  type SearchResult,
  type SharedFile,
} from '#proto/directory-api.ts';
import { PeerLabError } from '#proto/errors.ts';
import { isGlob, matchesGlob } from '#proto/names.ts';
import { type Page, type PageRequest, pageOf } from './pages.ts';

export interface RegistryInit {
  /** How long a registration holds without a renewal, in milliseconds; the same for all. */
  leaseMs: number;
  /** A clock that never goes back, in milliseconds. */
  now: () => number;
  /** Called for each registration whose lease ended. */
  onExpired?: (registration: Registration) => void;
}

/** A peer that is logged in. It lasts until logout or the end of its lease, and its token with it. */
export interface Registration {
  readonly peer: PeerAddress;
  readonly address: string;
  /** @internal these change, and only the registry changes them */
  tokenHash: string;
  leaseEndsMs: number;
  files: Map<string, Entry>;
}

/** One file at one peer. */
interface Entry {
  readonly holder: Registration;
  readonly file: SharedFile;
}

/** What to look for: a name (exact, or a glob), or a content by one of its hashes. */
export type Query = { name: string } | { sha256: string } | { root: string };

/**
 * Who holds what, in memory. Every method first drops the registrations whose lease has ended, and none waits for
 * anything: an answer is the state at one moment.
 */
export class Registry {
  readonly #init: RegistryInit;
  /** In the order of the lease ends: leases are equally long, so who renewed last stands last. */
  readonly #byAddress = new Map<string, Registration>();
  readonly #byToken = new Map<string, Registration>();
  readonly #byName = new Map<string, Set<Entry>>();
  readonly #bySha256 = new Map<string, Set<Entry>>();
  readonly #byRoot = new Map<string, Set<Entry>>();
  #fileCount = 0;

  constructor(init: RegistryInit) {
    this.#init = init;
  }

  get leaseMs(): number {
    return this.#init.leaseMs;
  }

  /** Peers whose lease holds, and the files of each of them. */
  counts(): { peers: number; files: number } {
    this.sweep();
    return { peers: this.#byAddress.size, files: this.#fileCount };
  }

  /**
   * Enters a peer with its files and a fresh lease. A registration of the same user at the same address is replaced,
   * so a peer that crashed can come back at once; its former token ends.
   * @throws PeerLabError `address-taken`, `bad-request` (a name twice); nothing has changed then
   */
  register(peer: PeerAddress, files: readonly SharedFile[], tokenHash: string): Registration {
    this.sweep();
    const address = addressText(peer);
    const previous = this.#byAddress.get(address);
    if (previous && previous.peer.user !== peer.user) throw new PeerLabError('address-taken', { about: address });

    const registration = previous ?? { peer, address, tokenHash, leaseEndsMs: 0, files: new Map() };
    this.replaceFiles(registration, files);
    this.#byToken.delete(registration.tokenHash);
    registration.tokenHash = tokenHash;
    this.#byToken.set(tokenHash, registration);
    this.renew(registration);
    return registration;
  }

  /** The registration that this token belongs to, while its lease holds. */
  findByToken(tokenHash: string): Registration | undefined {
    this.sweep();
    return this.#byToken.get(tokenHash);
  }

  /** Starts a fresh lease. */
  renew(registration: Registration): void {
    registration.leaseEndsMs = this.#init.now() + this.#init.leaseMs;
    this.#byAddress.delete(registration.address);
    this.#byAddress.set(registration.address, registration);
  }

  /**
   * Replaces the whole list of a peer at once; costs index work only for the files that differ.
   * @throws PeerLabError `bad-request` for a name that comes twice; the old list stays then
   */
  replaceFiles(holder: Registration, files: readonly SharedFile[]): void {
    const next = new Map<string, Entry>();
    for (const file of files) {
      if (next.has(file.name)) {
        throw new PeerLabError('bad-request', { about: 'files', got: `the name ${JSON.stringify(file.name)} twice` });
      }
      const old = holder.files.get(file.name);
      const same = old?.file.sha256 === file.sha256 && old.file.size === file.size && old.file.root === file.root;
      next.set(file.name, same ? old : { holder, file });
    }
    for (const [name, entry] of holder.files) if (next.get(name) !== entry) this.#unlist(entry);
    for (const [name, entry] of next) if (holder.files.get(name) !== entry) this.#list(entry);
    holder.files = next;
  }

  remove(registration: Registration): void {
    this.#byAddress.delete(registration.address);
    this.#byToken.delete(registration.tokenHash);
    for (const entry of registration.files.values()) this.#unlist(entry);
  }

  /** Drops what has expired. Costs nothing while nothing has. */
  sweep(): void {
    const now = this.#init.now();
    for (const registration of this.#byAddress.values()) {
      if (registration.leaseEndsMs > now) return;
      this.remove(registration);
      this.#init.onExpired?.(registration);
    }
  }

  /** All peers with their files, in the order of their addresses as text. */
  index(page: PageRequest): Page<IndexEntry> {
    this.sweep();
    return pageOf(
      this.#byAddress.keys(),
      page,
      (address) => indexEntry(this.#byAddress.get(address) as Registration),
      (entry) => entry.files.length,
    );
  }

  /**
   * The contents that match, in the order of their SHA-256, each with every peer that holds it under any name. The
   * order is by hash because a content keeps its hash while its names come and go: no page then misses or repeats it.
   */
  search(query: Query, page: PageRequest): Page<SearchResult> {
    this.sweep();
    const matches = 'name' in query ? nameTest(query.name) : () => true;
    return pageOf(
      this.#contentsOf(query, matches),
      page,
      (sha256) => searchResult(sha256, this.#bySha256.get(sha256) as Set<Entry>, matches),
      (result) => result.peers.length,
    );
  }

  #contentsOf(query: Query, matches: (name: string) => boolean): Iterable<string> {
    if ('name' in query) return this.#contentsNamed(query.name, matches);
    if ('root' in query) return new Set([...(this.#byRoot.get(query.root) ?? [])].map(({ file }) => file.sha256));
    return this.#bySha256.has(query.sha256) ? [query.sha256] : [];
  }

  #contentsNamed(pattern: string, matches: (name: string) => boolean): Set<string> {
    const found = new Set<string>();
    const names = isGlob(pattern) ? this.#byName.keys() : [pattern];
    for (const name of names) {
      if (!matches(name)) continue;
      for (const { file } of this.#byName.get(name) ?? []) found.add(file.sha256);
    }
    return found;
  }

  #list(entry: Entry): void {
    addTo(this.#byName, entry.file.name, entry);
    addTo(this.#bySha256, entry.file.sha256, entry);
    if (entry.file.root !== undefined) addTo(this.#byRoot, entry.file.root, entry);
    this.#fileCount++;
  }

  #unlist(entry: Entry): void {
    removeFrom(this.#byName, entry.file.name, entry);
    removeFrom(this.#bySha256, entry.file.sha256, entry);
    if (entry.file.root !== undefined) removeFrom(this.#byRoot, entry.file.root, entry);
    this.#fileCount--;
  }
}

function nameTest(pattern: string): (name: string) => boolean {
  return isGlob(pattern) ? (name) => matchesGlob(name, pattern) : (name) => name === pattern;
}

function indexEntry({ peer, files }: Registration): IndexEntry {
  return { ...peer, files: [...files.values()].map((entry) => entry.file) };
}

function searchResult(sha256: string, entries: Set<Entry>, matches: (name: string) => boolean): SearchResult {
  const shown = onePerPeer(entries, matches);
  const names = [...entries].map(({ file }) => file.name).filter(matches);
  const roots = new Set(shown.flatMap(({ file }) => file.root ?? []));
  const [root] = roots;
  return {
    name: names.reduce((first, name) => (name < first ? name : first)),
    size: mostAnnounced(shown.map(({ file }) => file.size)),
    sha256,
    ...(roots.size === 1 && { root: root as string }),
    peers: shown.map(({ holder, file }) => ({
      ...holder.peer,
      name: file.name,
      ...(file.root !== undefined && { root: file.root }),
    })),
  };
}

/** For each peer the name that its copy goes by: the first that matches, otherwise the first; ordered by address. */
function onePerPeer(entries: Set<Entry>, matches: (name: string) => boolean): Entry[] {
  const best = new Map<string, Entry>();
  for (const entry of entries) {
    const rival = best.get(entry.holder.address);
    if (!rival || comesFirst(entry.file.name, rival.file.name, matches)) best.set(entry.holder.address, entry);
  }
  return [...best.values()].sort((a, b) => (a.holder.address < b.holder.address ? -1 : 1));
}

function comesFirst(name: string, rival: string, matches: (name: string) => boolean): boolean {
  return matches(name) === matches(rival) ? name < rival : matches(name);
}

/** Equal hashes mean equal sizes, so where peers disagree somebody lies; one liar must not decide for all. */
function mostAnnounced(sizes: readonly number[]): number {
  const votes = new Map<number, number>();
  for (const size of sizes) votes.set(size, (votes.get(size) ?? 0) + 1);
  const [winner] = [...votes].reduce((best, vote) =>
    vote[1] > best[1] || (vote[1] === best[1] && vote[0] < best[0]) ? vote : best,
  );
  return winner;
}

function addTo(index: Map<string, Set<Entry>>, key: string, entry: Entry): void {
  const entries = index.get(key);
  if (entries) entries.add(entry);
  else index.set(key, new Set([entry]));
}

function removeFrom(index: Map<string, Set<Entry>>, key: string, entry: Entry): void {
  const entries = index.get(key);
  entries?.delete(entry);
  if (entries?.size === 0) index.delete(key);
}
