import { addressText } from '#proto/addresses.ts';
import type { IndexEntry, PeerAddress, PeerLoad, SearchResult, SharedFile } from '#proto/directory-api.ts';
import { PeerLabError } from '#proto/errors.ts';
import { type Content, type Copy, FileIndex, HashBound, type NameQuery, nameQuery, prefixQuery } from './file-index.ts';
import { type Page, PageKeys, type PageRequest, pageOf } from './pages.ts';
import { compareRank, rankOf, UNKNOWN_RANK } from './ranking.ts';
import { Swarms } from './swarms.ts';

export interface RegistryLimits {
  readonly peers: number;
  readonly peersPerUser: number;
  /** Of all peers together. */
  readonly files: number;
}

export interface RegistryInit {
  /** How long a registration holds without a renewal, in milliseconds; the same for all. */
  leaseMs: number;
  /** How long a token holds, however often the lease is renewed, in milliseconds. */
  tokenMs: number;
  limits: RegistryLimits;
  /** A clock that never goes back, in milliseconds. */
  now: () => number;
  /** Called for each registration that came, changed or went; not for renewals. */
  onChanged?: (address: string) => void;
  /** Called for each registration whose lease ended. */
  onExpired?: (registration: Registration) => void;
}

/** A peer that is logged in. It lasts until logout or the end of its lease, and its token with it. */
export interface Registration {
  readonly peer: PeerAddress;
  readonly address: string;
  /** @internal these change, and only the registry changes them */
  tokenHash: string;
  tokenEndsMs: number;
  renewedMs: number;
  /** What the peer said of itself last, as a number: the higher the better a source. */
  rank: number;
  copies: Copy<Registration>[];
}

/** What it takes to enter a peer again after a restart. */
export interface SavedRegistration {
  readonly peer: PeerAddress;
  readonly files: readonly SharedFile[];
  readonly tokenHash: string;
  /** How long the token still holds, in milliseconds. */
  readonly tokenLeftMs: number;
}

/** What to look for: a name (exact, or a glob), the beginning of one, or a content. */
export type Query = { name: string } | { prefix: string } | { sha256: string } | { root: string };

/** What an answer told, beside itself: how long ago the peers in it were heard of, at worst. */
export interface Told<T> extends Page<T> {
  readonly ageMs: number;
}

/**
 * Who holds what, in memory. Every method first drops the registrations whose lease has ended, and none waits for
 * anything: an answer is the state at one moment.
 */
export class Registry {
  readonly #init: RegistryInit;
  /** In the order of the lease ends: leases are equally long, so who renewed last stands last. */
  readonly #byAddress = new Map<string, Registration>();
  readonly #byToken = new Map<string, Registration>();
  /** No lease was renewed before that. It may be older than the truth: leases are renewed or end, and time goes on. */
  #oldestRenewalMs = Number.NEGATIVE_INFINITY;
  readonly #peersOf = new Map<string, number>();
  readonly #files = new FileIndex<Registration>();
  readonly #swarms = new Swarms<Registration>();

  constructor(init: RegistryInit) {
    this.#init = init;
  }

  get leaseMs(): number {
    return this.#init.leaseMs;
  }

