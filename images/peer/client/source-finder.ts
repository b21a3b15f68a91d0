import { addressText } from '#proto/addresses.ts';
import { PeerLabError, toPeerLabError } from '#proto/errors.ts';
import { type FoundNear, notDialledText } from '../directory/dialling.ts';
import type { DirectorySession } from '../directory/session.ts';
import type { Liars } from './liars.ts';
import { chooseSources, type Source, sourceOf, type Wanted } from './sources.ts';

export interface DownloadRequest {
  readonly name: string;
  readonly sha256?: string | undefined;
  /** `ip:port` of the only source to use. */
  readonly from?: string | undefined;
  /** In bytes: content of another size is not fetched. */
  readonly size?: number | undefined;
}

export interface SourceFinderInit {
  readonly directory: Pick<DirectorySession, 'search' | 'isLoggedIn'>;
  readonly liars: Liars;
  /** Own address, `ip:port`. */
  readonly self: string;
}

/** A search for more sources while a download is under way. */
const SEARCH_AGAIN_MS = 2000;
/** A directory that is away is no reason to fail where something is known without it. */
const NOTHING: FoundNear = { results: [], unverified: [], notDialled: [] };

/** Finds out whom to fetch from: by the directory, or as the request says. */
export class SourceFinder {
  readonly #init: SourceFinderInit;

  constructor(init: SourceFinderInit) {
    this.#init = init;
  }

  /**
   * Which content is meant, and who has it.
   * @throws PeerLabError `file-not-found`, `ambiguous-name`, `no-source`; `hash-mismatch` when another size is announced than is asked for
   */
  async find(request: DownloadRequest, signal: AbortSignal): Promise<Wanted> {
    return ofSize(await this.#found(request, signal), request);
  }

  async #found({ name, sha256, from }: DownloadRequest, signal: AbortSignal): Promise<Wanted> {
    const { directory, liars } = this.#init;
    if (from !== undefined) return this.#announcedBy(from, name, sha256, signal);
    const query = sha256 === undefined ? { name } : { sha256 };
    const wanted = this.#chosen(await directory.search(query, signal), { name, sha256 });
    const honest = wanted.sources.filter(({ address }) => !liars.has(address));
    if (honest.length > 0) return { ...wanted, sources: honest };
    throw new PeerLabError('no-source', { about: name, got: 'only peers that sent wrong content lately' });
  }

  /** Among those who announced a hash; where nobody did, those of the predecessor's kind, whose files nothing proves. */
  #chosen(found: FoundNear, asked: { name: string; sha256?: string | undefined }): Wanted {
    try {
      return chooseSources(found.results, asked, this.#init.self);
    } catch (error) {
      if (toPeerLabError(error).code !== 'file-not-found') throw error;
      const same = found.unverified.filter(({ name }) => asked.sha256 === undefined && name === asked.name);
      const sources = same.flatMap(({ name, peers }) => peers.map((peer) => ({ address: addressText(peer), name })));
      if (sources.length > 0) return { sources };
      if (found.notDialled.length === 0) throw error;
      throw new PeerLabError('no-source', { about: asked.name, got: notDialledText(found.notDialled) });
    }
  }

  /** What the directory says that `from` has under `name`; a directory that is away is no reason to fail. */
  async #announcedBy(from: string, name: string, sha256: string | undefined, signal: AbortSignal): Promise<Wanted> {
    const { directory } = this.#init;
    const { results } = directory.isLoggedIn ? await directory.search({ name }, signal).catch(() => NOTHING) : NOTHING;
    for (const result of results) {
      if (sha256 !== undefined && result.sha256 !== sha256) continue;
      const peer = result.peers.find((one) => one.name === name && addressText(one) === from);
      if (!peer) continue;
      const size = peer.size ?? result.size;
      return { sha256: result.sha256, size, sources: [sourceOf(peer, result)], only: true };
    }
    const sources = [{ address: from, name }];
    return sha256 === undefined ? { sources, only: true } : { sha256, sources, only: true };
  }

  /** Those who announce this root and size now, but not who lied. */
  async more(root: string, sizeBytes: number, download: AbortSignal): Promise<Source[]> {
    const { directory, self, liars } = this.#init;
    const signal = AbortSignal.any([download, AbortSignal.timeout(SEARCH_AGAIN_MS)]);
    const { results } = await directory.search({ root }, signal).catch(() => NOTHING);
    return results
      .flatMap((result) => result.peers.map((peer) => sourceOf(peer, result)))
      .filter((source) => source.root === root && source.size === sizeBytes)
      .filter(({ address }) => address !== self && !liars.has(address));
  }
}

/** @throws PeerLabError `hash-mismatch` when another size is announced than is asked for */
function ofSize(wanted: Wanted, { name, size }: DownloadRequest): Wanted {
  if (size === undefined) return wanted;
  if (wanted.size === undefined || wanted.size === size) return { ...wanted, size };
  throw new PeerLabError('hash-mismatch', {
    about: name,
    expected: `${size} bytes`,
    got: `${wanted.size} announced`,
  });
}
