import type { TransferResult } from '#proto/control-api.ts';
import { addressText, type SearchResult } from '#proto/directory-api.ts';
import { type ErrorCode, PeerLabError, toPeerLabError } from '#proto/errors.ts';
import { pieceSizeOf } from '#proto/hash-tree.ts';
import { atMost, type Slots, Turns } from '../bounds.ts';
import type { DirectorySession } from '../directory/session.ts';
import type { ShareEntry } from '../share/catalogue.ts';
import type { PieceFile } from '../share/piece-file.ts';
import type { Share } from '../share/share.ts';
import type { TransferMeter } from '../transfer-meter.ts';
import { askTree, type ToldTree } from './file-tree.ts';
import { Liars } from './liars.ts';
import type { PeerClients } from './peer-clients.ts';
import { ReceiveMemory } from './receive-memory.ts';
import { chooseSources, type Group, groupsOf, type Source, sourceOf, type Wanted } from './sources.ts';
import { Swarm } from './swarm.ts';
import { Tally } from './tally.ts';
import { fetchWhole } from './whole-file.ts';

export interface DownloadsInit {
  readonly share: Share;
  readonly directory: Pick<DirectorySession, 'search' | 'unverified' | 'isLoggedIn' | 'publish'>;
  readonly clients: PeerClients;
  readonly meter: TransferMeter;
  /** Shared with uploads. */
  readonly slots: Slots;
  readonly stallTimeoutMs: number;
  /** Own address, `ip:port`. */
  readonly self: string;
}

export interface DownloadRequest {
  readonly name: string;
  readonly sha256?: string | undefined;
  /** `ip:port` of the only source to use. */
  readonly from?: string | undefined;
  /** In bytes: content of another size is not fetched. */
  readonly size?: number | undefined;
}

/** Errors that another source would not mend. */
const OWN_FAULTS: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'cancelled',
  'disk-full',
  'file-exists',
  'bad-name',
  'internal',
]);

/** A finished download waits no longer than this for the directory to hear of it. */
const TELL_MS = 2000;
/** A search for more sources while a download is under way. */
const SEARCH_AGAIN_MS = 2000;
/** Sources asked for the tree at one time; the first right answer counts. */
const TREE_ASKS = 3;

type Fetched = Required<Pick<TransferResult, 'verified'>> &
  Pick<TransferResult, 'resumedBytes'> & { entry: ShareEntry };

/** Content that is known by its root and SHA-256, and who has it. */
interface Content extends ToldTree {
  readonly sources: readonly Source[];
  /** The SHA-256 is known from elsewhere than the root: it is looked at too before the file gets its name. */
  readonly isDoubtful: boolean;
}

/** Fetches files from other peers into the share. */
export class Downloads {
  readonly #init: DownloadsInit;
  /** What all downloads of a peer have in common. */
  readonly #common = { turns: new Turns(), liars: new Liars(), memory: new ReceiveMemory() };

  constructor(init: DownloadsInit) {
    this.#init = init;
  }

  /**
   * Fetches one file, and comes back when it has its own name and the directory was told (best effort). Of two
   * downloads to one name, the second waits for the first, and then finds the file there.
   * @throws PeerLabError with the bytes that moved beside it: `file-exists`, `no-source`, `hash-mismatch`, `cancelled`, …
   */
  async download(request: DownloadRequest, signal: AbortSignal): Promise<TransferResult> {
    using _turn = await this.#common.turns.take(`name ${request.name}`, signal);
    using _slot = await this.#init.slots.take(signal);
    return await this.#download(request, signal);
  }

  /**
   * The same without a slot of its own: for a batch, which has one; and for what another peer offers to upload, as two peers that upload to
   * each other would wait for each other's.
   * @throws PeerLabError as `download`
   */
  async withoutSlot(request: DownloadRequest, signal: AbortSignal): Promise<TransferResult> {
    using _turn = await this.#common.turns.take(`name ${request.name}`, signal);
    return await this.#download(request, signal);
  }

