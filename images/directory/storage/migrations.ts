import type { Kysely } from 'kysely';
import { type Migration, Migrator } from 'kysely/migration';
import { PeerLabError } from '#proto/errors.ts';

/** In the order of their names; one that was released is never changed, only followed by another. */
const MIGRATIONS: Record<string, Migration> = {
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

/** @throws PeerLabError `storage-damaged` when the state was made by a program that knows more migrations than this one */
// biome-ignore lint/suspicious/noExplicitAny: kysely's own type of a database of any shape
export async function migrate(db: Kysely<any>, upTo?: string): Promise<void> {
  const migrator = new Migrator({ db, provider: { getMigrations: async () => MIGRATIONS } });
  const { error } = upTo === undefined ? await migrator.migrateToLatest() : await migrator.migrateTo(upTo);
  if (error === undefined) return;
  const { message } = error as Error;
  if (!/previously executed migration/.test(message)) throw error;
  throw new PeerLabError('storage-damaged', { expected: 'a state of this version or an older one', got: message });
}
