import { beforeEach, describe, expect, it } from 'vitest';
import { asked, usePostgres } from '../testing/test-postgres.ts';
import { killLoop } from './kill-loop.contract.ts';
import { type News, PostgresStore } from './postgres-store.ts';
import { changes, describeStore, saved } from './store.contract.ts';

const postgres = usePostgres();
let url: string;
beforeEach(async () => {
  url = await postgres.newDatabase();
});

const read = async () => {
  await using store = await PostgresStore.open(url);
  return await store.load();
};

async function newsOf(store: PostgresStore): Promise<News> {
  let told: News | undefined;
  await store.news(async (news) => {
    told = news;
  });
  return told as News;
}

describeStore('in PostgreSQL', () => PostgresStore.open(url));
killLoop('in PostgreSQL', () => ({ DIRECTORY_DATABASE_URL: url }));
killLoop('two directories at PostgreSQL', () => ({ DIRECTORY_DATABASE_URL: url }), 2);

describe('several at one database', () => {
  it('start at the same time, and agree on a secret', async () => {
    const stores = await Promise.all(Array.from({ length: 4 }, () => PostgresStore.open(url)));
    const secrets = await Promise.all(stores.map((store, i) => store.secret('ticket-key', () => `made by ${i}`)));
    expect(new Set(secrets).size).toBe(1);
    for (const store of stores) await store[Symbol.asyncDispose]();
  });

  it('tell each other all that they wrote, and in its order, however many write at one time', async () => {
    await using reader = await PostgresStore.open(url);
    await reader.load();
    const writers = await Promise.all(Array.from({ length: 3 }, () => PostgresStore.open(url)));
    const ROUNDS = 30;
    const writing = Promise.all(
      writers.map(async (writer, w) => {
        for (let i = 0; i < ROUNDS; i++) await writer.write(changes({ peers: [[`${w}-${i}`, saved(i + 1)]] }));
      }),
    );
    const seen: string[] = [];
    const look = async () => seen.push(...(await newsOf(reader)).peers.keys());
    for (let over = false; !over; ) {
      await look();
      over = await Promise.race([writing.then(() => true), new Promise<false>((go) => setImmediate(go, false))]);
    }
    await look();
    for (const [w] of writers.entries()) {
      // What was written during a look is told then and once more: it is what is so now, not what happened.
      const own = [...new Set(seen)].filter((key) => key.startsWith(`${w}-`));
      expect(own).toEqual(Array.from({ length: ROUNDS }, (_, i) => `${w}-${i}`));
    }
    for (const writer of writers) await writer[Symbol.asyncDispose]();
  });

  it('decide one after the other: each in the knowledge of what the one before wrote', async () => {
    const stores = await Promise.all(Array.from({ length: 3 }, () => PostgresStore.open(url)));
    const ROUNDS = 10;
    // Each adds one to what is written; without an order some would add to the same.
    const counts = stores.map(() => 0);
    await Promise.all(
      stores.map(async (store, s) => {
        for (let i = 0; i < ROUNDS; i++)
          await store.exchange(async (news) => {
            counts[s] = Math.max(counts[s] as number, Number(news.accounts.get('count') ?? 0)) + 1;
            return { changes: changes({ accounts: [['count', String(counts[s])]] }), renewals: new Map() };
          });
      }),
    );
    expect((await read()).accounts).toEqual([{ user: 'count', passwordHash: String(stores.length * ROUNDS) }]);
    for (const store of stores) await store[Symbol.asyncDispose]();
  });

  it('that is frozen amid a change does not keep the others from theirs', async () => {
    await using frozen = await PostgresStore.open(url);
    await using other = await PostgresStore.open(url);
    const [amid, thawed] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const work = async () => {
      amid.resolve();
      await thawed.promise;
      return { changes: changes({ accounts: [['x', 'frozen']] }), renewals: new Map() };
    };
    const late = frozen.exchange(work).then(String, (error) => error.code);
    await amid.promise;
    const startedAt = performance.now();
    let wrote = false;
    while (!wrote && performance.now() - startedAt < 10_000)
      wrote = await other.write(changes({ accounts: [['x', 'other']] })).then(
        () => true,
        () => false,
      );
    expect(wrote).toBe(true);
    thawed.resolve();
    expect(await late).toBe('storage-failed');
    expect((await read()).accounts).toEqual([{ user: 'x', passwordHash: 'other' }]);
    // What it could not write does not keep it from writing again.
    await frozen.write(changes({ accounts: [['y', 'again']] }));
  });
});

describe('what is gone', () => {
  it('is told for long, but is not kept for ever; who missed it reads everything', async () => {
    await using sleeper = await PostgresStore.open(url);
    await using writer = await PostgresStore.open(url);
    await writer.write(changes({ peers: [['stays', saved(1)]] }));
    await newsOf(sleeper);
    const MANY = 15_000;
    for (let round = 0; round < 3; round++) {
      const keys = Array.from({ length: MANY }, (_, i) => `${round}-${i}`);
      await writer.write(changes({ peers: keys.map((key) => [key, undefined] as const) }));
    }
    const [{ count } = {}] = await asked(url, 'select count(*)::int from peerlab_state where value is null');
    expect(count).toBeLessThan(4 * MANY);
    const news = await newsOf(sleeper);
    expect(news.isAll).toBe(true);
    expect([...news.peers.keys()]).toEqual(['stays']);
    expect((await newsOf(sleeper)).peers.size).toBe(0);
  });
});

describe('a database', () => {
  it('that is not there is said without its address', async () => {
    const nowhere = 'postgres://somebody:secret@127.0.0.1:1/none';
    const error = await PostgresStore.open(nowhere).catch((thrown) => thrown);
    expect(error).toMatchObject({ code: 'storage-failed', message: expect.stringContaining('ECONNREFUSED') });
    expect(error.message).not.toMatch(/secret|127\.0\.0\.1/);
  });

  const damages: Record<string, string> = {
    'with a changed value': "update peerlab_state set value = 'other' where kind = 'accounts'",
    'without a table': 'drop table peerlab_state',
    'of a newer version': "insert into peerlab_migration values ('999-later', '2030-01-01')",
  };
  it.each(Object.keys(damages))('%s is damaged', async (what) => {
    {
      await using store = await PostgresStore.open(url);
      await store.write(changes({ accounts: [['ann', 'hash']] }));
    }
    await asked(url, damages[what] as string);
    await expect(read()).rejects.toMatchObject({ code: 'storage-damaged' });
  });
});
