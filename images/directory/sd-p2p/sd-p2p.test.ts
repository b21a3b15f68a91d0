import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { TestDirectory } from '../testing/test-directory.ts';

/**
 * A conversation with the predecessor's own directory, as it was; `origin` in the file says where that comes from. Its peers call from
 * localhost and register 127.0.0.1 to 127.0.0.4.
 */
const RECORDED: { exchanges: Exchange[] } = JSON.parse(
  readFileSync(new URL('recorded-conversation.json', import.meta.url), 'utf8'),
);

interface Exchange {
  readonly about: string;
  readonly request: { method: string; path: string; headers?: Record<string, string>; body?: unknown };
  readonly response: { status: number; contentType: string; body: unknown };
}

/** Where our answer is another one, on purpose. */
const EXCEPTIONS: Record<string, { because: string; status: number; body: unknown }> = {
  'GET /index: nothing is there yet, asked with an address': {
    because: 'the recorded version ignores the body; ours has whoever names an address be registered there',
    ...{ status: 400, body: { mensaje: 'Peer no está conectado' } },
  },
  'GET /index: a peer that never came': {
    because: 'as above',
    ...{ status: 400, body: { mensaje: 'Peer no está conectado' } },
  },
  'POST /logout: by its port': {
    because: 'the recorded version knows the url only; ours takes the port too, as in all other requests',
    ...{ status: 200, body: { mensaje: "Peer ('http://127.0.0.3:5003', '127.0.0.3') desconectado correctamente." } },
  },
  'GET /search: no body at all': {
    because: 'the page is that of its web framework',
    ...{ status: 400, body: { error: 'Falta el nombre del archivo a buscar' } },
  },
  'POST /login: a body that is no JSON': {
    because: 'the page is that of its web framework',
    ...{ status: 400, body: { error: expect.objectContaining({ code: 'bad-request' }) } },
  },
  'POST /login: a host name for an address': {
    because: 'what is registered must be an address, or nobody could tell whose it is',
    ...{ status: 400, body: { Error: expect.any(String) } },
  },
  'POST /login: text instead of a list of files': {
    because: 'it finds such files by their single letters only',
    ...{ status: 400, body: { Error: expect.any(String) } },
  },
};

/** A token is random: any will do. */
function isLike(body: unknown): unknown {
  const { token, ...rest } = Object(body);
  return token === undefined ? body : { ...rest, token: expect.any(String) };
}

const ON = { sdP2p: { lifetimeMs: undefined } };

