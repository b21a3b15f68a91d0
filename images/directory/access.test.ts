import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { DIRECTORY, type EndpointName } from '#proto/directory-api.ts';
import { Networks } from '#proto/networks.ts';
import { readTicket, ticketKey } from '#proto/ticket.ts';
import { hashPassword } from './passwords.ts';
import { TestDirectory } from './testing/test-directory.ts';

// Who may do what: every endpoint by every token, and logins by every address and password.

const file = (name: string, sha256 = 'a'.repeat(64)) => ({ name, size: 1, sha256 });

/** A request of each endpoint that is right in all but its token. */
const REQUESTS: Record<Exclude<EndpointName, 'login'>, { query?: string; body?: unknown }> = {
  index: {},
  search: { query: '?name=mine' },
  loadfiles: { body: { files: [file('changed', 'b'.repeat(64))] } },
  heartbeat: { body: {} },
  swarm: { body: { root: 'a'.repeat(64) } },
  logout: { body: {} },
};

/** Whose token it is, and whether it opens a door. */
const TOKENS: Record<string, 'ok' | 'unauthorized'> = {
  'of the owner': 'ok',
  'of another user': 'ok',
  'of another peer of the owner': 'ok',
  none: 'unauthorized',
  'made up': 'unauthorized',
  'of an earlier login of this peer': 'unauthorized',
  'after logout': 'unauthorized',
  'of a lease that ended': 'unauthorized',
  'older than tokens get': 'unauthorized',
  'of another directory': 'unauthorized',
  'hashed, as it is stored': 'unauthorized',
};

describe('every endpoint by every token', () => {
  for (const [name, request] of Object.entries(REQUESTS) as [keyof typeof REQUESTS, (typeof REQUESTS)['index']][]) {
    const { path, methods } = DIRECTORY[name];
    for (const method of methods) {
      for (const [whose, outcome] of Object.entries(TOKENS)) {
        it(`${method} ${path}, token ${whose}: ${outcome}`, async () => {
          await using directory = await TestDirectory.start({ tokenMs: 60_000 });
          const tokens = await tokensOf(directory);
          const ask = { method, token: tokens[whose], ...(method !== 'GET' && { body: request.body ?? {} }) };
          const answer = await directory.ask(`${path}${request.query ?? ''}`, ask);
          expect(answer, answer.text).toMatchObject(
            outcome === 'ok' ? { status: 200 } : { status: 401, code: 'unauthorized' },
          );
          // Whatever was asked, by whomever but the owner: the owner's entry is as it was.
          if (whose !== 'of the owner') {
            const found = await directory.ask('/search?name=mine', { token: tokens['of the owner'] });
            expect(found.json.results).toMatchObject([{ peers: [{ user: 'ann', port: 7001 }] }]);
          }
        });
      }
    }
  }

  async function tokensOf(directory: TestDirectory): Promise<Record<string, string | undefined>> {
    await using elsewhere = await TestDirectory.start();
    const { clock } = directory;
    const ended = await directory.login('ann', 7004);
    const old = await directory.login('ann', 7005);
    // Renewed all the time, until the token itself is too old.
    for (let i = 0; i < 3; i++) {
      clock.nowMs += 20_000;
      if (i < 2) await directory.ask('/heartbeat', { method: 'POST', token: old.token });
    }
    const earlier = await directory.login('ann', 7001);
    const owner = await directory.login('ann', 7001, [file('mine')]);
    const out = await directory.login('ann', 7003);
    await directory.ask('/logout', { method: 'POST', token: out.token });
    const { tokenHash } = await import('./tokens.ts');
    return {
      'of the owner': owner.token,
      'of another user': (await directory.login('bob', 7002)).token,
      'of another peer of the owner': (await directory.login('ann', 7006)).token,
      'made up': 'YGlkiXlGDydiEaMUDAeeDeG4wblHNXI5iaPeBnsIBlA',
      'of an earlier login of this peer': earlier.token,
      'after logout': out.token,
      'of a lease that ended': ended.token,
      'older than tokens get': old.token,
      'of another directory': (await elsewhere.login('ann', 7001)).token,
      'hashed, as it is stored': tokenHash(owner.token),
    };
  }
});

