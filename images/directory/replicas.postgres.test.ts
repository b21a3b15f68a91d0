import { createHash } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { DirectoryApi } from '#base/directory-client.ts';
import type { PeerLabError } from '#proto/errors.ts';
import { readTicket, ticketKey } from '#proto/ticket.ts';
import { childrenOf } from '../../lab/machine/proc.ts';
import type { DirectoryInit } from './directory.ts';
import { DirectoryProcess } from './testing/directory-process.ts';
import { TestDirectory } from './testing/test-directory.ts';
import { asked, usePostgres } from './testing/test-postgres.ts';

/** Two directories at one database answer as one would. */

const postgres = usePostgres();
let databaseUrl: string;
beforeEach(async () => {
  postgres.server.signal('SIGCONT');
  await postgres.server.start();
  databaseUrl = await postgres.newDatabase();
});

/** What one has done, the others act upon within this time (docs/replicas.md). */
const STALE_MS = 1000;
const POLL_MS = 20;

async function replica(init: Partial<DirectoryInit> = {}): Promise<TestDirectory> {
  const directory = await TestDirectory.start({ databaseUrl, now: () => performance.now(), ...init });
  onTestFinished(() => directory[Symbol.asyncDispose]());
  return directory;
}

async function two(init: Partial<DirectoryInit> = {}): Promise<[TestDirectory, TestDirectory]> {
  return [await replica(init), await replica(init)];
}

const file = (name: string) => ({ name, size: 3, sha256: createHash('sha256').update(name).digest('hex') });

/** Asks until it is so, and says how long that took. */
async function until(what: string, isSo: () => Promise<boolean>, withinMs: number): Promise<number> {
  const startedAt = performance.now();
  while (!(await isSo())) {
    if (performance.now() - startedAt > withinMs) throw new Error(`not within ${withinMs} ms: ${what}`);
    await wait(POLL_MS);
  }
  return performance.now() - startedAt;
}

const holdersAt = async (at: TestDirectory, token: string, name: string) => {
  const { json } = await at.ask(`/search?name=${name}`, { token });
  return (json.results ?? []).flatMap(({ peers }: { peers: { port: number }[] }) => peers.map(({ port }) => port));
};
const statusAt = async (at: TestDirectory, token: string) => (await at.ask('/search?name=x', { token })).status;

describe('what one was told, the other knows', () => {
  it('a token holds at once, its peer is found within the time that is promised, and left when it leaves', async () => {
    const [a, b] = await two();
    const { token } = await a.login('ann', 7001, [file('x')]);
    expect(await statusAt(b, token)).toBe(200);
    expect(await holdersAt(b, token, 'x')).toEqual([7001]);

    const bob = await b.login('bob', 7002, [file('x')]);
    await until('bob is found at a', async () => (await holdersAt(a, token, 'x')).includes(7002), STALE_MS);
    await b.ask('/loadfiles', { method: 'PUT', token: bob.token, body: { files: [file('y')] } });
    await until('bob has another file', async () => (await holdersAt(a, token, 'y')).includes(7002), STALE_MS);
    expect(await holdersAt(a, token, 'x')).toEqual([7001]);

    await b.ask('/logout', { method: 'POST', token: bob.token });
    await until('bob left', async () => (await holdersAt(a, token, 'y')).length === 0, STALE_MS);
    const indexes = await Promise.all([a, b].map(async (at) => (await at.ask('/index', { token })).json));
    expect(indexes[0]).toEqual(indexes[1]);
  });

  it.each(['a logout', 'another login'])(
    'a token that %s ended is refused by the other within a second',
    async (how) => {
      const [a, b] = await two();
      for (let round = 0; round < 5; round++) {
        const { token } = await a.login('ann', 7001);
        expect(await statusAt(b, token)).toBe(200);
        if (how === 'a logout') await a.ask('/logout', { method: 'POST', token });
        else await a.login('ann', 7001);
        await until('it is refused', async () => (await statusAt(b, token)) === 401, STALE_MS);
        expect(await statusAt(a, token)).toBe(401);
      }
    },
  );

  it('a token of nobody is refused by both, and costs the database no more than the polls that there may be', async () => {
    const [a, b] = await two();
    await a.login('ann', 7001);
    const before = await transactionsOf(databaseUrl);
    const startedAt = performance.now();
    let guesses = 0;
    // One after the other, each as soon as the one before was refused.
    const guesser = async (at: TestDirectory) => {
      while (performance.now() - startedAt < 1500) expect(await statusAt(at, `wrong-${guesses++}`)).toBe(401);
    };
    await Promise.all([a, b, a, b, a, b].map(guesser));
    const seconds = (performance.now() - startedAt) / 1000;
    const polls = (await transactionsOf(databaseUrl)) - before;
    expect(guesses).toBeGreaterThan(20);
    // Two of them, 100 times a second each, and what this test and the server itself ask.
    expect(polls).toBeLessThan(20 + seconds * 2 * 100);
  });

  it('tickets of both are signed with one key', async () => {
    const [a, b] = await two();
    const given = [await a.login('ann', 7001), await b.login('bob', 7002)].map(({ json }) => json);
    expect(given[0].ticketKey).toBe(given[1].ticketKey);
    const key = ticketKey(given[0].ticketKey);
    expect(given.map(({ ticket }) => readTicket(ticket, [key!])?.sub)).toEqual(['ann', 'bob']);
  });

  it('registrations of the dialect, and who takes their place', async () => {
    const [a, b] = await two({ sdP2p: { lifetimeMs: undefined } });
    const place = { ip: '127.0.0.1', port: 7009 };
    const entered = await a.ask('/login', {
      method: 'POST',
      body: { user: 'eva\0', password: 'x', ...place, archivos: ['old.txt'] },
    });
    expect(entered.json.estado).toBe('OK');
    const found = async (at: TestDirectory) => (await at.ask('/search', { body: { archivo: 'old.txt' } })).status;
    await until('b knows it', async () => (await found(b)) === 200, STALE_MS);
    await b.login('ann', place.port, [file('x')]);
    await until('a has forgotten it', async () => (await found(a)) === 404, STALE_MS);
  });
});

