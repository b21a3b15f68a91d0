import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { TestDirectory } from '../testing/test-directory.ts';

/**
 * What the predecessor's peers and its directory say to each other, in order: method, path, body, status, answer. `*` stands for
 * any text. Its peers call from localhost and register 127.0.0.1 to 127.0.0.4; ports come as numbers and as text.
 */
const CONVERSATION: [method: string, path: string, body: unknown, status: number, answer: object][] = [
  ['GET', '/index', { ip: '127.0.0.1', port: 5001 }, 400, { mensaje: '*' }],
  ['GET', '/search', { archivo: 'a.txt' }, 404, { mensaje: '*' }],
  ['POST', '/login', {}, 400, { Error: '*' }],
  ['POST', '/login', { user: 'p1', password: 'x', ip: '127.0.0.1', port: 5001, archivos: [] }, 400, { Error: '*' }],
  ['POST', '/login', { user: 'p1', password: 'x', ip: '127.0.0.1', archivos: ['a.txt'] }, 400, { Error: '*' }],
  [
    'POST',
    '/login',
    { user: 'p1', password: 'x', ip: '127.0.0.1', port: 5001, archivos: ['a.txt', 'b.txt'] },
    200,
    { estado: 'OK', token: '*' },
  ],
  [
    'POST',
    '/login',
    { user: 'p1', password: 'x', ip: '127.0.0.1', port: '5001', archivos: ['a.txt'] },
    400,
    { message: '*' },
  ],
  [
    'POST',
    '/login',
    { user: 'p 2', password: 'y', ip: '127.0.0.2', port: '5002', archivos: ['b.txt'] },
    200,
    { estado: 'OK', token: '*' },
  ],
  ['GET', '/index', { ip: '127.0.0.2', port: '5002' }, 200, { files: [['a.txt', 'b.txt'], ['b.txt']] }],
  ['GET', '/search', {}, 400, { error: '*' }],
  [
    'GET',
    '/search',
    { archivo: 'a.txt' },
    200,
    { peers: [{ url: 'http://127.0.0.1:5001', ip: '127.0.0.1', nombre: 'p1' }] },
  ],
  [
    'GET',
    '/search',
    { archivo: 'b.txt' },
    200,
    {
      peers: [
        { url: 'http://127.0.0.1:5001', ip: '127.0.0.1', nombre: 'p1' },
        { url: 'http://127.0.0.2:5002', ip: '127.0.0.2', nombre: 'p 2' },
      ],
    },
  ],
  ['GET', '/search', { archivo: '*' }, 404, { mensaje: '*' }],
  ['PUT', '/loadfiles', { ip: '127.0.0.2', port: 5002 }, 400, { Error: '*' }],
  ['PUT', '/loadfiles', { ip: '127.0.0.9', port: 5009, archivos: ['c.txt'] }, 400, { message: '*' }],
  ['PUT', '/loadfiles', { ip: '127.0.0.2', port: 5002, archivos: ['c.txt'] }, 200, { estado: 'OK' }],
  // The predecessor has forgotten the user by then.
  [
    'GET',
    '/search',
    { archivo: 'c.txt' },
    200,
    { peers: [{ url: 'http://127.0.0.2:5002', ip: '127.0.0.2', nombre: null }] },
  ],
  ['POST', '/logout', { ip: '127.0.0.2' }, 400, { error: '*' }],
  ['POST', '/logout', { ip: '127.0.0.2', port: 5003 }, 404, { error: '*' }],
  ['POST', '/logout', { ip: '127.0.0.2', port: '5002' }, 200, { mensaje: '*' }],
  ['GET', '/search', { archivo: 'c.txt' }, 404, { mensaje: '*' }],
];