describe('tokens', () => {
  it('are random, long, and each one new', async () => {
    await using directory = await TestDirectory.start();
    const tokens = new Set<string>();
    for (let i = 0; i < 20; i++) tokens.add((await directory.login('ann', 7001)).token);
    expect(tokens.size).toBe(20);
    for (const token of tokens) expect(Buffer.from(token, 'base64url').length).toBeGreaterThanOrEqual(16);
  });

  it('are in no log, and neither are passwords and tickets', async () => {
    const { createLogger } = await import('#base/logger.ts');
    const { Writable } = await import('node:stream');
    const { pino } = await import('pino');
    let log = '';
    const sink = new Writable({
      write: (chunk, _encoding, done) => {
        log += chunk;
        done();
      },
    });
    expect(createLogger('x', 'silent').level).toBe('silent');
    await using directory = await TestDirectory.start({ logger: pino({ level: 'trace' }, sink) });
    const { token, json } = await directory.login('ann', 7001, [file('x')]);
    await directory.ask('/search?name=x', { token });
    await directory.ask('/logout', { method: 'POST', token });
    expect(log).toContain('"msg":"login"');
    for (const secret of [token, json.ticket, 'password of ann']) expect(log).not.toContain(secret);
  });
});

describe('addresses', () => {
  it('count only when the login comes from them, however they are spelled', async () => {
    await using directory = await TestDirectory.start();
    for (const ip of ['127.0.0.9', '10.0.0.1', '192.0.2.1', '::1', '::ffff:127.0.0.9', '0.0.0.0', '255.255.255.255']) {
      const answer = await directory.login('eve', 7001, [], { ip });
      expect(answer, ip).toMatchObject({ status: 403, code: 'address-not-yours' });
    }
    expect(await directory.login('ann', 7001, [], { ip: '::ffff:127.0.0.1' })).toMatchObject({ status: 200 });
    expect(await directory.login('bob', 7001, [], { ip: '127.0.0.2', localAddress: '127.0.0.2' })).toMatchObject({
      status: 200,
    });
    // A header says nothing about where a connection comes from.
    const headers = { 'x-forwarded-for': '10.0.0.1', forwarded: 'for=10.0.0.1' };
    expect(await directory.login('eve', 7002, [], { ip: '10.0.0.1', headers })).toMatchObject({ status: 403 });
  });

  it('inside networks that the setting trusts count too', async () => {
    await using directory = await TestDirectory.start({ trusted: Networks.parse('10.0.0.0/8') });
    expect(await directory.login('ann', 7001, [], { ip: '10.1.2.3' })).toMatchObject({ status: 200 });
    expect(await directory.login('ann', 7001, [], { ip: '11.1.2.3' })).toMatchObject({ status: 403 });
  });

  it('belong to their user while the lease holds; a refused login leaves no account', async () => {
    await using directory = await TestDirectory.start();
    await directory.login('ann', 7001);
    expect(await directory.login('bob', 7001)).toMatchObject({ status: 409, code: 'address-taken' });
    const other = { body: { user: 'bob', password: 'his own', ip: '127.0.0.1', port: 7002, files: [] } };
    expect(await directory.ask('/login', { method: 'POST', ...other })).toMatchObject({ status: 200 });
    directory.clock.nowMs += 30_000;
    const again = { ...other.body, port: 7001 };
    expect(await directory.ask('/login', { method: 'POST', body: again })).toMatchObject({ status: 200 });
  });
});

describe('passwords', () => {
  const guess = (directory: TestDirectory, more: object = {}, localAddress?: string) =>
    directory.ask('/login', {
      method: 'POST',
      body: { user: 'ann', password: 'a guess', ip: localAddress ?? '127.0.0.1', port: 7666, files: [], ...more },
      ...(localAddress && { localAddress }),
    });

  it('a thousand guesses are cut short, and the owner gets in meanwhile: at its own address, and from elsewhere', async () => {
    await using directory = await TestDirectory.start();
    const owner = await directory.login('ann', 7001);
    const answers = [];
    for (let i = 0; i < 20; i++) {
      answers.push(...(await Promise.all(Array.from({ length: 50 }, () => guess(directory)))));
    }
    const codes = answers.map(({ code }) => code);
    expect(codes.filter((code) => code === 'wrong-password').length).toBeLessThanOrEqual(14);
    expect(new Set(codes)).toEqual(new Set(['wrong-password', 'too-many-guesses']));
    const last = answers.at(-1);
    expect(last).toMatchObject({ status: 429, json: { error: { code: 'too-many-guesses' } } });
    expect(Number(last?.headers['retry-after'])).toBeGreaterThan(0);

    expect((await directory.ask('/heartbeat', { method: 'POST', token: owner.token })).status).toBe(200);
    expect(await directory.login('ann', 7001)).toMatchObject({ status: 200 });
    const elsewhere = { ip: '127.0.0.2', localAddress: '127.0.0.2' };
    expect(await directory.login('ann', 7002, [], elsewhere)).toMatchObject({ status: 200 });
    directory.clock.nowMs += Number(last?.headers['retry-after']) * 1000;
    expect(await directory.login('ann', 7003)).toMatchObject({ status: 200 });
  });

  it('closed, the same answer for a user who is not there, and about the same time', async () => {
    const cost = { memoryKiB: 4096, passes: 2, parallelism: 1 };
    const accounts = new Map([['ann', await hashPassword('password of ann', cost)]]);
    await using directory = await TestDirectory.start({ openAccounts: false, accounts, passwordCost: cost });
    expect(await directory.login('ann', 7001)).toMatchObject({ status: 200 });
    const times = { ann: [] as number[], nobody: [] as number[] };
    for (let i = 0; i < 9; i++) {
      for (const user of ['ann', 'nobody'] as const) {
        directory.clock.nowMs += 10_000;
        const startedAt = performance.now();
        const answer = await guess(directory, { user });
        times[user].push(performance.now() - startedAt);
        expect(answer).toMatchObject({ status: 401, code: 'wrong-password' });
        expect(answer.text).toBe((await guess(directory, { user: 'ann' }, '127.0.0.3')).text);
      }
    }
    const median = (values: number[]) => values.sort((a, b) => a - b)[4] as number;
    const ratio = median(times.nobody) / median(times.ann);
    // A user who is not there and costs nothing would be ten times as fast; a busy machine makes either slower.
    expect(ratio).toBeGreaterThan(0.25);
    expect(ratio).toBeLessThan(4);
  });
});