/** Transactions that the database has seen. */
async function transactionsOf(url: string): Promise<number> {
  const sum = 'select xact_commit + xact_rollback as n from pg_stat_database where datname = current_database()';
  // The server's own count lags by up to a second.
  await wait(1100);
  return Number((await asked(url, sum))[0]?.n);
}

describe('of two that come at the same time', () => {
  const together = <T>(count: number, work: (i: number) => Promise<T>) =>
    Promise.all(Array.from({ length: count }, (_, i) => work(i)));

  it('one password becomes that of a new user', async () => {
    const both = await two();
    for (let round = 0; round < 5; round++) {
      const login = (i: number, port: number) => {
        const body = { user: `new-${round}`, password: `password ${i % 2}`, ip: '127.0.0.1', port, files: [] };
        return both[i % 2]!.ask('/login', { method: 'POST', body });
      };
      const answers = await together(6, (i) => login(i, 7001 + 10 * round + i));
      const won = new Set(answers.flatMap(({ status }, i) => (status === 200 ? [i % 2] : [])));
      expect(won.size).toBe(1);
      const [winner = 0] = won;
      expect(answers.filter(({ code }) => code === 'wrong-password')).toHaveLength(3);
      // From then on it is the same at both.
      for (const at of both) {
        const again = await at.ask('/login', {
          method: 'POST',
          body: { user: `new-${round}`, password: `password ${1 - winner}`, ip: '127.0.0.1', port: 7100, files: [] },
        });
        expect(again.code).toBe('wrong-password');
      }
    }
  });

  it('one user gets an address', async () => {
    const both = await two();
    for (let round = 0; round < 5; round++) {
      const answers = await together(6, (i) => both[i % 2]!.login(`user-${i}`, 7001 + round));
      expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
      expect(answers.filter(({ code }) => code === 'address-taken')).toHaveLength(5);
    }
  });

  it('no more get in than the limit says', async () => {
    const both = await two({ limits: { peers: 100, peersPerUser: 3, files: 1000 } });
    const answers = await together(10, (i) => both[i % 2]!.login('ann', 7001 + i));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(3);
    expect(answers.filter(({ code }) => code === 'too-many-peers')).toHaveLength(7);
  });
});

