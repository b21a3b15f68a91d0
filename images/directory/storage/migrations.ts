import { type Kysely, sql } from 'kysely';
import { type Migration, Migrator } from 'kysely/migration';
import { PeerLabError } from '#proto/errors.ts';

/** In the order of their names; one that was released is never changed, only followed by another. */
type Migrations = Readonly<Record<string, Migration>>;

export const SQLITE_MIGRATIONS: Migrations = {
  '001-state': {
    async up(db) {
      await db.schema
        .createTable('account')
        .addColumn('user', 'text', (column) => column.primaryKey())
        .addColumn('password_hash', 'text', (column) => column.notNull())
        .addColumn('checksum', 'integer', (column) => column.notNull())
        .execute();
      await db.schema
        .createTable('peer')
        .addColumn('address', 'text', (column) => column.primaryKey())
        .addColumn('user', 'text', (column) => column.notNull())
        .addColumn('ip', 'text', (column) => column.notNull())
        .addColumn('port', 'integer', (column) => column.notNull())
        .addColumn('token_hash', 'text', (column) => column.notNull())
        .addColumn('token_ends_at', 'integer', (column) => column.notNull())
        .addColumn('files', 'text', (column) => column.notNull())
        .addColumn('checksum', 'integer', (column) => column.notNull())
        .execute();
      await db.schema
        .createTable('secret')
        .addColumn('name', 'text', (column) => column.primaryKey())
        .addColumn('value', 'text', (column) => column.notNull())
        .addColumn('checksum', 'integer', (column) => column.notNull())
        .execute();
    },
  },
  '002-sd-p2p': {
    async up(db) {
      await db.schema
        .createTable('sd_p2p_peer')
        .addColumn('address', 'text', (column) => column.primaryKey())
        .addColumn('user', 'text', (column) => column.notNull())
        .addColumn('ip', 'text', (column) => column.notNull())
        .addColumn('port', 'integer', (column) => column.notNull())
        .addColumn('files', 'text', (column) => column.notNull())
        .addColumn('entered_at', 'integer', (column) => column.notNull())
        .addColumn('checksum', 'integer', (column) => column.notNull())
        .execute();
    },
  },
};

/** One table for all that is kept: what others changed is then one question, by version. */
export const POSTGRES_MIGRATIONS: Migrations = {
  '001-state': {
    async up(db) {
      await db.schema
        .createTable('peerlab_feed')
        .addColumn('id', 'integer', (column) => column.primaryKey())
        .addColumn('version', 'bigint', (column) => column.notNull())
        .addColumn('trimmed', 'bigint', (column) => column.notNull())
        .execute();
      await db.insertInto('peerlab_feed').values({ id: 1, version: 0, trimmed: 0 }).execute();
      await db.schema
        .createTable('peerlab_state')
        .addColumn('kind', 'text', (column) => column.notNull())
        .addColumn('key', 'text', (column) => column.notNull())
        .addColumn('version', 'bigint', (column) => column.notNull())
        .addColumn('value', 'text')
        .addColumn('checksum', 'bigint', (column) => column.notNull())
        .addPrimaryKeyConstraint('peerlab_state_key', ['kind', 'key'])
        .execute();
      await db.schema
        .createIndex('peerlab_state_version')
        .on('peerlab_state')
        .columns(['version', 'kind', 'key'])
        .execute();
      await db.schema
        .createIndex('peerlab_state_gone')
        .on('peerlab_state')
        .column('version')
        .where(sql.ref('value'), 'is', null)
        .execute();
    },
  },
};

/** @throws PeerLabError `storage-damaged` when the state was made by a program that knows more migrations than this one */
// biome-ignore lint/suspicious/noExplicitAny: kysely's own type of a database of any shape
export async function migrate(db: Kysely<any>, migrations: Migrations, init: MigrateInit = {}): Promise<void> {
  const { upTo, tables = {} } = init;
  const migrator = new Migrator({ db, provider: { getMigrations: async () => migrations }, ...tables });
  const { error } = upTo === undefined ? await migrator.migrateToLatest() : await migrator.migrateTo(upTo);
  if (error === undefined) return;
  const { message } = error as Error;
  if (!/previously executed migration/.test(message)) throw error;
  throw new PeerLabError('storage-damaged', { expected: 'a state of this version or an older one', got: message });
}

interface MigrateInit {
  readonly upTo?: string;
  /** Names of the tables in which is written what was done: in a database of others they must not be kysely's usual ones. */
  readonly tables?: { readonly migrationTableName: string; readonly migrationLockTableName: string };
}
