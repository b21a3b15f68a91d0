import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { codeOf, TestPeer } from './testing/test-peer.ts';

const path = (name: string) => fileURLToPath(new URL(`../base/testing/${name}`, import.meta.url));
const CERT = path('tls-cert.pem');
const TLS = { PEER_TLS_CERT: CERT, PEER_TLS_KEY: path('tls-key.pem'), PEER_TLS_CA: CERT };

test('peers with certificates fetch from each other over TLS; those without get nothing', async () => {
  await using source = await TestPeer.start(TLS, { 'a.txt': 'hello' });
  await using peer = await TestPeer.start(TLS);
  await using plain = await TestPeer.start();
  const { PEER_TLS_CA: _, ...withoutCa } = TLS;
  await using distrustful = await TestPeer.start(withoutCa);
  const request = { name: 'a.txt', from: source.address };
  expect(await peer.control('download', request)).toMatchObject({ status: 200, body: { size: 5 } });
  for (const other of [plain, distrustful]) {
    expect(codeOf(await other.control('download', request))).toBe('source-unreachable');
  }
});

test('a directory that speaks HTTPS is believed when its certificate comes from PEER_TLS_CA', async () => {
  const files = { cert: readFileSync(CERT), key: readFileSync(TLS.PEER_TLS_KEY) };
  await using directory = createServer(files, (_, response) => {
    response.end(JSON.stringify({ token: 'token', leaseSeconds: 30 }));
  }).listen(0, '127.0.0.1');
  await once(directory, 'listening');
  const PEER_DIRECTORY_URL = `https://127.0.0.1:${(directory.address() as AddressInfo).port}`;
  await using peer = await TestPeer.start({ PEER_DIRECTORY_URL, PEER_TLS_CA: CERT });
  await using distrustful = await TestPeer.start({ PEER_DIRECTORY_URL });
  expect(await peer.control('login')).toMatchObject({ status: 200 });
  expect(codeOf(await distrustful.control('login'))).toBe('directory-unreachable');
});

test.each([{ PEER_TLS_CERT: CERT }, { ...TLS, PEER_TLS_CA: '/nowhere' }])(
  'a wrong setting is told: %j',
  async (env) => {
    await expect(TestPeer.start(env)).rejects.toMatchObject({ code: 'bad-setting' });
  },
);
