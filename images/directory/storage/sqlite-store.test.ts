import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { migrate, SQLITE_MIGRATIONS } from './migrations.ts';
import { kyselyOver } from './sqlite.ts';
import { backUp, failureOf, SqliteStore } from './sqlite-store.ts';
import { changes, describeStore, saved as peer } from './store.contract.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'peerlab-test-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const file = (name: string) => join(folder, name);
const DB = 'directory.db';

async function written(count = 3): Promise<void> {
  await using store = await SqliteStore.open(folder);
  const peers = Array.from({ length: count }, (_, i): [string, unknown] => [
    `10.0.0.1:${i + 1}`,
    peer(i + 1, ['x', 'y']),
  ]);
  await store.write(changes({ accounts: [['ann', 'hash']], peers }));
}

const opened = async () => {
  await using store = await SqliteStore.open(folder);
  return await store.load();
};
const codeOf = (action: Promise<unknown>) =>
  action.then(
    () => 'ok',
    (error) => error.code,
  );

describeStore('in a folder', () => SqliteStore.open(folder));

describe('what was written', () => {
  it('is for its owner alone', async () => {
    await written();
    expect((await stat(file(DB))).mode & 0o077).toBe(0);
  });

  it('of an older version is brought up to this one', async () => {
    await written(0);
    await rm(file(DB));
    const raw = new DatabaseSync(file(DB));
    raw.exec('PRAGMA application_id = 0x504c4453');
    const old = kyselyOver(raw);
    await migrate(old, SQLITE_MIGRATIONS, { upTo: '001-state' });
    await old.destroy();
    await written();
    expect((await opened()).peers).toHaveLength(3);
  });
});

it('lets one directory at a time use the folder, and the next as soon as it is gone', async () => {
  const first = await SqliteStore.open(folder);
  await expect(SqliteStore.open(folder)).rejects.toMatchObject({ code: 'storage-in-use' });
  await first[Symbol.asyncDispose]();
  await using _second = await SqliteStore.open(folder);
});

it('needs a folder that it can make', async () => {
  await writeFile(file('taken'), '');
  await expect(SqliteStore.open(join(folder, 'taken'))).rejects.toMatchObject({ code: 'bad-setting' });
});

describe('a damaged file is an error, and stays as it is', () => {
  const damages: Record<string, () => Promise<void>> = {
    empty: () => truncate(file(DB)),
    'cut off': async () => truncate(file(DB), (await stat(file(DB))).size - 5000),
    'another file': () => writeFile(file(DB), 'not a database, but long enough to be taken for one'.repeat(100)),
    'of another program': async () => {
      await rm(file(DB));
      const other = new DatabaseSync(file(DB));
      other.exec('CREATE TABLE account (user)');
      other.close();
    },
    'of a newer version': async () => {
      const db = new DatabaseSync(file(DB));
      db.exec("INSERT INTO kysely_migration VALUES ('999-later', '2030-01-01')");
      db.close();
    },
    'a flipped bit in a name': () => flip('ann'),
    'a flipped bit in a list of files': () => flip('aaaaaaaaaa'),
    'a page of zeros': async () => {
      const bytes = await readFile(file(DB));
      bytes.fill(0, 2 * 4096, 3 * 4096);
      await writeFile(file(DB), bytes);
    },
    'gone, with its log still there': async () => {
      await writeFile(file(`${DB}-wal`), await readFile(file(DB)));
      await rm(file(DB));
    },
  };

  async function flip(text: string): Promise<void> {
    const bytes = await readFile(file(DB));
    const at = bytes.lastIndexOf(text);
    expect(at).toBeGreaterThan(0);
    bytes[at] = (bytes[at] as number) ^ 4;
    await writeFile(file(DB), bytes);
  }

  it.each(Object.keys(damages))('%s', async (what) => {
    await written(50);
    await damages[what]?.();
    const before = await readFile(file(DB)).catch(() => undefined);
    await expect(opened()).rejects.toMatchObject({ code: 'storage-damaged' });
    await expect(opened()).rejects.toSatisfy((error: Error) => !error.message.includes(folder));
    if (what !== 'of a newer version' && !what.startsWith('a flipped')) {
      expect(await readFile(file(DB)).catch(() => undefined)).toEqual(before);
    }
  });

  /** The folder as it is while the state is in the log: what a process leaves that is killed. */
  async function killedAfter(writes: number): Promise<{ wal: Buffer; reopen: () => Promise<string> }> {
    const living = await mkdtemp(join(tmpdir(), 'peerlab-test-'));
    {
      await using store = await SqliteStore.open(living);
      for (let i = 1; i <= writes; i++) await store.write(changes({ peers: [[`${i}`, peer(i)]] }));
      for (const name of [DB, `${DB}-wal`]) await copyFile(join(living, name), file(name));
    }
    await rm(living, { recursive: true });
    const wal = await readFile(file(`${DB}-wal`));
    return { wal, reopen: () => codeOf(opened()) };
  }

  it('a log with a broken frame amid whole ones', async () => {
    const { wal, reopen } = await killedAfter(10);
    for (const at of [40, Math.floor(wal.length / 2), wal.length - 10_000]) {
      const damaged = Buffer.from(wal);
      damaged[at] = (damaged[at] as number) ^ 1;
      await writeFile(file(`${DB}-wal`), damaged);
      expect(await reopen(), `byte ${at} of ${wal.length}`).toBe('storage-damaged');
    }
    await writeFile(file(`${DB}-wal`), wal);
    expect((await opened()).peers).toHaveLength(10);
  });

  it('a log whose last frame is cut off is what a kill leaves: all before it is there', async () => {
    const { wal, reopen } = await killedAfter(10);
    await writeFile(file(`${DB}-wal`), wal.subarray(0, wal.length - 100));
    expect(await reopen()).toBe('ok');
    expect((await opened()).peers).toHaveLength(9);
  });
});

