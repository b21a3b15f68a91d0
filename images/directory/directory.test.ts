import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { HttpService } from '#base/http-service.ts';
import { createLogger } from '#base/logger.ts';
import {
  errorResponse,
  heartbeatResponse,
  indexResponse,
  loadfilesResponse,
  loginResponse,
  searchResponse,
} from '#proto/directory-api.ts';
import { isErrorCode } from '#proto/errors.ts';
import { type DirectoryInit, startDirectory } from './directory.ts';

// A real server on a free port, asked by fetch; only the clock is ours.

const LEASE_MS = 30_000;
const HASH_A = 'a'.repeat(64);
const HASH_B = 'b'.repeat(64);
const fileA = { name: 'a.txt', size: 3, sha256: HASH_A };
const fileB = { name: 'b.txt', size: 4, sha256: HASH_B };

interface Lab {
  service: HttpService;
  clock: { nowMs: number };
}

/** Far below what a setting can ask for: logins are not what these tests are about. */
const PASSWORD_COST = { memoryKiB: 8, passes: 1, parallelism: 1 };

async function start(init: Partial<DirectoryInit> = {}): Promise<Lab> {
  const clock = { nowMs: 0 };
  const service = await startDirectory({
    host: '127.0.0.1',
    port: 0,
    leaseMs: LEASE_MS,
    maxBodyBytes: 64 * 1024,
    logger: createLogger('directory', 'silent'),
    passwordCost: PASSWORD_COST,
    now: () => clock.nowMs,
    ...init,
  });
  return { service, clock };
}

const running: HttpService[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((service) => service.close(0)));
});
async function startForOneTest(init: Partial<DirectoryInit> = {}): Promise<Lab> {
  const lab = await start(init);
  running.push(lab.service);
  return lab;
}

interface Ask {
  method?: string;
  token?: string;
  /** An object is sent as JSON, text as it is. */
  body?: unknown;
  headers?: Record<string, string>;
}

/** Asks without a Content-Type unless `headers` has one: bytes carry none. */
async function ask({ service }: Lab, path: string, { method = 'GET', token, body, headers = {} }: Ask = {}) {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const response = await fetch(`http://127.0.0.1:${service.port}${path}`, {
    method,
    headers: { ...headers, ...(token && { authorization: `Bearer ${token}` }) },
    ...(body !== undefined && { body: Buffer.from(text) }),
  });
  const answer = await response.text();
  const json = response.headers.get('content-type')?.startsWith('application/json') ? JSON.parse(answer) : undefined;
  return { status: response.status, text: answer, json, code: json?.error?.code as string | undefined };
}

const credentials = (user: string, port: number, files: unknown[] = []) => ({
  user,
  password: `password of ${user}`,
  ip: '127.0.0.1',
  port,
  files,
});

async function login(lab: Lab, user: string, port: number, files: unknown[] = []): Promise<string> {
  const { json } = await ask(lab, '/login', { method: 'POST', body: credentials(user, port, files) });
  return loginResponse.parse(json).token;
}

const found = async (lab: Lab, token: string, query: string) =>
  searchResponse.parse((await ask(lab, `/search?${query}`, { token })).json);
const listed = async (lab: Lab, token: string, query = '') =>
  indexResponse.parse((await ask(lab, `/index${query}`, { token })).json);
const ports = (index: { peers: { port: number }[] }) => index.peers.map(({ port }) => port);

