import type { DatabaseSync } from 'node:sqlite';
import { type DatabaseConnection, Kysely, type SqliteDatabase, SqliteDialect, SqliteDriver } from 'kysely';

/** The tables of the state. Each row carries a checksum of its own: SQLite notices broken pages, not flipped bits in a value. */
export interface Tables {
  account: { user: string; password_hash: string; checksum: number };
  peer: {
    address: string;
    user: string;
    ip: string;
    port: number;
    token_hash: string;
    /** Milliseconds since 1970. */
    token_ends_at: number;
    /** JSON, `[name, size, sha256, root?]` for each file: a list is always replaced as a whole. */
    files: string;
    checksum: number;
  };
  /** Peers of the predecessor's dialect. */
  sd_p2p_peer: {
    address: string;
    user: string;
    ip: string;
    port: number;
    files: string;
    entered_at: number;
    checksum: number;
  };
  secret: { name: string; value: string; checksum: number };
}

/** kysely over Node's own SQLite: what it expects of a driver, in terms of `node:sqlite`. */
export function kyselyOver(db: DatabaseSync): Kysely<Tables> {
  const database: SqliteDatabase = {
    close: () => db.close(),
    prepare: (sql) => {
      const statement = db.prepare(sql);
      return {
        reader: statement.columns().length > 0,
        all: (parameters) => statement.all(...(parameters as [])),
        run: (parameters) => statement.run(...(parameters as [])),
        iterate: (parameters) => statement.iterate(...(parameters as [])),
      };
    },
  };
  return new Kysely<Tables>({ dialect: new Dialect(db, database) });
}

/** SQLite rolls back by itself when the disk is full; to do it again would fail, and that error would hide the true one. */
class Driver extends SqliteDriver {
  readonly #raw: DatabaseSync;

  constructor(raw: DatabaseSync, database: SqliteDatabase) {
    super({ database });
    this.#raw = raw;
  }

  override async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    if (this.#raw.isTransaction) await super.rollbackTransaction(connection);
  }
}

class Dialect extends SqliteDialect {
  readonly #driver: Driver;

  constructor(raw: DatabaseSync, database: SqliteDatabase) {
    super({ database });
    this.#driver = new Driver(raw, database);
  }

  override createDriver(): Driver {
    return this.#driver;
  }
}
