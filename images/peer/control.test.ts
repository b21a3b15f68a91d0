import { expect, test } from 'vitest';
import { requestJson } from '#base/json-http.ts';
import { errorResponse } from '#proto/directory-api.ts';
import { METRICS } from '#proto/metrics.ts';
import { StandInDirectory } from './testing/stand-in-directory.ts';
import { CONTROL_TOKEN, codeOf, TestPeer } from './testing/test-peer.ts';

test('every verb needs the token; health and metrics do not', async () => {
  await using peer = await TestPeer.start();
  for (const verb of [
    'login',
    'index',
    'search',
    'download',
    'upload',
    'loadfiles',
    'logout',
    'batch',
    'pieces',
    'none',
  ]) {
    for (const token of ['', 'wrong', `${CONTROL_TOKEN}x`, CONTROL_TOKEN.slice(1)]) {
      const answer = await peer.control(verb, {}, undefined, token);
      expect([answer.status, codeOf(answer)]).toEqual([401, 'unauthorized']);
    }
  }
  const url = `http://127.0.0.1:${peer.peer.controlPort}`;
  for (const path of ['/healthz', '/readyz', '/metrics']) {
    expect((await requestJson({ method: 'GET', url: url + path })).status).toBe(200);
  }
  const metrics = await peer.metrics();
  for (const [name, { at }] of Object.entries(METRICS)) if (at === 'peer') expect(metrics).toContain(`# TYPE ${name} `);
});

test('bodies that are wrong', async () => {
  await using peer = await TestPeer.start();
  for (const [verb, body] of [
    ['search', {}],
    ['search', { name: 'a', sha256: '0'.repeat(64) }],
    ['search', { name: '' }],
    ['search', null],
    ['search', []],
    ['download', {}],
    ['download', { name: '../x' }],
    ['download', { name: 'x', sha256: 'X' }],
    ['download', { name: ['x'] }],
    ['upload', { name: 'x' }],
    ['upload', { to: 'x' }],
  ] as const) {
    const answer = await peer.control(verb, body);
    expect([verb, body, answer.status]).toEqual([verb, body, 400]);
    expect(errorResponse.parse(answer.body).error.code).toBe('bad-request');
  }
  expect(codeOf(await peer.control('none'))).toBe('no-such-route');
});

test('login, index, search, loadfiles, logout', async () => {
  await using directory = await StandInDirectory.start();
  await using peer = await TestPeer.start({ PEER_DIRECTORY_URL: directory.url }, { file: 'content' });
  expect(codeOf(await peer.control('loadfiles'))).toBe('not-logged-in');
  expect((await peer.control('login')).body).toEqual({ leaseSeconds: 30 });
  expect((await peer.control('index')).body).toMatchObject({ peers: [{ user: 'ann', files: [{ name: 'file' }] }] });
  expect((await peer.control('search', { name: 'file' })).body).toMatchObject({ results: [{ name: 'file', size: 7 }] });
  expect((await peer.control('loadfiles')).body).toEqual({ files: 1 });
  expect(await peer.metrics()).toContain('peerlab_logged_in 1');
  expect((await peer.control('logout')).body).toEqual({});
  expect(await peer.metrics()).toContain('peerlab_logged_in 0');
  expect(directory.peers.size).toBe(0);
});
