import { Kysely, PostgresDialect, type Transaction } from 'kysely';
import { z } from 'zod';
import { PeerLabError, reasonOf } from '#proto/errors.ts';
import type { SavedRegistration } from '../registry.ts';
import type { SavedSdP2pPeer } from '../sd-p2p/peers.ts';
import { migrate, POSTGRES_MIGRATIONS } from './migrations.ts';
import { Listener, poolOf, type Timeouts } from './postgres-connections.ts';
import { checked, endsAtOf, filesOf, leftUntil, listText, withChecksum } from './rows.ts';
import { type Changes, KINDS, type Kind, type SavedState, type Store, type Touched } from './state.ts';

interface Tables {
  /** One row: who holds its lock is the only one that writes, so versions are committed in their order. */
  peerlab_feed: {
    id: number;
    /** Of the last change. */
    version: number;
    /** What was gone in this version or before is not told any more. */
    trimmed: number;
  };
  peerlab_state: {
    kind: Kind | 'leases' | 'secrets';
    key: string;
    /** In which it was written last. */
    version: number;
    /** Null: it is gone. */
    value: string | null;
    checksum: number;
  };
}

type Row = Tables['peerlab_state'];

/** Of the registrations whose leases were renewed: how good a source each says that it is. */
export type Renewals = ReadonlyMap<string, number>;

/** What others wrote since the last time. */
export interface News extends Changes {
  readonly renewals: Renewals;
  /** It is all that there is: what is not in it is gone. */
  readonly isAll: boolean;
}

type Learn<T> = (news: News, read: (touched: Touched) => Promise<News>) => Promise<T>;

interface Written {
  readonly changes: Changes;
  readonly renewals: Renewals;
}

/** A database that is slow holds up every change here, and one that hangs must not for long. */
const SERVING: Timeouts = { connectMs: 2000, statementMs: 5000, lockMs: 3000, idleInTransactionMs: 3000 };
/** A large state takes its time to be read, and a migration to be made. */
const STARTING: Timeouts = { connectMs: 10_000, statementMs: 60_000, lockMs: 60_000, idleInTransactionMs: 60_000 };
const ROWS_PER_PAGE = 500;
const ROWS_PER_INSERT = 1000;
/** Entries that are gone and still told to the others; who slept longer reads everything anew. */
const GONE_KEPT = 20_000;
/** How often they are counted: after this number of entries that went, of one directory. */
const GONE_PER_TRIM = 1000;
const CHANNEL = 'peerlab_directory';
const MIGRATION_TABLES = { migrationTableName: 'peerlab_migration', migrationLockTableName: 'peerlab_migration_lock' };

/** The state in a PostgreSQL database, which several directories use at the same time. */
export class PostgresStore implements Store {
  readonly #db: Kysely<Tables>;
  readonly #url: string;
  #listener: Listener | undefined;
  /** Everything up to this version is known here. */
  #seen = 0;
  #goneSinceTrim = 0;

  private constructor(db: Kysely<Tables>, url: string) {
    this.#db = db;
    this.#url = url;
  }

  /** @throws PeerLabError `storage-failed`, `storage-damaged` */
  static async open(url: string): Promise<PostgresStore> {
    await using starting = openDb(url, STARTING);
    await migrate(starting, POSTGRES_MIGRATIONS, { tables: MIGRATION_TABLES }).catch(fail);
    return new PostgresStore(openDb(url, SERVING), url);
  }

  /** Calls back soon after others have written something; not for certain, since the connection may be lost. */
  listen(onNews: () => void): void {
    this.#listener = new Listener(this.#url, CHANNEL, SERVING, onNews);
  }