  async #download(request: DownloadRequest, signal: AbortSignal): Promise<TransferResult> {
    const { share, directory, meter } = this.#init;
    const tally = new Tally(meter.start('received'));
    this.#common.memory.downloads++;
    try {
      const wanted = ofSize(await this.#resolve(request, signal), request);
      const present = await share.checkTarget(request.name, wanted.sha256);
      const { entry, ...how } = present
        ? { entry: present }
        : await new Download({ ...this.#init, ...this.#common, name: request.name, tally, signal }).fetch(wanted);
      const { seconds, firstByteSeconds } = tally.transfer;
      tally.transfer.end();
      await atMost(TELL_MS, directory.publish());
      const first = firstByteSeconds === undefined ? {} : { firstByteSeconds };
      const { name, size, sha256 } = entry;
      return { outcome: 'ok', name, size, sha256, ...tally.figures, seconds, ...first, ...how };
    } catch (error) {
      throw tally.failed(error);
    } finally {
      this.#common.memory.downloads--;
    }
  }

  /** Which content is meant, and who has it. */
  async #resolve({ name, sha256, from }: DownloadRequest, signal: AbortSignal): Promise<Wanted> {
    const { directory } = this.#init;
    if (from !== undefined) return this.#announcedBy(from, name, sha256, signal);
    const query = sha256 === undefined ? { name } : { sha256 };
    const found = await directory.search(query, signal);
    const wanted = await this.#chosen(found, { name, sha256 }, signal);
    const honest = wanted.sources.filter(({ address }) => !this.#common.liars.has(address));
    if (honest.length > 0) return { ...wanted, sources: honest };
    throw new PeerLabError('no-source', { about: name, got: 'only peers that sent wrong content lately' });
  }

  /** Among those who announced a hash; where nobody did, those of the predecessor's kind, whose files nothing proves. */
  async #chosen(
    found: readonly SearchResult[],
    asked: { name: string; sha256?: string | undefined },
    signal: AbortSignal,
  ): Promise<Wanted> {
    const { directory, self } = this.#init;
    try {
      return chooseSources(found, asked, self);
    } catch (error) {
      if (asked.sha256 !== undefined || toPeerLabError(error).code !== 'file-not-found') throw error;
      const peers = await directory.unverified(asked.name, signal);
      if (peers.length === 0) throw error;
      return { sources: peers.map((peer) => ({ address: addressText(peer), name: peer.name })) };
    }
  }

  /** What the directory says that `from` has under `name`; a directory that is away is no reason to fail. */
  async #announcedBy(from: string, name: string, sha256: string | undefined, signal: AbortSignal): Promise<Wanted> {
    const { directory } = this.#init;
    const results = directory.isLoggedIn ? await directory.search({ name }, signal).catch(() => []) : [];
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

interface DownloadInit extends DownloadsInit {
  readonly turns: Turns;
  readonly liars: Liars;
  readonly memory: ReceiveMemory;
  /** To store it as. */
  readonly name: string;
  readonly tally: Tally;
  readonly signal: AbortSignal;
}

/** One download, from the choice of its sources on. */
class Download {
  readonly #init: DownloadInit;
  readonly #failures: PeerLabError[] = [];
  /** Sources that have no tree to show. */
  readonly #treeless = new Set<string>();

  constructor(init: DownloadInit) {
    this.#init = init;
  }

  /** By the hash tree where anybody has one, otherwise as a whole, from one source after the other. */
  async fetch(wanted: Wanted): Promise<Fetched> {
    const groups = groupsOf(wanted.sources);
    for (const group of groups) {
      const fetched = await this.#try(async () => {
        const told = await this.#treeOf(group, wanted);
        return told && this.#inPieces({ ...told, sources: group.sources, isDoubtful: groups.length > 1 }, wanted);
      });
      if (fetched) return fetched;
    }
    for (const source of wanted.sources) {
      if (source.root !== undefined && !this.#treeless.has(source.address)) continue;
      const fetched = await this.#try(() => this.#fromOne(source, wanted), source.address);
      if (fetched) return fetched;
    }
    const [only] = this.#failures;
    if (only && this.#failures.length === 1) throw only;
    const got = this.#failures.map((error) => error.message).join('; ');
    throw new PeerLabError('no-source', { about: this.#init.name, got });
  }

  /** Does `work`; when it fails in a way that another source may mend, the reason is kept. */
  async #try<T>(work: () => Promise<T>, address?: string): Promise<T | undefined> {
    try {
      return await work();
    } catch (thrown) {
      const error = toPeerLabError(thrown);
      if (address !== undefined) this.#gaveUp(address, error.code);
      if (OWN_FAULTS.has(error.code)) throw error;
      this.#failures.push(error);
      return undefined;
    }
  }

  #gaveUp(address: string, code: ErrorCode): void {
    this.#init.tally.gaveUp(address, code);
    this.#init.liars.note(address, code);
  }

  /** The tree for a root that the directory holds; undefined when none of the sources has it. */
  async #treeOf({ root, size = 0, sources }: Group, { sha256 = '' }: Wanted): Promise<ToldTree | undefined> {
    const pieceSizeBytes = pieceSizeOf(size);
    // The layer of one piece is the root itself.
    if (size > 0 && size <= pieceSizeBytes) {
      return { sizeBytes: size, sha256, tree: { root, pieceSizeBytes, layer: Buffer.from(root, 'hex') } };
    }
    const failures: PeerLabError[] = [];
    const ask = async (source: Source): Promise<ToldTree> => {
      const told = await this.#ask(source, sha256, failures);
      if (told?.tree.root === root && told.sizeBytes === size && told.sha256 === sha256) return told;
      if (told) failures.push(otherAnnounced(source.address, sha256));
      throw new Error('no tree');
    };
    const holders = sources.filter((source) => source.root === root);
    for (let at = 0; at < holders.length; at += TREE_ASKS) {
      const told = await Promise.any(holders.slice(at, at + TREE_ASKS).map(ask)).catch(() => undefined);
      if (told) return told;
      if (this.#init.signal.aborted) throw new PeerLabError('cancelled');
    }
    this.#failures.push(...failures);
    return undefined;
  }

  async #ask(source: Source, sha256: string | undefined, failures: PeerLabError[]): Promise<ToldTree | undefined> {
    const { clients, stallTimeoutMs } = this.#init;
    try {
      const told = await askTree(source, sha256, { clients, timeoutMs: stallTimeoutMs, signal: this.#init.signal });
      if (!told) this.#treeless.add(source.address);
      return told;
    } catch (thrown) {
      const error = toPeerLabError(thrown);
      if (error.code === 'cancelled') throw error;
      this.#init.tally.asked(source.address);
      this.#gaveUp(source.address, error.code);
      failures.push(error);
      return undefined;
    }
  }

  /** From one source that announced no root: it may have a tree all the same, when it was named by hand. */
  async #fromOne(source: Source, wanted: Wanted): Promise<Fetched> {
    if (wanted.only) {
      const { clients, stallTimeoutMs } = this.#init;
      const told = await askTree(source, wanted.sha256, {
        clients,
        timeoutMs: stallTimeoutMs,
        signal: this.#init.signal,
      });
      if (told) return this.#fromItsOwnWord(source, told, wanted);
    }
    const { share, clients, stallTimeoutMs } = this.#init;
    const init = { share, clients, stallTimeoutMs, tally: this.#init.tally, signal: this.#init.signal };
    return fetchWhole(source, this.#init.name, { ...wanted, size: source.size ?? wanted.size }, init);
  }

  async #fromItsOwnWord(source: Source, told: ToldTree, wanted: Wanted): Promise<Fetched> {
    const { sha256, size } = wanted;
    if ((sha256 !== undefined && sha256 !== told.sha256) || (size !== undefined && size !== told.sizeBytes)) {
      throw otherAnnounced(source.address, sha256);
    }
    const present = await this.#init.share.checkTarget(this.#init.name, told.sha256);
    if (present) return { entry: present, verified: 'sha256' };
    return this.#inPieces({ ...told, sources: [source], isDoubtful: sha256 !== undefined }, wanted);
  }

  async #inPieces(content: Content, wanted: Wanted): Promise<Fetched> {
    const { share, meter } = this.#init;
    const { tree, sizeBytes, sha256, sources } = content;
    // Temporary file and journal are named after the root: two downloads of one content, to two names, take turns.
    using _turn = await this.#init.turns.take(`root ${tree.root}`, this.#init.signal);
    await using file = await share.receivePieces({ sizeBytes, sha256, tree, signal: this.#init.signal });
    const { resumedBytes } = file;
    meter.resumed(resumedBytes);
    const swarm = new Swarm({
      ...this.#init,
      ...{ file, sources },
      more: () => (wanted.only ? Promise.resolve([]) : this.#more(content)),
      gaveUp: (address, code) => this.#gaveUp(address, code),
      rejected: () => meter.pieceRejected(),
    });
    try {
      await swarm.run();
      if (content.isDoubtful) await this.#assertSha256(file, content);
      const entry = await share.publish(file, this.#init.name);
      return { entry, verified: 'tree', ...(resumedBytes > 0 && { resumedBytes }) };
    } catch (thrown) {
      const { code } = toPeerLabError(thrown);
      // What stands in the way of the file is not mended by having more of it; what was wrong as a whole is worth nothing.
      if (code === 'disk-full' || code === 'file-exists' || (code === 'hash-mismatch' && file.left === 0))
        file.keep = false;
      throw thrown;
    }
  }

  /** Those who announce this root and size now, but not who lied. */
  async #more({ tree: { root }, sizeBytes }: Content): Promise<Source[]> {
    const { directory, self } = this.#init;
    const signal = AbortSignal.any([this.#init.signal, AbortSignal.timeout(SEARCH_AGAIN_MS)]);
    const results = await directory.search({ root }, signal).catch(() => []);
    return results
      .flatMap((result) => result.peers.map((peer) => sourceOf(peer, result)))
      .filter((source) => source.root === root && source.size === sizeBytes)
      .filter(({ address }) => address !== self && !this.#init.liars.has(address));
  }

  /** Where the root is doubtful, the SHA-256 decides. @throws PeerLabError `hash-mismatch` */
  async #assertSha256(file: PieceFile, { sha256, tree, sources }: Content): Promise<void> {
    const got = await file.sha256(this.#init.signal);
    if (got === sha256) return;
    for (const { address, root } of sources) {
      if (root === undefined || root === tree.root) this.#gaveUp(address, 'hash-mismatch');
    }
    throw new PeerLabError('hash-mismatch', { about: this.#init.name, expected: `sha256 ${sha256}`, got });
  }
}

function otherAnnounced(about: string, sha256: string | undefined): PeerLabError {
  return new PeerLabError('hash-mismatch', { about, expected: `sha256 ${sha256}`, got: 'another content announced' });
}
