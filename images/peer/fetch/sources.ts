import { addressText, type SearchResult } from '#proto/directory-api.ts';
import { PeerLabError } from '#proto/errors.ts';

/** A peer to fetch from, and the name that the content has there. */
export interface Source {
  /** `ip:port` */
  readonly address: string;
  readonly name: string;
  /** Of the hash tree, as the peer told the directory. */
  readonly root?: string | undefined;
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
  const sources = found.peers
    .map((peer) => ({ address: addressText(peer), name: peer.name, root: peer.root }))
    .filter((source) => source.address !== self);
  if (sources.length === 0) throw new PeerLabError('no-source', { about: name, got: 'only this peer itself' });
  return { sha256: found.sha256, size: found.size, sources: shuffled(sources) };
}

/**
 * Sources that announced one root, and those that announced none, whose pieces the tree of the others proves. Those that disagree about the
 * root are never mixed: of several groups the largest comes first.
 */
export function groupsByRoot(sources: readonly Source[]): { root: string; sources: Source[] }[] {
  const roots = new Map<string, Source[]>();
  for (const source of sources) {
    if (source.root === undefined) continue;
    const group = roots.get(source.root);
    if (group) group.push(source);
    else roots.set(source.root, [source]);
  }
  const rootless = sources.filter(({ root }) => root === undefined);
  return Array.from(roots, ([root, group]) => ({ root, sources: [...group, ...rootless], votes: group.length })).sort(
    (a, b) => b.votes - a.votes,
  );
}

/** In random order, so that many downloads of one file spread over those who have it. */
function shuffled<T>(items: readonly T[]): T[] {
  const result = [...items];
  for (let i = result.length - 1; i > 0; i--) {
    const j = Math.floor(Math.random() * (i + 1));
    [result[i], result[j]] = [result[j] as T, result[i] as T];
  }
  return result;
}