describe('a disk that does not take it', () => {
  /** As SQLite says it: `code` is its extended result code. */
  const sqliteError = (code: number, message: string) =>
    Object.assign(new Error(message), { code: 'ERR_SQLITE_ERROR', errcode: code });

  it('full amid a transaction is what the error says, not the roll-back that SQLite has done by itself', async () => {
    const raw = new DatabaseSync(file('full.db'));
    raw.exec('CREATE TABLE account (user, password_hash, checksum); PRAGMA max_page_count = 3');
    const db = kyselyOver(raw);
    const row = { user: 'ann', password_hash: 'x'.repeat(20_000), checksum: 0 };
    const write = db.transaction().execute((work) => work.insertInto('account').values(row).execute());
    await expect(write).rejects.toThrow('database or disk is full');
    // What SQLite has not rolled back is rolled back.
    const refused = db.transaction().execute(async (work) => {
      await work
        .insertInto('account')
        .values({ ...row, password_hash: '' })
        .execute();
      throw new Error('given up');
    });
    await expect(refused).rejects.toThrow('given up');
    expect(await db.selectFrom('account').selectAll().execute()).toEqual([]);
    await db.destroy();
  });

  it('is no damage: nobody is told to move a sound file away', () => {
    for (const [code, message] of [
      [13, 'database or disk is full'],
      [10 | (1 << 8), 'disk I/O error'],
      [14, 'unable to open database file'],
      [8, 'attempt to write a readonly database'],
      [5, 'database is locked'],
    ] as const) {
      expect(failureOf(sqliteError(code, message))).toMatchObject({
        code: 'storage-failed',
        message: expect.stringContaining(message),
      });
    }
    const denied = Object.assign(new Error(`open '${folder}'`), { code: 'EACCES', syscall: 'open' });
    expect(failureOf(denied)).toMatchObject({
      code: 'storage-failed',
      message: expect.stringMatching(/EACCES(?!.*open ')/),
    });
    for (const error of [
      sqliteError(11 | (1 << 8), 'database disk image is malformed'),
      sqliteError(26, 'file is not a database'),
      sqliteError(1, 'no such table: account'),
      new SyntaxError('Unexpected end of JSON input'),
    ]) {
      expect(failureOf(error)).toMatchObject({ code: 'storage-damaged' });
    }
  });

  it('is no damage when a file cannot be opened at the start either', async () => {
    await written();
    await rm(file(DB));
    await mkdir(file(DB));
    expect(await codeOf(opened())).toBe('storage-failed');
  });
});

describe('a backup', () => {
  it('is a whole state, taken while a directory writes, and never replaces a file', async () => {
    const target = file('backup.db');
    {
      await using store = await SqliteStore.open(folder);
      await store.write(changes({ accounts: [['ann', 'hash']], peers: [['one', peer(1)]] }));
      await backUp(folder, target);
      await store.write(changes({ peers: [['two', peer(2)]] }));
    }
    expect(await codeOf(backUp(folder, target))).toBe('bad-setting');
    expect((await stat(target)).mode & 0o077).toBe(0);
    expect((await readdir(folder)).filter((name) => name.includes('part'))).toEqual([]);
    await rm(file(DB));
    await copyFile(target, file(DB));
    expect((await opened()).peers).toHaveLength(1);
  });

  it('of a damaged state is refused', async () => {
    await written(50);
    await truncate(file(DB), 4096);
    expect(await codeOf(backUp(folder, file('backup.db')))).toBe('storage-damaged');
    expect(await readdir(folder)).not.toContain('backup.db');
  });
});