describe('two peers', () => {
  it('log in, find each other and their files, replace a list, log out', async () => {
    const lab = await startForOneTest();
    const ann = await login(lab, 'ann', 7001, [fileA]);
    const bob = await login(lab, 'bob', 7002, [fileB]);

    expect(await listed(lab, ann)).toEqual({
      peers: [
        { user: 'ann', ip: '127.0.0.1', port: 7001, files: [fileA] },
        { user: 'bob', ip: '127.0.0.1', port: 7002, files: [fileB] },
      ],
    });
    const inB = { ...fileB, peers: [{ user: 'bob', ip: '127.0.0.1', port: 7002, name: 'b.txt' }] };
    expect(await found(lab, ann, 'name=b.txt')).toEqual({ results: [inB] });
    expect(await found(lab, ann, `sha256=${HASH_B}`)).toEqual({ results: [inB] });

    for (const method of ['PUT', 'POST']) {
      const replaced = await ask(lab, '/loadfiles', { method, token: bob, body: { files: [fileA] } });
      expect(loadfilesResponse.parse(replaced.json)).toEqual({ files: 1 });
    }
    expect(await found(lab, ann, 'name=b.txt')).toEqual({ results: [] });
    expect((await found(lab, ann, 'name=*')).results[0]?.peers).toHaveLength(2);

    expect(await ask(lab, '/logout', { method: 'POST', token: bob })).toMatchObject({ status: 200, json: {} });
    expect(ports(await listed(lab, ann))).toEqual([7001]);
    expect(await ask(lab, '/logout', { method: 'POST', token: bob })).toMatchObject({ status: 401 });
  });

  it('find the same, as it is now, however a name is written in the URL', async () => {
    const lab = await startForOneTest();
    const ann = await login(lab, 'ann', 7001);
    const ways = ['a.txt', 'b b.txt', '100%~x', 'a+b', 'á.txt', '*.txt', '?.txt', '__proto__'].map((name) => {
      const bytes = [...Buffer.from(name)].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('');
      return { name, plain: `/search?name=${encodeURIComponent(name)}`, coded: `/search?limit=100&name=${bytes}` };
    });
    const counts = async () => {
      const found: number[] = [];
      for (const { name, plain, coded } of ways) {
        const [one, other] = [await ask(lab, plain, { token: ann }), await ask(lab, coded, { token: ann })];
        expect(one.json, name).toEqual(other.json);
        found.push(searchResponse.parse(one.json).results.length);
      }
      return found;
    };
    const load = (token: string, names: string[]) => {
      const files = names.map((name, i) => ({ ...fileA, name, sha256: String(i).repeat(64) }));
      return ask(lab, '/loadfiles', { method: 'PUT', token, body: { files } });
    };

    expect(await counts()).toEqual([0, 0, 0, 0, 0, 0, 0, 0]);
    const bob = await login(lab, 'bob', 7002, [fileA]);
    expect(await counts()).toEqual([1, 0, 0, 0, 0, 1, 1, 0]);
    await load(ann, ['b b.txt', '100%~x', 'a+b', 'á.txt', '__proto__']);
    expect(await counts()).toEqual([1, 1, 1, 1, 1, 3, 2, 1]);
    await load(bob, []);
    expect(await counts()).toEqual([0, 1, 1, 1, 1, 2, 1, 1]);
    await load(bob, ['a.txt']);
    expect(await counts()).toEqual([1, 1, 1, 1, 1, 2, 2, 1]);
    await ask(lab, '/logout', { method: 'POST', token: bob });
    expect(await counts()).toEqual([0, 1, 1, 1, 1, 2, 1, 1]);
    expect(await ask(lab, '/search?x?name=a.txt', { token: ann })).toMatchObject({ status: 400, code: 'bad-request' });
  });

  it('page through index (GET and POST) and search', async () => {
    const lab = await startForOneTest();
    const token = await login(lab, 'ann', 7001, [fileA, fileB]);
    await login(lab, 'ann', 7002);
    const first = await listed(lab, token, '?limit=1');
    expect(ports(first)).toEqual([7001]);
    expect(ports(await listed(lab, token, `?limit=1&cursor=${first.next}`))).toEqual([7002]);
    const posted = await ask(lab, '/index', { method: 'POST', token, body: { limit: 1, cursor: first.next } });
    expect(posted.json).toMatchObject({ peers: [{ port: 7002 }] });
    expect(posted.json).not.toHaveProperty('next');

    const page = await found(lab, token, 'name=*.txt&limit=1');
    expect(page.results).toMatchObject([{ name: 'a.txt' }]);
    expect((await found(lab, token, `name=*.txt&limit=1&cursor=${page.next}`)).results).toMatchObject([
      { name: 'b.txt' },
    ]);
  });
});