  /** Peers whose lease holds, and the files of each of them. */
  counts(): { peers: number; files: number } {
    this.sweep();
    return { peers: this.#byAddress.size, files: this.#files.copies };
  }

  /**
   * Enters a peer with its files and a fresh lease. A registration of the same user at the same address is replaced,
   * so a peer that crashed can come back at once; its former token ends.
   * @throws PeerLabError `address-taken`, `too-many-peers`, `directory-full`, `bad-request` (a name twice); nothing has changed then
   */
  register(peer: PeerAddress, files: readonly SharedFile[], tokenHash: string): Registration {
    this.sweep();
    const previous = this.#byAddress.get(addressText(peer));
    if (previous && previous.peer.user !== peer.user) {
      throw new PeerLabError('address-taken', { about: previous.address });
    }
    if (!previous) this.#assertRoomForPeer(peer.user);
    this.#assertRoomFor(files.length - (previous?.copies.length ?? 0));
    return this.#enter(peer, files, tokenHash, this.#init.tokenMs);
  }

  /**
   * Enters a peer of an earlier life of the directory, with a fresh lease and the token that it had; over the limits
   * too: they may have been lowered since, and nobody could make room in a directory that does not start.
   */
  restore({ peer, files, tokenHash, tokenLeftMs }: SavedRegistration): void {
    this.#enter(peer, files, tokenHash, Math.min(tokenLeftMs, this.#init.tokenMs));
  }

  /**
   * Enters what another directory has written of an address; undefined: it is free. With the token that it has here already, a
   * registration gets another list of files, and no other lease.
   */
  follow(address: string, saved: SavedRegistration | undefined): void {
    const known = this.#byAddress.get(address);
    const isSame = known && saved?.tokenHash === known.tokenHash && saved.peer.user === known.peer.user;
    if (isSame) {
      this.#setFiles(known, saved.files);
      return;
    }
    if (known && saved?.peer.user !== known.peer.user) this.remove(known);
    if (saved) this.restore(saved);
  }

  rankAt(address: string): number | undefined {
    return this.#byAddress.get(address)?.rank;
  }

  addresses(): Iterable<string> {
    return this.#byAddress.keys();
  }

  /** What `restore` needs of the registration at `address`, if there is one. */
  saved(address: string): SavedRegistration | undefined {
    const registration = this.#byAddress.get(address);
    if (!registration) return undefined;
    const { peer, tokenHash, tokenEndsMs, copies } = registration;
    return { peer, files: copies.map(fileOf), tokenHash, tokenLeftMs: tokenEndsMs - this.#init.now() };
  }

  /** Whose peer is at `address` now. */
  userAt(address: string): string | undefined {
    this.sweep();
    return this.#byAddress.get(address)?.peer.user;
  }

  /** The registration that this token belongs to, while lease and token hold. */
  findByToken(tokenHash: string): Registration | undefined {
    this.sweep();
    const registration = this.#byToken.get(tokenHash);
    return registration && registration.tokenEndsMs > this.#init.now() ? registration : undefined;
  }

  /** The same. @throws PeerLabError `unauthorized` where there is none */
  holderOf(tokenHash: string): Registration {
    const registration = this.findByToken(tokenHash);
    if (!registration) throw new PeerLabError('unauthorized');
    return registration;
  }

  /** Starts a fresh lease; `load` is how busy the peer says that it is. @returns what was left of the old one, in milliseconds */
  renew(registration: Registration, load?: PeerLoad): number {
    const leftMs = registration.renewedMs + this.#init.leaseMs - this.#init.now();
    this.#renew(registration);
    if (load) registration.rank = rankOf(load);
    return leftMs;
  }

  /** Starts a fresh lease that another directory has granted. @returns whether the registration is there */
  renewAt(address: string, rank: number): boolean {
    const registration = this.#byAddress.get(address);
    if (!registration) return false;
    this.#renew(registration);
    registration.rank = rank;
    return true;
  }

  /** Starts a fresh lease for everybody. */
  renewAll(): void {
    for (const registration of [...this.#byAddress.values()]) this.#renew(registration);
  }

  /**
   * Replaces the whole list of a peer at once; costs index work only for the files that differ.
   * @throws PeerLabError `bad-request` for a name that comes twice, `directory-full`; the old list stays then
   */
  replaceFiles(holder: Registration, files: readonly SharedFile[]): void {
    this.#assertRoomFor(files.length - holder.copies.length);
    this.#setFiles(holder, files);
  }

  remove(registration: Registration): void {
    const { address, peer, tokenHash, copies } = registration;
    this.#byAddress.delete(address);
    this.#byToken.delete(tokenHash);
    const left = (this.#peersOf.get(peer.user) ?? 0) - 1;
    if (left > 0) this.#peersOf.set(peer.user, left);
    else this.#peersOf.delete(peer.user);
    for (const copy of copies) this.#files.remove(copy);
    this.#swarms.leaveAll(registration);
    registration.copies = [];
    this.#init.onChanged?.(address);
  }

  /** Drops what has expired. Costs nothing while nothing has. */
  sweep(): void {
    const lapsedMs = this.#init.now() - this.#init.leaseMs;
    if (lapsedMs < this.#oldestRenewalMs) return;
    for (const registration of this.#byAddress.values()) {
      this.#oldestRenewalMs = registration.renewedMs;
      if (registration.renewedMs > lapsedMs) return;
      this.remove(registration);
      this.#init.onExpired?.(registration);
    }
  }

  /** All peers with their files, in the order of their addresses as text. */
  index(page: PageRequest): Told<IndexEntry> {
    this.sweep();
    const keys = new PageKeys(page);
    for (const address of this.#byAddress.keys()) keys.offer(address);
    const age = new Age(this.#init.now());
    const make = (address: string) => {
      const registration = this.#byAddress.get(address) as Registration;
      age.include(registration);
      return { ...registration.peer, files: registration.copies.map(fileOf) };
    };
    return { ...pageOf(keys, page.limit, make, ({ files }) => files.length), ageMs: age.ms };
  }

  /**
   * The contents that match, in the order of their SHA-256, each with every peer that holds it under any name. The
   * order is by hash because a content keeps its hash while its names come and go: no page then misses or repeats it.
   */
  search(query: Query, page: PageRequest): Told<SearchResult> {
    this.sweep();
    const age = new Age(this.#init.now());
    const named = nameQueryOf(query);
    const matches = named?.matches ?? (() => true);
    const bound = new HashBound();
    const keys = new PageKeys(page, (sha256) => bound.lower(sha256));
    if (named) this.#files.offerNamed(named, keys, bound);
    else if ('root' in query) this.#files.offerRoot(query.root, keys);
    else if ('sha256' in query && this.#files.content(query.sha256)) keys.offer(query.sha256);

    const make = (sha256: string) => searchResult(this.#files.content(sha256) as Content<Registration>, matches, age);
    return { ...pageOf(keys, page.limit, make, ({ peers }) => peers.length), ageMs: age.ms };
  }

  /**
   * What `search` finds for exactly this name, as the JSON of the whole answer, where that is one copy; undefined where
   * it is not. Nearly every search asks for a name, and most names are a single copy's: putting the same text together
   * again would cost more than finding it. It lasts as long as the copy, and needs no more room than a few of its objects.
   */
  searchAlone(name: string): { json: string; ageMs: number } | undefined {
    this.sweep();
    const copy = this.#files.onlyCopy(name);
    if (!copy) return undefined;
    const { renewedMs } = copy.holder;
    const now = this.#init.now();
    copy.toldAlone ??= JSON.stringify({ results: [searchResult(copy.naming.content, () => true, new Age(now))] });
    return { json: copy.toldAlone, ageMs: now - renewedMs };
  }

  /** Peers that have a file of exactly this name, in the order of their addresses. */
  holdersOf(name: string): PeerAddress[] {
    this.sweep();
    const holders = new Set(this.#files.named(name).map(({ holder }) => holder));
    return [...holders].sort((a, b) => (a.address < b.address ? -1 : 1)).map(({ peer }) => peer);
  }

  /** Notes whether a peer is on its way to a content. @returns some of the others that are, at most `most` */
  swarm(asker: Registration, root: string, fetching: boolean, most: number): PeerAddress[] {
    this.sweep();
    if (!fetching) {
      this.#swarms.leave(asker, root);
      return [];
    }
    this.#swarms.enter(asker, root);
    return this.#swarms.others(asker, root, most).map(({ peer }) => peer);
  }

  /** The names of each peer's files. */
  nameLists(): string[][] {
    this.sweep();
    return [...this.#byAddress.values()].map(({ copies }) => copies.map(({ naming }) => naming.name));
  }

  #enter(peer: PeerAddress, files: readonly SharedFile[], tokenHash: string, tokenMs: number): Registration {
    const address = addressText(peer);
    const previous = this.#byAddress.get(address);
    const now = this.#init.now();
    const registration: Registration = previous ?? {
      ...{ peer, address, tokenHash, copies: [], rank: UNKNOWN_RANK, renewedMs: now, tokenEndsMs: 0 },
    };
    this.#setFiles(registration, files);
    // Whoever starts anew is on its way to nothing.
    this.#swarms.leaveAll(registration);
    if (!previous) this.#peersOf.set(peer.user, (this.#peersOf.get(peer.user) ?? 0) + 1);
    this.#byToken.delete(registration.tokenHash);
    registration.tokenHash = tokenHash;
    registration.rank = UNKNOWN_RANK;
    registration.tokenEndsMs = now + tokenMs;
    this.#byToken.set(tokenHash, registration);
    this.#renew(registration);
    return registration;
  }

  #renew(registration: Registration): void {
    registration.renewedMs = this.#init.now();
    this.#byAddress.delete(registration.address);
    this.#byAddress.set(registration.address, registration);
  }

  /** @throws PeerLabError `bad-request` for a name that comes twice; the old list stays then */
  #setFiles(holder: Registration, files: readonly SharedFile[]): void {
    const old = new Map(holder.copies.map((copy) => [copy.naming.name, copy]));
    const same = new Map<string, Copy<Registration> | undefined>();
    for (const file of files) {
      if (same.has(file.name)) {
        throw new PeerLabError('bad-request', { about: 'files', got: `the name ${JSON.stringify(file.name)} twice` });
      }
      const copy = old.get(file.name);
      same.set(file.name, copy && isSame(copy, file) ? copy : undefined);
    }
    for (const [name, copy] of old) if (same.get(name) !== copy) this.#files.remove(copy);
    holder.copies = files.map((file) => same.get(file.name) ?? this.#files.add(holder, file));
    this.#init.onChanged?.(holder.address);
  }

  #assertRoomForPeer(user: string): void {
    const { peers, peersPerUser } = this.#init.limits;
    if ((this.#peersOf.get(user) ?? 0) >= peersPerUser) {
      throw new PeerLabError('too-many-peers', { about: user, expected: `at most ${peersPerUser}` });
    }
    if (this.#byAddress.size >= peers) throw new PeerLabError('directory-full', { expected: `at most ${peers} peers` });
  }

  #assertRoomFor(more: number): void {
    const { files } = this.#init.limits;
    if (more <= 0 || this.#files.copies + more <= files) return;
    throw new PeerLabError('directory-full', { expected: `at most ${files} files of all peers` });
  }
}

/** How long ago the peer of an answer that was silent longest had renewed its lease. */
class Age {
  readonly #now: number;
  ms = 0;

  constructor(now: number) {
    this.#now = now;
  }

  include({ renewedMs }: Registration): void {
    this.ms = Math.max(this.ms, this.#now - renewedMs);
  }
}

export function nameQueryOf(query: Query): NameQuery | undefined {
  if ('name' in query) return nameQuery(query.name);
  return 'prefix' in query ? prefixQuery(query.prefix) : undefined;
}

function fileOf({ naming, size, root }: Copy<Registration>): SharedFile {
  const file = { name: naming.name, size, sha256: naming.content.sha256 };
  return root === undefined ? file : { ...file, root };
}

function isSame({ naming, size, root }: Copy<Registration>, file: SharedFile): boolean {
  return naming.content.sha256 === file.sha256 && size === file.size && root === file.root;
}

function searchResult(
  { sha256, copies }: Content<Registration>,
  matches: (name: string) => boolean,
  age: Age,
): SearchResult {
  const shown = onePerPeer(copies, matches);
  for (const { holder } of shown) age.include(holder);
  const names = copies.map(({ naming }) => naming.name).filter(matches);
  const [root, anotherRoot] = new Set(shown.flatMap((copy) => copy.root ?? []));
  const size = mostAnnounced(shown.map((copy) => copy.size));
  return {
    name: names.reduce((first, name) => (name < first ? name : first)),
    size,
    sha256,
    ...(root !== undefined && anotherRoot === undefined && { root }),
    peers: shown.map((copy) => (copy.size === size ? sourceOf(copy) : { ...sourceOf(copy), size: copy.size })),
  };
}

function sourceOf({ holder, naming, root }: Copy<Registration>): SearchResult['peers'][number] {
  const { user, ip, port } = holder.peer;
  const source = { user, ip, port, name: naming.name };
  return root === undefined ? source : { ...source, root };
}

/** For each peer the name that its copy goes by: the first that matches, otherwise the first. Good sources come first. */
function onePerPeer(copies: readonly Copy<Registration>[], matches: (name: string) => boolean): Copy<Registration>[] {
  const best = new Map<Registration, Copy<Registration>>();
  for (const copy of copies) {
    const rival = best.get(copy.holder);
    if (!rival || comesFirst(copy.naming.name, rival.naming.name, matches)) best.set(copy.holder, copy);
  }
  return [...best.values()].sort((a, b) => compareRank(a.holder, b.holder));
}

function comesFirst(name: string, rival: string, matches: (name: string) => boolean): boolean {
  return matches(name) === matches(rival) ? name < rival : matches(name);
}

/** Equal hashes mean equal sizes, so where peers disagree somebody lies; one liar must not decide for all. */
function mostAnnounced(sizes: readonly number[]): number {
  const [first] = sizes;
  if (first !== undefined && sizes.every((size) => size === first)) return first;
  const votes = new Map<number, number>();
  for (const size of sizes) votes.set(size, (votes.get(size) ?? 0) + 1);
  const [winner] = [...votes].reduce((best, vote) =>
    vote[1] > best[1] || (vote[1] === best[1] && vote[0] < best[0]) ? vote : best,
  );
  return winner;
}
