import { expect, test, vi } from 'vitest';
import { DirectoryApi } from '#base/directory-client.ts';
import { MIN_HEARTBEAT_MS } from '#proto/lease.ts';
import { StandInDirectory } from '../testing/stand-in-directory.ts';
import { eventually, sha256, silent } from '../testing/test-peer.ts';
import { DirectorySession } from './session.ts';

async function setup() {
  const directory = await StandInDirectory.start();
  const file = (name: string) => ({ name, size: 1, sha256: sha256(name) });
  const share = { version: 1, files: [file('a')], list: () => share.files };
  const onLease = vi.fn();
  const session = new DirectorySession({
    ...{
      api: new DirectoryApi(directory.url),
      user: 'ann',
      password: 'x',
      address: { ip: '127.0.0.1', port: 1 },
      share,
    },
    ...{ logger: silent, onLease },
  });
  return {
    directory,
    session,
    onLease,
    add(name: string) {
      share.files.push(file(name));
      share.version++;
    },
    async [Symbol.asyncDispose]() {
      await session.close(100);
      await directory[Symbol.asyncDispose]();
    },
  };
}

test('login, publish, logout', async () => {
  await using it = await setup();
  await it.session.publish();
  await expect(it.session.search({ name: 'a' })).rejects.toMatchObject({ code: 'not-logged-in' });
  expect(await it.session.login()).toEqual({ leaseSeconds: 30 });
  it.add('b');
  await it.session.publish();
  await it.session.publish();
  expect(it.directory.count('/loadfiles')).toBe(1);
  expect(it.directory.files('ann')?.length).toBe(2);
  expect((await it.session.search({ name: 'b' })).results[0]?.peers[0]?.user).toBe('ann');
  await it.session.logout();
  expect(it.directory.peers.size).toBe(0);
  expect(it.onLease.mock.calls.map(([held]) => held)).toEqual([true, false]);
});

test('many changes at once are few requests, and the last one has all', async () => {
  await using it = await setup();
  await it.session.login();
  await Promise.all(
    Array.from({ length: 100 }, (_, i) => {
      it.add(`f${i}`);
      return it.session.publish();
    }),
  );
  expect(it.directory.files('ann')?.length).toBe(101);
  expect(it.directory.count('/loadfiles')).toBeLessThanOrEqual(2);
});

test('the lease is renewed; a directory that forgot the login gets a new one', async () => {
  await using it = await setup();
  // A third of it is no whole number of milliseconds.
  it.directory.leaseSeconds = 0.8;
  await it.session.login();
  await eventually('heartbeats', () => it.directory.count('/heartbeat') >= 3);
  it.directory.forgetAll();
  await eventually('a new login', () => it.directory.files('ann'));
  expect(it.directory.count('/login')).toBe(2);
});

test.each([[0.001], [0], [-1], [Number.NaN], ['soon']])(
  'a directory that renews for %j s gets no flood of heartbeats',
  async (lease) => {
    await using it = await setup();
    it.directory.leaseSeconds = 0.001;
    await it.session.login();
    it.directory.leaseSeconds = lease as number;
    const began = performance.now();
    await eventually('heartbeats', () => it.directory.count('/heartbeat') >= 3);
    expect(performance.now() - began).toBeGreaterThan(2 * MIN_HEARTBEAT_MS);
  },
);

test.each([[0], [-1], [Number.NaN], ['soon']])('a lease of %j is no lease: the login fails', async (lease) => {
  await using it = await setup();
  it.directory.leaseSeconds = lease as number;
  await expect(it.session.login()).rejects.toMatchObject({ code: 'bad-answer' });
  expect(it.session.isLoggedIn).toBe(false);
});

test('a directory that fails is asked again, and what changed meanwhile is published', async () => {
  await using it = await setup();
  it.directory.leaseSeconds = 0.3;
  await it.session.login();
  it.directory.failWith = 503;
  it.add('b');
  await expect(it.session.publish()).rejects.toMatchObject({ code: 'directory-refused' });
  await eventually('the loss of the lease', () => it.onLease.mock.lastCall?.[0] === false);
  it.directory.failWith = undefined;
  await eventually('the new file', () => it.directory.files('ann')?.length === 2);
  expect(it.onLease.mock.lastCall?.[0]).toBe(true);
});

test('a search in the moment of a forgotten login logs in again', async () => {
  await using it = await setup();
  await it.session.login();
  it.directory.forgetAll();
  expect((await it.session.search({ name: 'a' })).results.length).toBe(1);
});

test('all pages', async () => {
  await using it = await setup();
  for (let i = 0; i < 25; i++) {
    it.directory.peers.set(`p${i}`, {
      user: `u${i}`,
      password: 'x',
      ip: '127.0.0.1',
      port: i + 2,
      files: [{ name: 'f', size: 1, sha256: sha256(`${i}`) }],
    });
  }
  it.directory.pageSize = 10;
  await it.session.login();
  expect((await it.session.index()).peers.length).toBe(26);
  expect((await it.session.search({ name: 'f' })).results.length).toBe(25);
});

test('a directory that is not there', async () => {
  await using it = await setup();
  await it.directory[Symbol.asyncDispose]();
  await expect(it.session.login()).rejects.toMatchObject({ code: 'directory-unreachable' });
});

test('a login that is wanted is tried until the directory is there', async () => {
  await using it = await setup();
  it.directory.failWith = 503;
  it.session.loginWhenPossible();
  await eventually('two tries', () => it.directory.count('/login') >= 2);
  expect(it.session.loginOwed).toMatch(/^not logged in yet: the directory refused/);
  it.directory.failWith = undefined;
  await eventually('the login', () => it.directory.files('ann'));
  await eventually('no login owed', () => it.session.loginOwed === undefined);
  expect(it.session.isLoggedIn).toBe(true);
});

test('a wanted login ends with logout, and a wrong password ends it too', async () => {
  await using it = await setup();
  it.directory.failWith = 503;
  it.session.loginWhenPossible();
  await eventually('a try', () => it.directory.count('/login') === 1);
  await it.session.logout();
  expect(it.session.loginOwed).toBeUndefined();
  it.directory.refuseLoginsAs = 'wrong-password';
  it.directory.failWith = undefined;
  it.session.loginWhenPossible();
  await eventually('the reason', () => /password/.test(it.session.loginOwed ?? ''));
  // Longer than the first wait: neither goes on.
  await new Promise((resolve) => setTimeout(resolve, 700));
  expect(it.directory.count('/login')).toBe(2);
});
