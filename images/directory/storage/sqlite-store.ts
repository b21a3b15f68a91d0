import { chmodSync, closeSync, existsSync, mkdirSync, openSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type Kysely, sql } from 'kysely';
import { PeerLabError, reasonOf } from '#proto/errors.ts';
import type { SavedRegistration } from '../registry.ts';
import type { SavedSdP2pPeer } from '../sd-p2p/peers.ts';
import { migrate, SQLITE_MIGRATIONS } from './migrations.ts';
import { checked, endsAtOf, filesOf, leftUntil, listText, withChecksum } from './rows.ts';
import { kyselyOver, type Tables } from './sqlite.ts';
import type { Changes, SavedState, Store } from './state.ts';
import { assertWalUnbroken } from './wal.ts';

const FILE = 'directory.db';
const LOCK = 'directory.lock';
/** "PLDS": whose file it is. */
const APPLICATION_ID = 0x504c4453;
/** The log of changes is cut back to this after each checkpoint, in bytes. */
const WAL_BYTES = 16 * 1024 * 1024;

/**
 * The state on the disk: one SQLite file in a folder that one directory at a time may use. What `write` has returned for
 * survives the end of the process at any moment (not a power cut: the kernel has it then, the disk perhaps not yet).
 */
export class SqliteStore implements Store {
  readonly #db: Kysely<Tables>;
  readonly #lock: DatabaseSync;

  private constructor(db: Kysely<Tables>, lock: DatabaseSync) {
    this.#db = db;
    this.#lock = lock;
  }

  /**
   * Opens the state in `folder`, or begins one there. The whole file is checked before anything is read of it.
   * @throws PeerLabError `bad-setting`, `storage-in-use`, `storage-damaged`, `storage-failed`
   */
  static async open(folder: string): Promise<SqliteStore> {
    makeFolder(folder);
    const lock = lockFolder(folder);
    try {
      const file = join(folder, FILE);
      if (existsSync(file)) {
        // While nobody writes to it: in a log that grows the last frame may be half there.
        assertWalUnbroken(`${file}-wal`);
        assertSound(file);
      } else await begin(file);
      const db = open(file);
      // The log begins anew, so that what an earlier life left half written is not found in it again.
      await sql`PRAGMA wal_checkpoint(TRUNCATE)`.execute(db);
      await migrate(db, SQLITE_MIGRATIONS);
      return new SqliteStore(db, lock);
    } catch (error) {
      lock.close();
      throw failureOf(error);
    }
  }

  /** Nothing is left out silently. */
  async load(): Promise<SavedState> {
    try {
      const accounts = await this.#db.selectFrom('account').selectAll().execute();
      const peers = await this.#db.selectFrom('peer').selectAll().execute();
      const sdP2pPeers = await this.#db.selectFrom('sd_p2p_peer').selectAll().execute();
      return {
        accounts: accounts.map(checked).map(({ user, password_hash }) => ({ user, passwordHash: password_hash })),
        peers: peers.map(checked).map(savedOf),
        sdP2pPeers: sdP2pPeers.map(checked).map(({ user, ip, port, files, entered_at }) => ({
          ...{ user, ip, port, enteredAtMs: entered_at, files: JSON.parse(files) as string[] },
        })),
      };
    } catch (error) {
      throw failureOf(error);
    }
  }

  async secret(name: string, make: () => string): Promise<string> {
    try {
      const saved = await this.#db.selectFrom('secret').selectAll().where('name', '=', name).executeTakeFirst();
      if (saved) return checked(saved).value;
      const row = withChecksum({ name, value: make() });
      await this.#db.insertInto('secret').values(row).execute();
      return row.value;
    } catch (error) {
      throw failureOf(error);
    }
  }

  async write({ accounts, peers, sdP2pPeers }: Changes): Promise<void> {
    try {
      await this.#db.transaction().execute(async (work) => {
        for (const [user, password_hash] of accounts) {
          if (password_hash === undefined) await work.deleteFrom('account').where('user', '=', user).execute();
          else await work.replaceInto('account').values(withChecksum({ user, password_hash })).execute();
        }
        for (const [address, saved] of peers) {
          if (saved) await work.replaceInto('peer').values(rowOf(address, saved)).execute();
          else await work.deleteFrom('peer').where('address', '=', address).execute();
        }
        for (const [address, saved] of sdP2pPeers) {
          if (saved) await work.replaceInto('sd_p2p_peer').values(sdP2pRowOf(address, saved)).execute();
          else await work.deleteFrom('sd_p2p_peer').where('address', '=', address).execute();
        }
      });
    } catch (error) {
      throw new PeerLabError('storage-failed', { got: reasonOf(error), cause: error });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#db.destroy();
    this.#lock.close();
  }
}

/**
 * Writes a whole copy of the state in `folder` to `target`, also while a directory uses it: the state at one moment.
 * @throws PeerLabError `bad-setting`, `storage-damaged`, `storage-failed`
 */