it('tickets name user and address, are the same until half of their time, and can be checked with the key', async () => {
  await using directory = await TestDirectory.start();
  const { json, token } = await directory.login('ann', 7001);
  const key = ticketKey(json.ticketKey);
  expect(key).toBeDefined();
  const claims = key && readTicket(json.ticket, [key]);
  expect(claims).toMatchObject({ sub: 'ann', addr: '127.0.0.1:7001' });
  expect(claims?.exp).toBeLessThan(Date.now() / 1000 + 301);
  const beat = await directory.ask('/heartbeat', { method: 'POST', token });
  expect(beat.json).toMatchObject({ ticket: json.ticket, ticketKey: json.ticketKey });
});

describe('a restart', () => {
  it('finds everybody there again, with one fresh lease, the same token and the same key of tickets', async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'peerlab-test-'));
    try {
      let ann: Awaited<ReturnType<TestDirectory['login']>>;
      {
        await using before = await TestDirectory.start({ dataDir });
        ann = await before.login('ann', 7001, [file('x')]);
        const bob = await before.login('bob', 7002, [file('y')]);
        await before.ask('/loadfiles', { method: 'PUT', token: ann.token, body: { files: [file('z')] } });
        await before.ask('/logout', { method: 'POST', token: bob.token });
      }
      await using after = await TestDirectory.start({ dataDir });
      const { token } = ann;
      expect((await after.ask('/index', { token })).json.peers).toMatchObject([
        { user: 'ann', files: [{ name: 'z' }] },
      ]);
      expect((await after.ask('/heartbeat', { method: 'POST', token })).json.ticketKey).toBe(ann.json.ticketKey);
      const wrong = { user: 'bob', password: 'another', ip: '127.0.0.1', port: 7009, files: [] };
      expect(await after.ask('/login', { method: 'POST', body: wrong })).toMatchObject({ code: 'wrong-password' });
      after.clock.nowMs = 29_999;
      expect((await after.ask('/search?name=z', { token })).json.results).toHaveLength(1);
      after.clock.nowMs = 60_000;
      expect(await after.ask('/search?name=z', { token })).toMatchObject({ code: 'unauthorized' });
    } finally {
      await rm(dataDir, { recursive: true, force: true });
    }
  });
});

it('an address counts only when the login came from it, however either is spelt', async () => {
  // Listening for both, the socket names callers over IPv4 as ::ffff:127.0.0.1.
  await using directory = await TestDirectory.start({ host: '::' });
  const login = (ip: string, port: number) => directory.login('ann', port, [], { ip });
  for (const [at, ip] of ['127.0.0.1', '::ffff:127.0.0.1', '::FFFF:7f00:1'].entries()) {
    const { token, json: given, status } = await login(ip, 7001 + at);
    expect(status, ip).toBe(200);
    const { json } = await directory.ask('/index', { token });
    expect(json.peers).toContainEqual(expect.objectContaining({ ip: '127.0.0.1', port: 7001 + at }));
    const claims = JSON.parse(Buffer.from(given.ticket.split('.')[1], 'base64url').toString());
    expect(claims.addr).toBe(`127.0.0.1:${7001 + at}`);
  }
  for (const ip of ['127.0.0.9', '::ffff:127.0.0.9', '::1'])
    expect(await login(ip, 7009), ip).toMatchObject({ code: 'address-not-yours' });
});