describe('accounts and ownership', () => {
  it('refuses a wrong password, and leaves the registration as it was', async () => {
    const lab = await startForOneTest();
    const ann = await login(lab, 'ann', 7001, [fileA]);
    const body = { ...credentials('ann', 7001), password: 'a guess' };
    expect(await ask(lab, '/login', { method: 'POST', body })).toMatchObject({ status: 401, code: 'wrong-password' });
    expect((await listed(lab, ann)).peers[0]?.files).toEqual([fileA]);
  });

  it('keeps an address for its user, however the address is spelled', async () => {
    const lab = await startForOneTest();
    await login(lab, 'ann', 7001);
    for (const ip of ['127.0.0.1', '::ffff:127.0.0.1', '::FFFF:7f00:1']) {
      const answer = await ask(lab, '/login', { method: 'POST', body: { ...credentials('bob', 7001), ip } });
      expect(answer, ip).toMatchObject({ status: 409, code: 'address-taken' });
    }
  });

  it('lets a crashed peer come back at once; its former token ends', async () => {
    const lab = await startForOneTest();
    const before = await login(lab, 'ann', 7001, [fileA]);
    const after = await login(lab, 'ann', 7001, [fileB]);
    expect(await ask(lab, '/heartbeat', { method: 'POST', token: before })).toMatchObject({ status: 401 });
    expect(await ask(lab, '/heartbeat', { method: 'POST', token: after })).toMatchObject({ status: 200 });
    expect((await listed(lab, after)).peers).toMatchObject([{ port: 7001, files: [fileB] }]);
  });

  it('acts on the registration of the token alone, also for two peers of one user', async () => {
    const lab = await startForOneTest();
    const one = await login(lab, 'ann', 7001, [fileA]);
    const two = await login(lab, 'ann', 7002, [fileA]);
    const foreign = { files: [], user: 'ann', ip: '127.0.0.1', port: 7002 };
    await ask(lab, '/loadfiles', { method: 'PUT', token: one, body: foreign });
    await ask(lab, '/logout', { method: 'POST', token: one, body: foreign });
    expect((await listed(lab, two)).peers).toMatchObject([{ port: 7002, files: [fileA] }]);
  });
});

describe('leases', () => {
  it('end without a heartbeat and hold with one; the metrics tell', async () => {
    const lab = await startForOneTest();
    const ann = await login(lab, 'ann', 7001, [fileA]);
    const bob = await login(lab, 'bob', 7002, [fileA, fileB]);
    lab.clock.nowMs = LEASE_MS - 1;
    const renewed = await ask(lab, '/heartbeat', { method: 'POST', token: ann });
    expect(heartbeatResponse.parse(renewed.json)).toMatchObject({ leaseSeconds: LEASE_MS / 1000 });
    expect((await ask(lab, '/metrics')).text).toMatch(/^peerlab_directory_peers_online 2$/m);

    lab.clock.nowMs = LEASE_MS;
    const metrics = (await ask(lab, '/metrics')).text;
    expect(metrics).toMatch(/^peerlab_directory_peers_online 1$/m);
    expect(metrics).toMatch(/^peerlab_directory_files_indexed 1$/m);
    expect(metrics).toMatch(/^peerlab_directory_leases_expired_total 1$/m);
    expect(await ask(lab, '/index', { token: bob })).toMatchObject({ status: 401, code: 'unauthorized' });
    expect(ports(await listed(lab, ann))).toEqual([7001]);
    expect((await found(lab, ann, `sha256=${HASH_B}`)).results).toEqual([]);
  });
});

describe('metrics', () => {
  it('count requests by route, method and status, and time them', async () => {
    const lab = await startForOneTest();
    const token = await login(lab, 'ann', 7001);
    await found(lab, token, 'name=x');
    await ask(lab, '/search?name=x');
    await ask(lab, '/nowhere/at/all');
    const { text } = await ask(lab, '/metrics');
    for (const line of [
      'requests_total{endpoint="/login",method="POST",status="200"} 1',
      'requests_total{endpoint="/search",method="GET",status="200"} 1',
      'requests_total{endpoint="/search",method="GET",status="401"} 1',
      'requests_total{endpoint="unknown",method="GET",status="404"} 1',
      'request_seconds_count{endpoint="/search"} 2',
    ]) {
      expect(text).toContain(`peerlab_directory_${line}\n`);
    }
  });
});

