import type { TransferResult } from '#proto/control-api.ts';
import { type ErrorCode, PeerLabError, toPeerLabError } from '#proto/errors.ts';
import { pieceSizeOf } from '#proto/hash-tree.ts';
import type { KeyedMutex } from '../bounds.ts';
import type { ShareEntry } from '../share/catalogue.ts';
import type { PieceFile } from '../share/piece-file.ts';
import type { Share } from '../share/share.ts';
import type { TransferMeter } from '../transfer-meter.ts';
import type { DownloadLimits } from './download-limits.ts';
import { askTree, type ToldTree } from './file-tree.ts';
import type { Liars } from './liars.ts';
import { Partners, type PartnersInit } from './partners.ts';
import type { PeerClients } from './peer-clients.ts';
import type { SourceFinder } from './source-finder.ts';
import { type Group, groupsOf, type Source, type Wanted } from './sources.ts';
import { Swarm } from './swarm.ts';
import type { Tally } from './tally.ts';
import { fetchWhole } from './whole-file.ts';

/** Errors that another source would not fix. */
const OWN_FAULTS: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'cancelled',
  'disk-full',
  'share-gone',
  'share-read-only',
  'file-exists',
  'bad-name',
  'internal',
]);

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

/** A file that is received in pieces, and the name that it will have. */
export interface OnItsWay {
  readonly name: string;
  readonly file: PieceFile;
}

export interface DownloadInit {
  readonly share: Share;
  readonly clients: PeerClients;
  readonly meter: TransferMeter;
  readonly stallTimeoutMs: number;
  readonly finder: SourceFinder;
  readonly mutex: KeyedMutex;
  readonly liars: Liars;
  readonly limits: DownloadLimits;
  /** Who fetches the same, by SHA-256, for each content that is on its way in pieces. */
  readonly partners: Map<string, Partners>;
  readonly onItsWay: Set<OnItsWay>;
  /** Whether it takes part in crowds: PEER_SWARM. */
  readonly swarms: boolean;
  readonly directory: PartnersInit['directory'];
  readonly self: string;
  /** To store it as. */
  readonly name: string;
  readonly tally: Tally;
  readonly signal: AbortSignal;
}

/** One download, from the choice of its sources on. */
export class Download {
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

  /** Does `work`; if it fails in a way that another source may fix, the reason is kept. */
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
    const { share, meter, finder, signal } = this.#init;
    const { tree, sizeBytes, sha256, sources } = content;
    // Temporary file and journal are named after the root: two downloads of one content, to two names, take turns.
    using _turn = await this.#init.mutex.take(`root ${tree.root}`, this.#init.signal);
    await using file = await share.receivePieces({ sizeBytes, sha256, tree, signal: this.#init.signal });
    // What the root proves is what others want only if all agree on the root.
    const inCrowd = !content.isDoubtful && this.#init.swarms;
    if (inCrowd) share.offer(file);
    using _shown = this.#show(file);
    const { resumedBytes } = file;
    meter.resumed(resumedBytes);
    const swarm = new Swarm({
      ...this.#init,
      ...{ file, sources },
      more: () => (wanted.only ? Promise.resolve([]) : finder.more(content.tree.root, content.sizeBytes, signal)),
      gaveUp: (address, code) => this.#gaveUp(address, code),
      rejected: () => meter.pieceRejected(),
    });
    using _partners = !inCrowd || wanted.only || file.pieces === 1 ? undefined : this.#partners(content, swarm);
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

  /** Lets who looks on see how much is there, until disposed. */
  #show(file: PieceFile): Disposable {
    const { name, onItsWay } = this.#init;
    const shown = { name, file };
    onItsWay.add(shown);
    return { [Symbol.dispose]: () => void onItsWay.delete(shown) };
  }

  /** Has others who fetch the same take part, until disposed. */
  #partners({ tree, sizeBytes, sha256 }: Content, swarm: Swarm): Disposable {
    const { partners, directory, liars, self } = this.#init;
    const found = (sources: Source[]) => swarm.offer(sources);
    const met = new Partners({ directory, liars, self, root: tree.root, sizeBytes, found });
    partners.set(sha256, met);
    return {
      [Symbol.dispose]: () => {
        partners.delete(sha256);
        met[Symbol.dispose]();
      },
    };
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