describe('leases', () => {
  const LEASE_MS = 3000;

  it('that one renews go on at the other, and end at both when nobody renews them', async () => {
    const [a, b] = await two({ leaseMs: LEASE_MS });
    const { token } = await a.login('ann', 7001, [file('x')]);
    // Long enough a lease of its own, to look through.
    const watcher = await b.login('bob', 7002);
    const beat = (at: TestDirectory, whose: string) => at.ask('/heartbeat', { method: 'POST', token: whose });
    const endsAt = performance.now() + 2.5 * LEASE_MS;
    while (performance.now() < endsAt) {
      // The last third of the lease, and the other one each time.
      await wait(LEASE_MS * 0.4);
      expect((await beat(b, token)).status).toBe(200);
      await beat(a, watcher.token);
      for (const at of [a, b]) expect(await holdersAt(at, watcher.token, 'x')).toEqual([7001]);
    }
    for (const at of [a, b]) {
      const gone = async () => {
        await beat(b, watcher.token);
        return (await holdersAt(at, watcher.token, 'x')).length === 0;
      };
      await until('its lease ended', gone, LEASE_MS + STALE_MS);
    }
    expect(await statusAt(a, token)).toBe(401);
    await until('the database has forgotten it', async () => (await livingIn(databaseUrl)) === 1, STALE_MS);
  });

  it('renewed in the last moment at one are not ended by the other', async () => {
    const shortMs = 1200;
    const [a, b] = await two({ leaseMs: shortMs });
    for (let round = 0; round < 8; round++) {
      const { token } = await a.login('ann', 7001);
      await wait(shortMs - 60);
      const renewed = await b.ask('/heartbeat', { method: 'POST', token });
      if (renewed.status !== 200) continue; // The machine was too slow for this moment.
      const endsAt = performance.now() + 300;
      while (performance.now() < endsAt) {
        for (const at of [a, b]) expect(await statusAt(at, token)).toBe(200);
        await wait(10);
      }
    }
  });
});

async function livingIn(url: string): Promise<number> {
  const count = "select count(*)::int as n from peerlab_state where kind = 'peers' and value is not null";
  return Number((await asked(url, count))[0]?.n);
}

describe('while the database is away', () => {
  const AWAY_MS = 2500;
  const LEASE_MS = 2000;

  async function hang(signal: 'SIGSTOP' | 'SIGCONT'): Promise<void> {
    const { pid } = postgres.server;
    for (const child of [...(await childrenOf(pid!)), pid!]) process.kill(child, signal);
  }

  it.each([
    ['stopped', () => postgres.server.stop(), () => postgres.server.start()],
    ['hanging', () => hang('SIGSTOP'), () => hang('SIGCONT')],
  ] as const)(
    '%s: nobody is told what may be wrong, and afterwards all that was acknowledged is there',
    async (_, away, back) => {
      const both = await two({ leaseMs: LEASE_MS });
      const [a, b] = both;
      const { token } = await a.login('ann', 7001, [file('x')]);
      expect(await statusAt(b, token)).toBe(200);
      await away();
      try {
        await until('a says so', async () => (await a.ask('/readyz')).status === 503, 15_000);
        await until('b says so', async () => (await b.ask('/readyz')).status === 503, 15_000);
        for (const at of both) {
          expect((await at.ask('/healthz')).status).toBe(200);
          // It is believed for as long as what it knows can be no older than a second.
          const isRefused = async () => (await at.ask('/search?name=x', { token })).code === 'database-away';
          await until('searches are refused', isRefused, 15_000);
          expect((await at.ask('/heartbeat', { method: 'POST', token })).code).toBe('database-away');
          expect((await at.login('eve', 7003)).code).toBe('database-away');
        }
        // Longer than a lease: nobody could renew one.
        await wait(AWAY_MS);
      } finally {
        await back();
      }
      for (const at of both) {
        await until('it goes on', async () => (await at.ask('/readyz')).status === 200, 15_000);
        expect(await holdersAt(at, token, 'x')).toEqual([7001]);
        expect((await at.ask('/heartbeat', { method: 'POST', token })).status).toBe(200);
      }
      const eve = await a.login('eve', 7003);
      expect(eve.status).toBe(200);
      expect(await statusAt(b, eve.token)).toBe(200);
    },
  );

  it('and comes back without what it was told last, nobody believes in it', async () => {
    const [a, b] = await two();
    const { token } = await a.login('ann', 7001, [file('x')]);
    // The answer to a commit that comes never: whether it was done only the database knows.
    const changing = a.login('bob', 7002, [file('y')]);
    await postgres.server.stop();
    const told = await changing;
    await postgres.server.start();
    await until('a goes on', async () => (await a.ask('/readyz')).status === 200, 15_000);
    await until('b goes on', async () => (await b.ask('/readyz')).status === 200, 15_000);
    const [atA, atB] = await Promise.all([a, b].map((at) => holdersAt(at, token, 'y')));
    expect(atA).toEqual(atB);
    if (told.status === 200) expect(atA).toEqual([7002]);
    else expect(told.code).toMatch(/storage-failed|database-away/);
    // Whether or not there is an account now, the first password that gets in is the one at both.
    const again = [await a.login('bob', 7002), await b.login('bob', 7003)];
    expect(again.map(({ status }) => status)).toEqual([200, 200]);
  });
});