export async function backUp(folder: string, target: string): Promise<void> {
  const file = join(folder, FILE);
  if (!existsSync(file)) {
    throw new PeerLabError('bad-setting', { about: 'DIRECTORY_DATA_DIR', expected: 'a folder with a state in it' });
  }
  if (existsSync(target)) {
    throw new PeerLabError('bad-setting', { about: 'backup', expected: 'a file that is not there yet' });
  }
  const unfinished = `${target}.part`;
  rmSync(unfinished, { force: true });
  try {
    assertSound(file);
    const db = open(file);
    await sql`VACUUM INTO ${unfinished}`.execute(db);
    await db.destroy();
    chmodSync(unfinished, 0o600);
    renameSync(unfinished, target);
  } catch (error) {
    rmSync(unfinished, { force: true });
    throw failureOf(error);
  }
}

function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    closeSync(openSync(join(folder, LOCK), 'a', 0o600));
  } catch (error) {
    const got = (error as NodeJS.ErrnoException).code ?? reasonOf(error);
    throw new PeerLabError('bad-setting', { about: 'DIRECTORY_DATA_DIR', expected: 'a folder to write in', got });
  }
}

/** Held by the kernel for as long as the process lives, so it can't outlive a directory that was killed. */
function lockFolder(folder: string): DatabaseSync {
  const lock = new DatabaseSync(join(folder, LOCK));
  try {
    lock.exec('PRAGMA journal_mode = OFF; BEGIN EXCLUSIVE');
    return lock;
  } catch (error) {
    lock.close();
    throw new PeerLabError('storage-in-use', { about: 'DIRECTORY_DATA_DIR', cause: error });
  }
}

function open(file: string): Kysely<Tables> {
  const db = new DatabaseSync(file);
  // A write is done when the kernel has it. WAL keeps the file whole whatever happens, a power cut included.
  db.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA journal_size_limit = ${WAL_BYTES}`);
  db.exec('PRAGMA busy_timeout = 5000');
  return kyselyOver(db);
}

/** Made under another name first: a file with the right name is a whole one, and one that is empty is damaged. */
async function begin(file: string): Promise<void> {
  if (existsSync(`${file}-wal`)) {
    throw new PeerLabError('storage-damaged', { got: `${FILE}-wal, and no ${FILE}` });
  }
  const unfinished = `${file}.new`;
  for (const suffix of ['', '-wal', '-shm', '-journal']) rmSync(unfinished + suffix, { force: true });
  closeSync(openSync(unfinished, 'wx', 0o600));
  const raw = new DatabaseSync(unfinished);
  raw.exec(`PRAGMA application_id = ${APPLICATION_ID}`);
  const db = kyselyOver(raw);
  await migrate(db, SQLITE_MIGRATIONS);
  await db.destroy();
  renameSync(unfinished, file);
}

/** @throws PeerLabError `storage-damaged`; SQLite's own error when it can't read the file */
function assertSound(file: string): void {
  if (statSync(file).size === 0) throw new PeerLabError('storage-damaged', { got: `an empty ${FILE}` });
  const db = new DatabaseSync(file, { readOnly: true });
  try {
    const { application_id } = db.prepare('PRAGMA application_id').get() as { application_id: number };
    if (application_id !== APPLICATION_ID) {
      throw new PeerLabError('storage-damaged', { expected: 'a state of a PeerLab directory', got: 'another file' });
    }
    const found = db.prepare('PRAGMA integrity_check(3)').all() as { integrity_check: string }[];
    const flaws = found.map((row) => row.integrity_check).filter((flaw) => flaw !== 'ok');
    if (flaws.length > 0) throw new PeerLabError('storage-damaged', { got: flaws.join('; ') });
  } finally {
    db.close();
  }
}

/** The low byte of what SQLite says of a file whose content is wrong: ERROR (a table is missing), CORRUPT, NOTADB. */
const DAMAGE = [1, 11, 26];

/**
 * What an error at reading means. A disk that is full, failing or closed to us says nothing against the file: only what
 * was read and is wrong is damage, or somebody would move a sound file away.
 */
export function failureOf(error: unknown): PeerLabError {
  if (error instanceof PeerLabError) return error;
  const { errcode, syscall, code } = error as { errcode?: number; syscall?: string; code?: string };
  // Node's own words name the whole path.
  const got = syscall === undefined ? reasonOf(error) : `${code} at ${syscall}`;
  const isDamage = errcode === undefined ? syscall === undefined : DAMAGE.includes(errcode & 0xff);
  return new PeerLabError(isDamage ? 'storage-damaged' : 'storage-failed', { got, cause: error });
}

function rowOf(address: string, { peer, files, tokenHash, tokenLeftMs }: SavedRegistration): Tables['peer'] {
  const { user, ip, port } = peer;
  const token_ends_at = endsAtOf(tokenLeftMs);
  return withChecksum({ address, user, ip, port, token_hash: tokenHash, token_ends_at, files: listText(files) });
}

function sdP2pRowOf(address: string, { user, ip, port, files, enteredAtMs }: SavedSdP2pPeer): Tables['sd_p2p_peer'] {
  // As a database keeps it: half a character in a name of somebody's choice would be read as damage ever after.
  const name = user.toWellFormed();
  return withChecksum({ address, user: name, ip, port, files: JSON.stringify(files), entered_at: enteredAtMs });
}

function savedOf({ user, ip, port, token_hash, token_ends_at, files }: Tables['peer']): SavedRegistration {
  return {
    peer: { user, ip, port },
    files: filesOf(files),
    tokenHash: token_hash,
    tokenLeftMs: leftUntil(token_ends_at),
  };
}