  async load(): Promise<SavedState> {
    await using starting = openDb(this.#url, STARTING);
    try {
      const { accounts, peers, sdP2pPeers } = await starting
        .transaction()
        .setIsolationLevel('repeatable read')
        .execute(async (work) => {
          const { version } = await feedOf(work);
          const rows = await rowsSince(work, 0, true);
          this.#seen = version;
          return newsOf(rows, true);
        });
      return {
        accounts: there(accounts).map(([user, passwordHash]) => ({ user, passwordHash })),
        peers: there(peers).map(([, peer]) => peer),
        sdP2pPeers: there(sdP2pPeers).map(([, peer]) => peer),
      };
    } catch (error) {
      throw failureOf(error);
    }
  }

  async secret(name: string, make: () => string): Promise<string> {
    try {
      // Of several that start at the same time one makes it, and all read that one.
      const row: Row = { ...rowOf('secrets', name, make()), version: 0 };
      await this.#db
        .insertInto('peerlab_state')
        .values(row)
        .onConflict((on) => on.columns(['kind', 'key']).doNothing())
        .execute();
      const [saved] = await rowsAt(this.#db, 'secrets', [name]);
      return checkedValue(saved as Row) as string;
    } catch (error) {
      throw failureOf(error);
    }
  }

  async write(changes: Changes): Promise<void> {
    await this.exchange(async () => ({ changes, renewals: new Map() }));
  }

  /**
   * Calls `learn` with what others wrote since the last time, and with a way to read what is written of some keys, whenever
   * that was.
   * @throws PeerLabError `storage-failed`, `storage-damaged`; what `learn` throws
   */
  async news(learn: Learn<void>): Promise<void> {
    try {
      const feed = await feedOf(this.#db);
      const news = feed.version === this.#seen ? NOTHING_NEW : await this.#newsSince(this.#db, feed);
      await learn(news, (touched) => readAll(this.#db, touched));
      this.#seen = feed.version;
    } catch (error) {
      throw failureOf(error);
    }
  }

  /** The same, and writes what `work` returns: all of it or nothing. From before the call to the end nobody else writes. */
  async exchange(work: Learn<Written>): Promise<void> {
    try {
      const version = await this.#db.transaction().execute(async (transaction) => {
        const feed = await transaction
          .selectFrom('peerlab_feed')
          .selectAll()
          .where('id', '=', 1)
          .forUpdate()
          .executeTakeFirstOrThrow();
        const news = feed.version === this.#seen ? NOTHING_NEW : await this.#newsSince(transaction, feed);
        const written = await work(news, (touched) => readAll(transaction, touched));
        this.#seen = feed.version;
        return await this.#write(transaction, feed.version + 1, written);
      });
      if (version !== undefined) this.#seen = version;
    } catch (error) {
      throw failureOf(error);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#listener?.close();
    await this.#db.destroy();
  }

  async #newsSince(db: Kysely<Tables>, feed: Tables['peerlab_feed']): Promise<News> {
    const isAll = this.#seen < feed.trimmed;
    return newsOf(await rowsSince(db, isAll ? 0 : this.#seen, isAll), isAll);
  }

  /** @returns the version that it is, unless there is nothing to write */
  async #write(db: Transaction<Tables>, version: number, written: Written): Promise<number | undefined> {
    const rows = rowsOf(written).map((row): Row => ({ ...row, version }));
    if (rows.length === 0) return undefined;
    for (let at = 0; at < rows.length; at += ROWS_PER_INSERT) {
      await db
        .insertInto('peerlab_state')
        .values(rows.slice(at, at + ROWS_PER_INSERT))
        .onConflict((on) =>
          on.columns(['kind', 'key']).doUpdateSet(({ ref }) => ({
            version: ref('excluded.version'),
            value: ref('excluded.value'),
            checksum: ref('excluded.checksum'),
          })),
        )
        .execute();
    }
    const gone = rows.filter(({ value }) => value === null).length;
    await db.updateTable('peerlab_feed').set({ version }).where('id', '=', 1).execute();
    await this.#trim(db, gone);
    await db.selectNoFrom(({ fn, val }) => fn('pg_notify', [val(CHANNEL), val('')]).as('told')).execute();
    return version;
  }

  /** Keeps what is gone from being kept for ever. */
  async #trim(db: Transaction<Tables>, gone: number): Promise<void> {
    this.#goneSinceTrim += gone;
    if (this.#goneSinceTrim < GONE_PER_TRIM) return;
    this.#goneSinceTrim = 0;
    const oldest = await db
      .selectFrom('peerlab_state')
      .select('version')
      .where('value', 'is', null)
      .orderBy('version', 'desc')
      .offset(GONE_KEPT)
      .limit(1)
      .executeTakeFirst();
    if (!oldest) return;
    await db.deleteFrom('peerlab_state').where('value', 'is', null).where('version', '<=', oldest.version).execute();
    await db.updateTable('peerlab_feed').set({ trimmed: oldest.version }).where('id', '=', 1).execute();
  }
}

function openDb(url: string, timeouts: Timeouts): Kysely<Tables> {
  return new Kysely<Tables>({ dialect: new PostgresDialect({ pool: async () => poolOf(url, timeouts) }) });
}

async function feedOf(db: Kysely<Tables>): Promise<Tables['peerlab_feed']> {
  return db.selectFrom('peerlab_feed').selectAll().where('id', '=', 1).executeTakeFirstOrThrow();
}

/** What was written after a version, a page at a time: an answer must not be larger than the time for one allows. */
async function rowsSince(db: Kysely<Tables>, version: number, onlyThere: boolean): Promise<Row[]> {
  const rows: Row[] = [];
  for (let last: Row | undefined; ; last = rows.at(-1)) {
    const { kind = '', key = '' } = last ?? {};
    const after = last?.version ?? version;
    const page = await db
      .selectFrom('peerlab_state')
      .selectAll()
      .where('kind', '!=', 'secrets')
      .$if(onlyThere, (query) => query.where('value', 'is not', null))
      .where(({ eb, refTuple, tuple }) =>
        last === undefined
          ? eb('version', '>', after)
          : eb(refTuple('version', 'kind', 'key'), '>', tuple(after, kind as Row['kind'], key)),
      )
      .orderBy('version')
      .orderBy('kind')
      .orderBy('key')
      .limit(ROWS_PER_PAGE)
      .execute();
    rows.push(...page);
    if (page.length < ROWS_PER_PAGE) return rows;
  }
}

async function rowsAt(db: Kysely<Tables>, kind: Row['kind'], keys: readonly string[]): Promise<Row[]> {
  const rows: Row[] = [];
  for (let at = 0; at < keys.length; at += ROWS_PER_PAGE) {
    const page = keys.slice(at, at + ROWS_PER_PAGE);
    rows.push(
      ...(await db.selectFrom('peerlab_state').selectAll().where('kind', '=', kind).where('key', 'in', page).execute()),
    );
  }
  return rows;
}

async function readAll(db: Kysely<Tables>, touched: Touched): Promise<News> {
  const rows: Row[] = [];
  for (const kind of KINDS) rows.push(...(await rowsAt(db, kind, [...touched[kind]])));
  const { accounts, peers, sdP2pPeers, ...news } = newsOf(rows, false);
  // What is not there is gone.
  const all = <T>(keys: ReadonlySet<string>, found: ReadonlyMap<string, T | undefined>) =>
    new Map([...keys].map((key) => [key, found.get(key)]));
  return {
    ...news,
    accounts: all(touched.accounts, accounts),
    peers: all(touched.peers, peers),
    sdP2pPeers: all(touched.sdP2pPeers, sdP2pPeers),
  };
}

const NOTHING_NEW: News = {
  ...{ accounts: new Map(), peers: new Map(), sdP2pPeers: new Map(), renewals: new Map(), isAll: false },
};

function there<T>(found: ReadonlyMap<string, T | undefined>): [string, T][] {
  return [...found].filter((entry): entry is [string, T] => entry[1] !== undefined);
}

function newsOf(rows: readonly Row[], isAll: boolean): News {
  const accounts = new Map<string, string | undefined>();
  const peers = new Map<string, SavedRegistration | undefined>();
  const sdP2pPeers = new Map<string, SavedSdP2pPeer | undefined>();
  const renewals = new Map<string, number>();
  for (const row of rows) {
    const value = checkedValue(row);
    if (row.kind === 'accounts') accounts.set(row.key, value);
    else if (row.kind === 'peers') peers.set(row.key, value === undefined ? value : peerOf(value));
    else if (row.kind === 'sdP2pPeers') sdP2pPeers.set(row.key, value === undefined ? value : sdP2pPeerOf(value));
    else if (row.kind === 'leases' && value !== undefined) renewals.set(row.key, Number(value));
  }
  return { accounts, peers, sdP2pPeers, renewals, isAll };
}

type NewRow = Omit<Row, 'version'>;

function rowsOf({ changes, renewals }: Written): NewRow[] {
  return [
    ...[...changes.accounts].map(([user, hash]) => rowOf('accounts', user, hash)),
    ...[...changes.peers].map(([address, peer]) => rowOf('peers', address, peer && peerText(peer))),
    // A lease without its registration is of no use, and would stay.
    ...[...changes.peers].flatMap(([address, peer]) => (peer ? [] : [rowOf('leases', address, undefined)])),
    ...[...changes.sdP2pPeers].map(([address, peer]) => rowOf('sdP2pPeers', address, peer && JSON.stringify(peer))),
    ...[...renewals].map(([address, rank]) => rowOf('leases', address, String(rank))),
  ];
}

function rowOf(kind: Row['kind'], key: string, value: string | undefined): NewRow {
  return withChecksum({ kind, key, value: value ?? null });
}

function checkedValue({ version: _, ...row }: Row): string | undefined {
  return checked(row).value ?? undefined;
}

const savedPeer = z.object({
  ...{ user: z.string(), ip: z.string(), port: z.number(), tokenHash: z.string(), tokenEndsAt: z.number() },
  files: z.string(),
});

function peerText({ peer: { user, ip, port }, files, tokenHash, tokenLeftMs }: SavedRegistration): string {
  const saved = { user, ip, port, tokenHash, tokenEndsAt: endsAtOf(tokenLeftMs), files: listText(files) };
  return JSON.stringify(saved satisfies z.infer<typeof savedPeer>);
}

function peerOf(text: string): SavedRegistration {
  const { user, ip, port, tokenHash, tokenEndsAt, files } = savedPeer.parse(JSON.parse(text));
  return { peer: { user, ip, port }, files: filesOf(files), tokenHash, tokenLeftMs: leftUntil(tokenEndsAt) };
}

const savedSdP2pPeer = z.object({
  ...{ user: z.string(), ip: z.string(), port: z.number(), files: z.array(z.string()), enteredAtMs: z.number() },
});

function sdP2pPeerOf(text: string): SavedSdP2pPeer {
  return savedSdP2pPeer.parse(JSON.parse(text));
}

function fail(error: unknown): never {
  throw failureOf(error);
}

/** What PostgreSQL says when something is not as it was made: a table, a column, its own files. */
const DAMAGE = /^(42|XX00[12])/;

function failureOf(error: unknown): PeerLabError {
  if (error instanceof PeerLabError) return error;
  const { code, syscall } = error as { code?: string; syscall?: string };
  // Node's own words name whole paths and addresses.
  const got = syscall === undefined ? reasonOf(error) : `${code} at ${syscall}`;
  const isDamage = error instanceof SyntaxError || error instanceof z.ZodError || DAMAGE.test(code ?? '');
  return new PeerLabError(isDamage ? 'storage-damaged' : 'storage-failed', { got, cause: error });
}