describe('bad requests', () => {
  let lab: Lab;
  let token: string;
  beforeAll(async () => {
    lab = await start();
    token = await login(lab, 'ann', 7001, [fileA]);
    return () => lab.service.close(0);
  });

  const good = credentials('eve', 7666, [fileA]);
  const deep = `{"files":${'['.repeat(20_000)}${']'.repeat(20_000)}}`;
  const bodies: Record<string, [body: string, status: number, code: string]> = {
    'no body': ['', 400, 'bad-request'],
    'broken JSON': ['{"user":', 400, 'bad-request'],
    null: ['null', 400, 'bad-request'],
    'a list': ['[]', 400, 'bad-request'],
    text: ['"text"', 400, 'bad-request'],
    'an empty object': ['{}', 400, 'bad-request'],
    '__proto__ alone': [`{"__proto__":${JSON.stringify(good)}}`, 400, 'bad-request'],
    'constructor.prototype': ['{"constructor":{"prototype":{"files":[]}}}', 400, 'bad-request'],
    'deep nesting': [deep, 400, 'too-deep'],
    'too large': [`"${'x'.repeat(70_000)}"`, 413, 'body-too-large'],
  };
  const endpoints = [
    ['POST', '/login'],
    ['PUT', '/loadfiles'],
    ['POST', '/loadfiles'],
  ] as const;
  const contentTypes = [undefined, 'application/json', 'text/plain', 'application/json; charset=utf-9'];

  for (const [method, path] of endpoints) {
    for (const [what, [body, status, code]] of Object.entries(bodies)) {
      it(`${method} ${path}: ${what}`, async () => {
        const answer = await ask(lab, path, { method, token, body });
        expect(answer).toMatchObject({ status, code });
        expectRegistryError(answer.json);
      });
    }
    it(`${method} ${path}: any Content-Type is a client's business`, async () => {
      for (const type of contentTypes) {
        const headers = type ? { 'content-type': type } : {};
        const answer = await ask(lab, path, { method, token, body: '{', headers });
        expect(answer.code, type).toBe('bad-request');
      }
    });
  }

  const wrong: Record<string, unknown[]> = {
    user: ['', 'a b', 'x'.repeat(65), '../x', 'é'],
    password: ['', 'x'.repeat(1025)],
    ip: ['', 'localhost', '127.0.0.1:80', '1.2.3', '300.1.1.1', '127.1', '::1%lo', '127.0.0.1/8'],
    port: [0, -1, 65_536, 1.5, '7001'],
    files: [[null], [[]], [{}], 'a.txt', { 0: fileA }, [fileA, fileA]],
  };
  for (const [field, values] of Object.entries(wrong)) {
    it(`POST /login: ${field} missing or wrong, and nobody is entered`, async () => {
      for (const value of [undefined, null, {}, field === 'files' ? 5 : [], true, ...values]) {
        const answer = await ask(lab, '/login', { method: 'POST', body: { ...good, [field]: value } });
        expect(answer, JSON.stringify(value)).toMatchObject({ status: 400, code: 'bad-request' });
        expectRegistryError(answer.json);
      }
      expect(ports(await listed(lab, token))).toEqual([7001]);
    });
  }

  const badFiles = [
    ...['', '.', '..', '../x', '/etc/passwd', '..\\x', 'C:\\x', 'a\0', '\ud800', 'a\u202eb', 'x'.repeat(256)].map(
      (name) => ({ ...fileA, name }),
    ),
    ...[-1, 1.5, '3', 2 ** 53, null].map((size) => ({ ...fileA, size })),
    ...['', 'a'.repeat(63), 'A'.repeat(64), null].map((sha256) => ({ ...fileA, sha256 })),
  ];
  it('PUT /loadfiles: one bad file refuses the whole list', async () => {
    for (const bad of badFiles) {
      const answer = await ask(lab, '/loadfiles', { method: 'PUT', token, body: { files: [fileB, bad] } });
      expect(answer, JSON.stringify(bad)).toMatchObject({ status: 400, code: 'bad-request' });
    }
    expect((await listed(lab, token)).peers[0]?.files).toEqual([fileA]);
  });

  const queries = [
    ...['', 'name=', 'name=a&name=b', `name=a&sha256=${HASH_A}`, `name=${'x'.repeat(1025)}`, 'name[]=a', '__proto__=a'],
    ...[`sha256=${HASH_A.toUpperCase()}`, 'sha256=*', `sha256=${HASH_A}&sha256=${HASH_A}`],
    ...['limit=0', 'limit=-1', 'limit=1001', 'limit=1.5', 'limit=x', 'limit=', 'limit=1&limit=2'].map(
      (limit) => `name=a&${limit}`,
    ),
    ...['cursor=', 'cursor=!', 'cursor=YQ==', 'cursor=a&cursor=b', `cursor=${'a'.repeat(4097)}`].map(
      (cursor) => `name=a&${cursor}`,
    ),
  ];
  it.each(queries)('GET /search?%s', async (query) => {
    const answer = await ask(lab, `/search?${query}`, { token });
    expect(answer).toMatchObject({ status: 400, code: 'bad-request' });
    expectRegistryError(answer.json);
  });

  it('GET and POST /index check their paging; POST /logout and /heartbeat take an object or nothing', async () => {
    const asks: [string, Ask][] = [
      ['/index?limit=0', {}],
      ['/index?cursor=!', {}],
      ['/index', { method: 'POST', body: { limit: 'x' } }],
      ['/index', { method: 'POST', body: '[]' }],
      ['/index', { method: 'POST', body: 'null' }],
      ['/logout', { method: 'POST', body: '[]' }],
      ['/heartbeat', { method: 'POST', body: '{' }],
    ];
    for (const [path, options] of asks) {
      expect(await ask(lab, path, { ...options, token }), path).toMatchObject({ status: 400, code: 'bad-request' });
    }
    expect(ports(await listed(lab, token))).toEqual([7001]);
  });

  const closed: [string, string][] = [
    ['GET', '/index'],
    ['POST', '/index'],
    ['GET', '/search?name=a.txt'],
    ['PUT', '/loadfiles'],
    ['POST', '/loadfiles'],
    ['POST', '/heartbeat'],
    ['POST', '/logout'],
  ];
  it.each(closed)('%s %s: without a valid token nothing is told or done', async (method, path) => {
    const body = method === 'GET' ? {} : { body: { files: [] } };
    const headers = [
      ...['', 'Bearer', 'Bearer ', 'Bearer x', `Basic ${token}`, `Bearer ${token}x`, `Bearer ${token} x`],
      ...[`Bearer ${'x'.repeat(5000)}`, token],
    ];
    for (const authorization of headers) {
      const answer = await ask(lab, path, { method, headers: { authorization }, ...body });
      expect(answer, authorization).toMatchObject({ status: 401, code: 'unauthorized' });
    }
    expect(await ask(lab, `${path.split('?')[0]}?token=${token}`, { method, ...body })).toMatchObject({ status: 401 });
    expect((await listed(lab, token)).peers[0]?.files).toEqual([fileA]);
  });

  it.each([
    ['GET', '/'],
    ['GET', '/login'],
    ['DELETE', '/index'],
    ['POST', '/search'],
    ['GET', '/%E0%A4%A'],
  ])('%s %s: no such route', async (method, path) => {
    expect(await ask(lab, path, { method, token })).toMatchObject({ status: 404, code: 'no-such-route' });
  });
});

/** One error shape, a code of the registry, and neither stack nor path of the host. */
function expectRegistryError(json: unknown): void {
  const { error } = errorResponse.parse(json);
  expect(isErrorCode(error.code)).toBe(true);
  expect(JSON.stringify(json)).not.toMatch(/node_modules|\.ts:|\n\s+at /);
}