it('answers a recorded conversation as the predecessor did', async () => {
  await using directory = await TestDirectory.start(ON);
  const unmet = new Set(Object.keys(EXCEPTIONS));
  for (const { about, request, response } of RECORDED.exchanges) {
    const { method, path, headers = {}, body } = request;
    const key = `${method} ${path}: ${about}`;
    const found = await directory.ask(path, { method, headers, body });
    const wanted = EXCEPTIONS[key] ?? response;
    expect({ status: found.status, body: found.json }, key).toEqual({
      status: wanted.status,
      body: isLike(wanted.body),
    });
    // Every JSON answer has a type that says so; parameters like a charset may differ.
    expect(found.headers['content-type'], key).toMatch(/^application\/json(;|$)/);
    unmet.delete(key);
  }
  expect([...unmet], 'exceptions that nothing in the recording asks for').toEqual([]);
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

it('refuses addresses that are neither its caller’s nor trusted', async () => {
  await using on = await TestDirectory.start(ON);
  const body = { user: 'p1', password: 'x', ip: '10.0.0.1', port: 5001, archivos: ['a'] };
  expect(await on.ask('/login', { method: 'POST', body })).toMatchObject({
    status: 400,
    json: { Error: expect.any(String) },
  });
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

it('off and on again, does not bring back a peer whose address one of ours has taken meanwhile', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'peerlab-test-'));
  const place = { ip: '127.0.0.2', port: 5001 };
  const theirs = { user: 'p1', password: 'x', ...place, archivos: ['a'] };
  const search = { body: { archivo: 'a' } };
  try {
    {
      await using on = await TestDirectory.start({ ...ON, dataDir });
      expect((await on.ask('/login', { method: 'POST', body: theirs })).status).toBe(200);
      const other = { ...theirs, user: 'p2', port: 5002 };
      expect((await on.ask('/login', { method: 'POST', body: other })).status).toBe(200);
    }
    let token: string;
    {
      await using off = await TestDirectory.start({ dataDir });
      const ours = await off.login('ann', place.port, [], { ip: place.ip, localAddress: place.ip });
      expect(ours.status).toBe(200);
      token = ours.token;
    }
    for (const _ of ['ours is there', 'ours is gone']) {
      await using on = await TestDirectory.start({ ...ON, dataDir });
      const found = await on.ask('/search', search);
      expect(found.json.peers.map(({ nombre }: { nombre: string }) => nombre)).toEqual(['p2']);
      await on.ask('/logout', { method: 'POST', token });
    }
  } finally {
    await rm(dataDir, { recursive: true, force: true });
  }
});

it('counts its names among the files of all peers together', async () => {
  const limits = { peers: 100, peersPerUser: 100, files: 5 };
  await using directory = await TestDirectory.start({ ...ON, limits });
  await directory.login('ann', 7001, [{ name: 'ours.txt', size: 3, sha256: 'a'.repeat(64) }]);
  const ask = (path: string, method: string, port: number, archivos: string[]) =>
    directory.ask(path, { method, body: { user: 'p', password: 'x', ip: '127.0.0.2', port, archivos } });
  const full = { status: 400, json: { Error: 'El directorio está lleno' } };

  expect(await ask('/login', 'POST', 5001, ['a,b'])).toMatchObject({ status: 200 });
  expect(await ask('/login', 'POST', 5002, ['c', 'd', 'e'])).toMatchObject(full);
  // Empty names are found by nobody, but must be kept.
  expect(await ask('/login', 'POST', 5002, [',,'])).toMatchObject(full);
  expect(await ask('/login', 'POST', 5002, ['c', 'd'])).toMatchObject({ status: 200 });
  expect(await ask('/loadfiles', 'PUT', 5002, ['c', 'd', 'e'])).toMatchObject(full);
  expect(await ask('/loadfiles', 'PUT', 5002, ['e', 'f'])).toMatchObject({ status: 200 });
  expect(await ask('/logout', 'POST', 5001, [])).toMatchObject({ status: 200 });
  expect(await ask('/loadfiles', 'PUT', 5002, ['c', 'd', 'e', 'f'])).toMatchObject({ status: 200 });
});

it.each([
  ['POST', '/login', { user: 'ann', password: 'x', ip: '127.0.0.1', port: 5001, archivos: ['a.txt'] }],
  ['GET', '/index', { ip: '127.0.0.1', port: 5001 }],
  ['GET', '/search', { archivo: 'a.txt' }],
])('with the dialect off, %s %s says which setting turns it on', async (method, path, body) => {
  await using directory = await TestDirectory.start();
  const answer = await directory.ask(path, { method, body });
  expect(answer).toMatchObject({ status: 400, code: 'dialect-off' });
  expect(answer.json.error.hint).toContain('DIRECTORY_SD_P2P=1');
});

it.each([
  ['PUT', '/loadfiles', { ip: '127.0.0.1', port: 5001, archivos: ['a.txt'] }],
  ['POST', '/logout', { ip: '127.0.0.1', port: 5001 }],
])('with the dialect off, %s %s without a token is told of it', async (method, path, body) => {
  await using directory = await TestDirectory.start();
  const told =
    'expected a token; peers of SD_P2P have none, and their dialect is off here (DIRECTORY_SD_P2P=1 turns it on)';
  const refused = { status: 401, code: 'unauthorized' };
  const answer = await directory.ask(path, { method, body });
  expect(answer).toMatchObject(refused);
  expect(answer.json.error.message).toContain(told);
  // Who shows a token is no peer of SD_P2P.
  const wrong = await directory.ask(path, { method, body, token: 'wrong' });
  expect(wrong).toMatchObject(refused);
  expect(wrong.json.error.message).not.toContain('SD_P2P');
  // Our own peers' endpoint.
  expect((await directory.ask('/heartbeat', { method: 'POST', body: {} })).json.error.message).not.toContain('SD_P2P');
});

it('takes IPv6 addresses however they are spelt', async () => {
  await using directory = await TestDirectory.start(ON);
  const login = { user: 'p1', password: 'x', ip: '[0:0::1]', port: '5001', archivos: ['a'] };
  expect((await directory.ask('/login', { method: 'POST', body: login })).status).toBe(200);
  const found = await directory.ask('/search', { body: { archivo: 'a' } });
  expect(found.json.peers).toEqual([{ url: 'http://[::1]:5001', ip: '::1', nombre: 'p1' }]);
  const logout = { ip: '::1', url: 'http://[::1]:5001' };
  expect((await directory.ask('/logout', { method: 'POST', body: logout })).status).toBe(200);
});
