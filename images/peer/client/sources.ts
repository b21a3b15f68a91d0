import { addressText } from '#proto/addresses.ts';
import type { SearchResult } from '#proto/directory-api.ts';
import { PeerLabError } from '#proto/errors.ts';
import { bestFirst } from '../choosers/best-first.ts';

/** A peer to fetch from, and the name that the content has there. */
export interface Source {
  /** `ip:port` */
  readonly address: string;
  readonly name: string;
  /** Of the hash tree, as the peer told the directory. */
  readonly root?: string | undefined;
  /** In bytes, as it told the directory. */
  readonly size?: number | undefined;
  /** It is still fetching the file itself: what it has, it says itself. */
  readonly isPartial?: true;
}

/** What is to be fetched and from whom. Without `sha256` the source's own word decides. */
export interface Wanted {
  readonly sha256?: string;
  readonly size?: number;
  /** Nobody but these is to be asked: they were named by hand. */
  readonly only?: true;
  readonly sources: readonly Source[];
}

/**
 * Chooses among what the directory found. A name may hold `*` or `?`, which the directory takes for a glob, so only
 * peers that have exactly this name count, unless the content is named by its hash.
 * @param self own address, never a source
 * @throws PeerLabError `file-not-found`, `ambiguous-name`, `no-source` when nobody else has it
 */
export function chooseSources(
  results: readonly SearchResult[],
  { name, sha256 }: { name: string; sha256?: string | undefined },
  self: string,
): Wanted {
  const matching = results
    .map((result) => ({
      ...result,
      peers: result.peers.filter((peer) => (sha256 ? result.sha256 === sha256 : peer.name === name)),
    }))
    .filter((result) => result.peers.length > 0);
  const [found, another] = matching;
  if (!found) throw new PeerLabError('file-not-found', { about: sha256 ? `sha256 ${sha256}` : name });
  if (another) {
    const hashes = matching.slice(0, 3).map((result) => result.sha256);
    throw new PeerLabError('ambiguous-name', { about: name, got: `${matching.length} contents: ${hashes.join(', ')}` });
  }
  const sources = found.peers.map((peer) => sourceOf(peer, found)).filter((source) => source.address !== self);
  if (sources.length === 0) throw new PeerLabError('no-source', { about: name, got: 'only this peer itself' });
  return { sha256: found.sha256, size: found.size, sources: bestFirst(sources) };
}

/** @param result what the peer was found with: its size counts unless the peer announced another */
export function sourceOf(peer: SearchResult['peers'][number], result: Pick<SearchResult, 'size'>): Source {
  return { address: addressText(peer), name: peer.name, root: peer.root, size: peer.size ?? result.size };
}

/** Sources that announced the same root and size. */
export interface Group {
  readonly root: string;
  readonly size: number | undefined;
  readonly sources: Source[];
}

/**
 * Sources by what they announced: those that disagree are never mixed, since one of them lies and the others would be blamed. The
 * largest group comes first. Where all agree, those without a root take part: the tree of the others proves their pieces.
 */
export function groupsOf(sources: readonly Source[]): Group[] {
  const groups = new Map<string, Group>();
  for (const source of sources) {
    const { root, size } = source;
    if (root === undefined) continue;
    const key = `${root} ${size}`;
    const group = groups.get(key);
    if (group) group.sources.push(source);
    else groups.set(key, { root, size, sources: [source] });
  }
  const [only, another] = groups.values();
  const rootless = sources.filter(({ root, size }) => root === undefined && size === only?.size);
  if (only && !another) return [{ ...only, sources: [...only.sources, ...rootless] }];
  return [...groups.values()].sort((a, b) => b.sources.length - a.sources.length);
}
