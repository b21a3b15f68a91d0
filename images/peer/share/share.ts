import { isUtf8 } from 'node:buffer';
import { EventEmitter } from 'node:events';
import { link, lstat, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from '#base/logger.ts';
import type { SharedFile } from '#proto/directory-api.ts';
import { PeerLabError, reasonOf, toPeerLabError } from '#proto/errors.ts';
import type { HashTree } from '#proto/hash-tree.ts';
import { assertName, nameFlaw, RESERVED_NAME } from '#proto/names.ts';
import { LOGIN_WAITS_MS } from '#proto/promises.ts';
import { atMost } from '../bounds.ts';
import { Catalogue, hashesOf, type ShareEntry, treeOf } from './catalogue.ts';
import { diskError } from './disk-error.ts';
import { type Expected, PartFile } from './part-file.ts';
import { PartsFolder } from './parts-folder.ts';
import { PieceFile, type PieceFileInit, type PieceReader } from './piece-file.ts';
import { PieceMemory } from './piece-memory.ts';
import { HASH_STEP_BYTES, type Identity, identityOf, isSame, RegularFile } from './regular-file.ts';
import { storeNow } from './store-now.ts';
import { FolderWatch, POLL_MS } from './watch.ts';

/** Files looked at and hashed at one time. */
const LOOKS_AT_ONCE = 4;
/** More files than the directory takes from one peer are not shared. */
const MAX_FILES = 100_000;
/** A file written to so recently is probably still being written: it is left for a later look. */
const SETTLE_MS = 200;
/** While a long scan goes on, what it found so far is made known this often. */
const PROGRESS_MS = 1000;

/** Files above this size are hashed in their own time, one after another, while everything else goes on. */
const LONG_HASH_BYTES = 64 * 1024 * 1024;

/** A file that was received whole and is right, still under its temporary name. */
interface Finished {
  readonly path: string;
  readonly hashes: { readonly sha256: string; readonly tree: HashTree | undefined };
  identity(): Promise<Identity>;
  unlink(): Promise<void>;
}

/** What this peer has of a content: the whole of it, or a file that is on its way here. */
export interface Holding {
  readonly sizeBytes: number;
  readonly sha256: string;
  readonly tree: HashTree | undefined;
  readonly unfinished?: PieceFile;
}

/** A file to send, or one of which some pieces can be sent. */
export interface Opened {
  readonly entry: { readonly size: number; readonly sha256: string };
  readonly file: PieceReader;
}

/**
 * The folder that a peer shares: one flat folder of regular files, hashed, kept current while files come and go.
 * Everything else in it (folders, symlinks, FIFOs, sockets, devices, names that the wire can't carry) is left alone.
 *
 * Emits `changed` after the list of files has changed.
 */
export class Share extends EventEmitter<{ changed: [] }> implements AsyncDisposable {
  readonly #folder: string;
  readonly #parts: PartsFolder;
  readonly #logger: Logger;
  readonly #memory: PieceMemory;
  readonly #hashWaitMs: number;
  readonly #catalogue = new Catalogue();
  /** Names that were warned about, so that each is named once for as long as it is there. */
  readonly #warned = new Set<string>();
  /** Names that are being published: a scan leaves them alone, for their hash is known already. */
  readonly #landing = new Set<string>();
  /** Files that are on their way here in pieces, by SHA-256. */
  readonly #unfinished = new Map<string, PieceFile>();
  readonly #closing = new AbortController();
  /** Names of long files that are being hashed or wait for it. */
  readonly #hashing = new Map<string, Promise<void>>();
  #lastHash: Promise<void> = Promise.resolve();
  #watch: FolderWatch | undefined;
  /** Which folder has the share's name: it can be moved away, and another one put in its place. */
  #folderId = '';
  #trouble: PeerLabError | undefined;
  #lastScan: Promise<void> = Promise.resolve();
  #nextScan: Promise<void> | undefined;
  #takeFresh = true;
  #announced = 0;

  private constructor(folder: string, parts: PartsFolder, logger: Logger, memory: PieceMemory, hashWaitMs: number) {
    super();
    this.#hashWaitMs = hashWaitMs;
    this.#memory = memory;
    this.#folder = folder;
    this.#parts = parts;
    this.#logger = logger;
  }

  /**
   * Opens the share without looking into it yet. One that can't be written to is served, and nothing is received into it.
   * @throws PeerLabError `bad-setting` when it is no folder, `share-in-use`
   */
  static async open(
    folder: string,
    logger: Logger,
    memory = new PieceMemory(),
    // Who asks for the whole share waits no longer than this for long files; they are made known when they are done.
    hashWaitMs = LOGIN_WAITS_MS,
  ): Promise<Share> {
    const isFolder = await stat(folder).then(
      (stats) => stats.isDirectory(),
      () => false,
    );
    if (!isFolder) throw new PeerLabError('bad-setting', { about: 'PEER_SHARE_DIR', expected: 'a folder that exists' });
    const parts = new PartsFolder(folder);
    await parts.ready().catch((error) => {
      if (toPeerLabError(error).code !== 'share-read-only') throw error;
      logger.warn('the share is read-only: its files are served, and nothing is received');
    });
    return new Share(folder, parts, logger, memory, hashWaitMs);
  }

  /** Looks at the folder for the first time, and keeps current from then on. */
  async start(): Promise<void> {
    this.#watch = new FolderWatch({
      folder: this.#folder,
      logger: this.#logger,
      look: () => this.#soon(false),
    });
    await this.rescan();
  }

  /** Why nothing is shared although there may be files: `share-gone`, `share-in-use`. It heals itself when the reason is gone. */
  get trouble(): PeerLabError | undefined {
    return this.#trouble;
  }

  /** Files that are not in the list yet, because their hashes take long. */
  get hashing(): number {
    return this.#hashing.size;
  }

  /** Grows with every change of the list. */
  get version(): number {
    return this.#catalogue.version;
  }

  get fileCount(): number {
    return this.#catalogue.size;
  }

  get bytes(): number {
    return this.#catalogue.bytes;
  }

  list(): SharedFile[] {
    return this.#catalogue.list();
  }

  /** Looks at the whole folder, files that were written just now included. Resolves after a scan that began after the call. */
  async rescan(): Promise<void> {
    await this.#soon(true);
    await atMost(this.#hashWaitMs, Promise.all(this.#hashing.values()));
  }

  /** Looks at one name. @returns its entry, or undefined when no file to share has it (any more) */
  async lookAt(name: string): Promise<ShareEntry | undefined> {
    const before = this.version;
    await this.#look(name, Buffer.allocUnsafe(HASH_STEP_BYTES), true, false);
    if (this.version !== before) this.#announce();
    return this.#catalogue.byName(name);
  }

  /** Of the file that is shared under this name, in bytes. */
  sizeOf(name: string): number | undefined {
    return this.#catalogue.byName(name)?.size;
  }

  /** Whether this content is shared under this name. */
  has(name: string, sha256: string): boolean {
    return this.#catalogue.byName(name)?.sha256 === sha256;
  }

  /** The entry of a content when `sha256` is given, otherwise of a name. @throws PeerLabError `bad-name`, `file-not-found` */
  find(name: string, sha256?: string): ShareEntry {
    if (!sha256) assertName(name);
    const entry = sha256 ? this.#catalogue.bySha256(sha256) : this.#catalogue.byName(name);
    if (entry) return entry;
    throw new PeerLabError('file-not-found', { about: sha256 ? `sha256 ${sha256}` : name });
  }

  /**
   * Opens a file to read: by content when `sha256` is given, whatever its name, otherwise by name. What is opened is what was hashed.
   * @throws PeerLabError `bad-name`, `file-not-found`, `file-changed`
   */
  async open(name: string, sha256?: string): Promise<{ entry: ShareEntry; file: RegularFile }> {
    const entry = this.find(name, sha256);
    const file = await RegularFile.open(join(this.#folder, entry.name)).catch(() => undefined);
    if (file && isSame(file.identity, entry.identity)) return { entry, file };
    await file?.[Symbol.asyncDispose]();
    this.#watch?.lookWithin(0);
    throw new PeerLabError(file ? 'file-changed' : 'file-not-found', { about: entry.name });
  }

  /** The same, and what is there of a file that is still on its way, if it is named by its hash. @throws PeerLabError as `open` */
  async openAny(name: string, sha256?: string): Promise<Opened> {
    const unfinished = sha256 && !this.#catalogue.bySha256(sha256) ? this.#unfinished.get(sha256) : undefined;
    if (!unfinished) return this.open(name, sha256);
    return { entry: { size: unfinished.sizeBytes, sha256: unfinished.hashes.sha256 }, file: unfinished.reader() };
  }

  /** What there is of a content. @throws PeerLabError `bad-name`, `file-not-found` */
  holding(name: string, sha256?: string): Holding {
    const unfinished = sha256 && !this.#catalogue.bySha256(sha256) ? this.#unfinished.get(sha256) : undefined;
    if (unfinished) return { sizeBytes: unfinished.sizeBytes, ...unfinished.hashes, unfinished };
    const entry = this.find(name, sha256);
    return { sizeBytes: entry.size, sha256: entry.sha256, tree: treeOf(entry) };
  }

  /**
   * May a file with this content be stored as `name`? @returns the entry when exactly that is there already
   * @throws PeerLabError `bad-name`, `file-exists`
   */
  async checkTarget(name: string, sha256: string | undefined): Promise<ShareEntry | undefined> {
    assertName(name);
    const taken = await lstat(join(this.#folder, name)).then(
      () => true,
      () => false,
    );
    if (!taken || sha256 === undefined) return undefined;
    const entry = await this.lookAt(name);
    if (entry?.sha256 === sha256) return entry;
    throw new PeerLabError('file-exists', { about: name });
  }

  /** A file to receive into. @throws PeerLabError `disk-full`, `share-gone`, `share-read-only` */
  async receive(expected: Expected): Promise<PartFile> {
    return PartFile.create(await this.#parts.ready(), expected);
  }

  /** A file to receive in pieces, with those that an earlier attempt left and that are right. @throws PeerLabError as `receive` */
  async receivePieces(init: Omit<PieceFileInit, 'folder' | 'memory'>): Promise<PieceFile> {
    return PieceFile.open({ folder: await this.#parts.ready(), memory: this.#memory, ...init });
  }

  /** Lets others have the pieces that are there of a file that is on its way, until it is closed. */
  offer(file: PieceFile): void {
    const { sha256 } = file.hashes;
    this.#unfinished.set(sha256, file);
    const leave = file.watch(() => {
      if (!file.isClosed) return;
      leave();
      if (this.#unfinished.get(sha256) === file) this.#unfinished.delete(sha256);
    });
  }

  /**
   * Gives a finished file its name, and shares it. link(2) never replaces, so whoever comes second finds the first.
   * @throws PeerLabError `file-exists` when another content has the name
   */
  async publish(part: Finished, name: string): Promise<ShareEntry> {
    assertName(name);
    const { sha256, tree } = part.hashes;
    this.#landing.add(name);
    try {
      await link(part.path, join(this.#folder, name));
      await part.unlink();
      const identity = await part.identity();
      const entry = { name, size: Number(identity.size), ...hashesOf(sha256, tree), identity };
      this.#catalogue.set(entry);
      this.#announce();
      return entry;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw diskError(error);
      const existing = await this.checkTarget(name, sha256);
      if (existing) return existing;
      throw new PeerLabError('file-exists', { about: name });
    } finally {
      this.#landing.delete(name);
    }
  }

  /**
   * Stores a small file whose content was checked, in one go: for so few bytes a wait for each step costs more than the step. `settled` makes
   * known what was stored.
   * @throws PeerLabError `bad-name`, `file-exists`, `disk-full`
   */
  async store(name: string, content: Buffer, hashes: Finished['hashes']): Promise<ShareEntry> {
    assertName(name);
    try {
      const identity = await this.#storeNow(name, content);
      const entry = { name, size: content.length, ...hashesOf(hashes.sha256, hashes.tree), identity };
      this.#catalogue.set(entry);
      return entry;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw diskError(error);
      const existing = await this.checkTarget(name, hashes.sha256);
      if (existing) return existing;
      throw new PeerLabError('file-exists', { about: name });
    }
  }

  /** The folder of unfinished files is made anew only when it is missed: to look for it each time would cost more than to store the file. */
  async #storeNow(name: string, content: Buffer): Promise<Identity> {
    const target = join(this.#folder, name);
    try {
      return storeNow(this.#parts.path, target, content);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      return storeNow(await this.#parts.ready(), target, content);
    }
  }

  /** After the last of many `store`s. */
  settled(): void {
    this.#announce();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    this.#watch?.[Symbol.dispose]();
    await (this.#nextScan ?? this.#lastScan);
    await this.#lastHash;
    await this.#parts[Symbol.asyncDispose]();
  }

  /** At most one scan is under way and one waits for it; whoever asks meanwhile gets the one that waits. */
  #soon(takeFresh: boolean): Promise<void> {
    this.#takeFresh ||= takeFresh;
    this.#nextScan ??= this.#lastScan.then(() => {
      this.#nextScan = undefined;
      const fresh = this.#takeFresh;
      this.#takeFresh = false;
      this.#lastScan = this.#scan(fresh).catch((error) => {
        if (!this.#closing.signal.aborted) this.#logger.error({ reason: reasonOf(error) }, 'could not scan the share');
      });
      return this.#lastScan;
    });
    return this.#nextScan;
  }

  async #scan(takeFresh: boolean): Promise<void> {
    const known = this.#catalogue.names();
    const names = await this.#namesIfThere();
    const present = new Set(names);
    for (const name of known) if (!present.has(name) && !this.#landing.has(name)) this.#catalogue.delete(name);

    const rest = names.values();
    let lastNews = performance.now();
    const looker = async () => {
      const buffer = Buffer.allocUnsafe(HASH_STEP_BYTES);
      for (const name of rest) {
        this.#closing.signal.throwIfAborted();
        if (this.#landing.has(name)) continue;
        await this.#look(name, buffer, takeFresh, true);
        if (performance.now() - lastNews < PROGRESS_MS) continue;
        lastNews = performance.now();
        this.#announce();
      }
    };
    await Promise.all(Array.from({ length: Math.min(LOOKS_AT_ONCE, names.length) }, looker));
    this.#announce();
  }

  /** None while the folder is away or another peer's: what can't be served must not be announced. */
  async #namesIfThere(): Promise<string[]> {
    try {
      const { dev, ino } = await stat(this.#folder, { bigint: true });
      const id = `${dev} ${ino}`;
      if (id !== this.#folderId && this.#folderId !== '') this.#watch?.renew();
      this.#folderId = id;
      await this.#parts.ready().catch((error) => {
        if (toPeerLabError(error).code !== 'share-read-only') throw error;
      });
      const names = await this.#names();
      this.#isIn(undefined);
      return names;
    } catch (error) {
      this.#isIn(error instanceof PeerLabError ? error : new PeerLabError('share-gone', { got: codeOf(error) }));
      this.#watch?.lookWithin(POLL_MS);
      return [];
    }
  }

  #isIn(trouble: PeerLabError | undefined): void {
    const before = this.#trouble;
    this.#trouble = trouble;
    if (before?.code === trouble?.code) return;
    if (trouble) this.#logger.error({ code: trouble.code, reason: trouble.message }, 'nothing is shared');
    else this.#logger.info('the share is there again');
    this.emit('changed');
  }

  /** The names in the folder that could be shared; says once what is wrong with each other one. */
  async #names(): Promise<string[]> {
    const names: string[] = [];
    const flawed = new Set<string>();
    for (const dirent of await readdir(this.#folder, { withFileTypes: true, encoding: 'buffer' })) {
      if (!dirent.isFile()) continue;
      const name = dirent.name.toString();
      const flaw = isUtf8(dirent.name) ? nameFlaw(name) : 'a name that is not UTF-8';
      if (!flaw) names.push(name);
      else if (name !== RESERVED_NAME) {
        flawed.add(name);
        this.#warn(name, flaw);
      }
    }
    const excess = names.splice(MAX_FILES);
    if (excess.length > 0) this.#warn('', `${excess.length} files more than the ${MAX_FILES} that a peer can share`);
    for (const name of this.#warned) {
      if (name !== '' && !flawed.has(name) && !names.includes(name)) this.#warned.delete(name);
    }
    return names;
  }

  /** Brings the catalogue up to date about one name. `later`: what takes long to hash is left for its turn. */
  async #look(name: string, buffer: Buffer, takeFresh: boolean, later: boolean): Promise<void> {
    try {
      const stats = await lstat(join(this.#folder, name), { bigint: true });
      const known = this.#catalogue.byName(name);
      if (known && isSame(known.identity, identityOf(stats))) return;
      this.#catalogue.delete(name);
      if (!stats.isFile()) return;
      const ageMs = Date.now() - Number(stats.mtimeNs / 1_000_000n);
      if (!takeFresh && ageMs >= 0 && ageMs < SETTLE_MS) return this.#watch?.lookWithin(SETTLE_MS);
      if (later && stats.size > LONG_HASH_BYTES) this.#hashLater(name);
      else await this.#hash(name, buffer);
    } catch (error) {
      this.#closing.signal.throwIfAborted();
      this.#catalogue.delete(name);
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') this.#warn(name, reasonOf(error));
    }
  }

  #hashLater(name: string): void {
    if (this.#hashing.has(name)) return;
    this.#lastHash = this.#lastHash
      .then(() => this.#look(name, Buffer.allocUnsafe(HASH_STEP_BYTES), true, false))
      .then(() => this.#announce())
      // Thrown only when the share is closed.
      .catch(() => {})
      .finally(() => this.#hashing.delete(name));
    this.#hashing.set(name, this.#lastHash);
  }

  async #hash(name: string, buffer: Buffer): Promise<void> {
    this.#closing.signal.throwIfAborted();
    await using file = await RegularFile.open(join(this.#folder, name));
    if (!file) return;
    const { sha256, tree } = await file.hashes(buffer, this.#closing.signal);
    if (!(await file.isUnchanged())) return this.#watch?.lookWithin(SETTLE_MS);
    this.#catalogue.set({ name, size: file.size, ...hashesOf(sha256, tree), identity: file.identity });
  }

  #announce(): void {
    if (this.#announced === this.version) return;
    this.#announced = this.version;
    this.emit('changed');
  }

  #warn(name: string, reason: string): void {
    if (this.#warned.has(name)) return;
    this.#warned.add(name);
    this.#logger.warn({ file: name, reason }, 'not shared');
  }
}

/** The system's own word; its message would name a path of the host. */
function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? reasonOf(error);
}