it('a database server that is killed has again, when it is started, all that was acknowledged', async () => {
  const both = await two();
  const names = new Map<number, { acknowledged: string[]; inDoubt?: string[] }>();
  const worker = async (port: number) => {
    const { token } = await both[port % 2]!.login(`user-${port}`, port);
    for (let i = 0; ; i++) {
      const wanted = [`${port}-${i}`];
      const body = { files: wanted.map(file) };
      const { status, code } = await both[i % 2]!.ask('/loadfiles', { method: 'PUT', token, body });
      if (status === 200) names.set(port, { acknowledged: wanted });
      else {
        expect(code).toMatch(/storage-failed|database-away/);
        names.set(port, { ...names.get(port)!, inDoubt: wanted });
        return;
      }
    }
  };
  const working = Promise.all(Array.from({ length: 6 }, (_, i) => worker(7001 + i)));
  await until('all have changed something', async () => names.size === 6, 15_000);
  await Promise.all([postgres.server.kill(), working]);
  // What it had started may hold its memory for a moment longer.
  const isStarted = () =>
    postgres.server.start().then(
      () => true,
      () => false,
    );
  await until('it is started', isStarted, 15_000);
  for (const at of both) {
    let token = '';
    // One that has not noticed yet that the server was away says that it is ready, and learns better with the first change.
    const goesOn = async () => {
      const answer = await at.login('observer', 6999);
      token = answer.token;
      return answer.status === 200;
    };
    await until('it goes on', goesOn, 15_000);
    expect((await at.ask('/readyz')).status).toBe(200);
    const { peers } = (await at.ask('/index', { token })).json as {
      peers: { port: number; files: { name: string }[] }[];
    };
    for (const [port, { acknowledged, inDoubt }] of names) {
      const found = peers.find((peer) => peer.port === port)?.files.map(({ name }) => name);
      expect([acknowledged, inDoubt]).toContainEqual(found);
    }
  }
});

describe('a directory that stood still', () => {
  it('answers by what is so now, not by what it knew', async () => {
    const env = { DIRECTORY_DATABASE_URL: databaseUrl, DIRECTORY_LEASE: '2s' };
    await using frozen = await DirectoryProcess.start(env);
    await using other = await DirectoryProcess.start(env);
    const [through, beside] = [new DirectoryApi(frozen.url), new DirectoryApi(other.url)];
    const login = (api: DirectoryApi, user: string, port: number) =>
      api.login({ user, password: user, ip: '127.0.0.1', port, files: [file(user)] });
    const ann = await login(through, 'ann', 7001);
    const bob = await login(beside, 'bob', 7002);
    frozen.signal('SIGSTOP');
    await beside.logout(ann.token);
    const stillThere = setInterval(() => void beside.heartbeat(bob.token, 1000).catch(() => {}), 300);
    await wait(3000);
    const carol = await login(beside, 'carol', 7003);
    clearInterval(stillThere);
    frozen.signal('SIGCONT');
    // Its very first answers: the token that was taken back, the lease that others renewed, the login that it slept through.
    const codes = await Promise.all([
      through.heartbeat(ann.token, 10_000).then(String, (error: PeerLabError) => error.code),
      through.search(bob.token, { name: 'bob' }).then(({ results }) => results.length),
      through.search(carol.token, { name: 'carol' }).then(({ results }) => results.length),
    ]);
    expect(codes).toEqual(['unauthorized', 1, 1]);
  });
});