function expectLike(found: unknown, wanted: object, about: string): void {
  const masked = (value: unknown, like: unknown): unknown => {
    if (like === '*') return typeof value === 'string' && value !== '' ? '*' : value;
    if (typeof like !== 'object' || like === null || typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(
      Object.entries(value).map(([key, one]) => [key, masked(one, (like as Record<string, unknown>)[key])]),
    );
  };
  expect(JSON.stringify(found), about).toBeDefined();
  const plain = JSON.parse(JSON.stringify(masked(found, wanted)));
  // Lists became objects with numbers for keys on the way: in both alike.
  expect(plain, about).toEqual(JSON.parse(JSON.stringify(masked(wanted, wanted))));
}

const ON = { sdP2p: { lifetimeMs: undefined } };

it('answers a recorded conversation as the predecessor did', async () => {
  await using directory = await TestDirectory.start(ON);
  for (const [method, path, body, status, answer] of CONVERSATION) {
    const about = `${method} ${path} ${JSON.stringify(body)}`;
    const found = await directory.ask(path, { method, body });
    expect(found.status, `${about}: ${found.text}`).toBe(status);
    expectLike(found.json, answer, about);
  }
});

it('shows each kind of peer to the other: files of the dialect are unverified', async () => {
  await using directory = await TestDirectory.start(ON);
  const file = { name: 'ours.txt', size: 3, sha256: 'a'.repeat(64) };
  const { token } = await directory.login('ann', 7001, [file]);
  const body = {
    user: 'p1',
    password: 'x',
    ip: '127.0.0.2',
    port: 5001,
    archivos: ['theirs.txt', '../escape', 'ours.txt'],
  };
  await directory.ask('/login', { method: 'POST', body });

  const found = await directory.ask('/search?name=theirs.*', { token });
  const source = { user: 'p1', ip: '127.0.0.2', port: 5001 };
  expect(found.json).toEqual({
    results: [],
    unverified: [{ name: 'theirs.txt', peers: [{ ...source, name: 'theirs.txt' }] }],
  });
  expect((await directory.ask('/search?prefix=..', { token })).json).toEqual({ results: [] });
  expect((await directory.ask('/search?name=ours.txt', { token })).json).toMatchObject({
    results: [{ name: 'ours.txt', peers: [{ user: 'ann' }] }],
    unverified: [{ name: 'ours.txt' }],
  });
  const theirs = await directory.ask('/search', { body: { archivo: 'ours.txt' } });
  expect(theirs.json.peers.map(({ nombre }: { nombre: string }) => nombre)).toEqual(['p1', 'ann']);
  // What is ours stays ours: without the token nobody changes it, in either dialect.
  const mine = { ip: '127.0.0.1', port: 7001 };
  expect(await directory.ask('/logout', { method: 'POST', body: mine })).toMatchObject({ status: 404 });
  expect(await directory.ask('/loadfiles', { method: 'PUT', body: { ...mine, archivos: ['x'] } })).toMatchObject({
    status: 400,
  });
  expect(await directory.ask('/loadfiles', { method: 'PUT', body: { files: [] } })).toMatchObject({
    code: 'unauthorized',
  });
  expect(await directory.ask('/search?name=ours.txt')).toMatchObject({ code: 'unauthorized' });
  expect(await directory.ask('/login', { method: 'POST', body: { ...body, ...mine } })).toMatchObject({ status: 400 });
});

it('refuses addresses that are neither its caller’s nor trusted; off, it is not there at all', async () => {
  await using on = await TestDirectory.start(ON);
  const body = { user: 'p1', password: 'x', ip: '10.0.0.1', port: 5001, archivos: ['a'] };
  expect(await on.ask('/login', { method: 'POST', body })).toMatchObject({
    status: 400,
    json: { Error: expect.any(String) },
  });
  await using off = await TestDirectory.start();
  expect(await off.ask('/login', { method: 'POST', body })).toMatchObject({ code: 'bad-request' });
  expect(await off.ask('/search', { body: { archivo: 'a' } })).toMatchObject({ code: 'unauthorized' });
});

it('remembers its peers over a restart, and forgets them after the time that a setting gives', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'peerlab-test-'));
  const body = { user: 'p1', password: 'x', ip: '127.0.0.2', port: 5001, archivos: ['a'] };
  try {
    {
      await using directory = await TestDirectory.start({ ...ON, dataDir });
      expect((await directory.ask('/login', { method: 'POST', body })).status).toBe(200);
    }
    {
      await using directory = await TestDirectory.start({ ...ON, dataDir });
      expect((await directory.ask('/search', { body: { archivo: 'a' } })).status).toBe(200);
    }
    await using directory = await TestDirectory.start({ dataDir, sdP2p: { lifetimeMs: 1 } });
    expect((await directory.ask('/search', { body: { archivo: 'a' } })).status).toBe(404);
  } finally {
    await rm(dataDir, { recursive: true, force: true });
  }
});
