import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll } from 'vitest';
import { findPostgres, PostgresServer } from '../../../lab/machine/postgres.ts';

/** A PostgreSQL server for the tests of one file, from the packages of this machine. */
export function usePostgres(): { readonly server: PostgresServer; newDatabase(): Promise<string> } {
  let server: PostgresServer | undefined;
  let databases = 0;
  beforeAll(async () => {
    const programs = findPostgres();
    if (typeof programs === 'string') throw new Error(programs);
    const folder = mkdtempSync(join(tmpdir(), 'pg-'));
    const logFile = join(tmpdir(), 'postgres.log');
    server = await PostgresServer.create({ programs, folder, logFile });
  });
  afterAll(() => server?.stop());
  return {
    get server() {
      return server as PostgresServer;
    },
    /** @returns the URL of an empty one */
    async newDatabase() {
      const { url } = server as PostgresServer;
      const name = `test_${++databases}`;
      await asked(url, `create database ${name}`);
      return url.replace('/postgres?', `/${name}?`);
    },
  };
}

/** What the database says to one statement of a test's own. */
export async function asked(url: string, statement: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(statement)).rows;
  } finally {
    await client.end();
  }
}
