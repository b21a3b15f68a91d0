import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readConfig } from '#base/config.ts';
import { requestJson } from '#base/json-http.ts';
import { HOST_ENV } from '#proto/env.ts';
import { pathOfHosted, pathOfHostVerb } from '#proto/hosted-peers.ts';
import { startHost } from './host.ts';
import { silent, tempFolder } from './testing/test-peer.ts';

const TOKEN = 'of-both';

/** Two peers in this process: ann shares a file, bob does not. */
async function hosting(list?: unknown) {
  const folder = await tempFolder();
  const shares = [await tempFolder({ hers: 'content' }), await tempFolder()];
  const peers = ['ann', 'bob'].map((name, i) => ({
    name,
    env: {
      ...{ PEER_USER: name, PEER_PASSWORD: 'secret', PEER_CONTROL_TOKEN: TOKEN, PEER_PORT: '0', LOG_LEVEL: 'silent' },
      PEER_SHARE_DIR: shares[i]?.path ?? '',
    },
  }));
  const file = join(folder.path, 'peers.json');
  await writeFile(file, JSON.stringify(list ?? peers));
  const clean = () => Promise.all([folder, ...shares].map((one) => one[Symbol.asyncDispose]()));
  const config = readConfig(HOST_ENV, { PEER_HOSTED: file, PEER_CONTROL_PORT: '0' });
  const host = await startHost(config, silent).catch(async (error) => {
    await clean();
    throw error;
  });
  const url = `http://127.0.0.1:${host.controlPort}`;
  return {
    url,
    of: (name: string) => url + pathOfHosted(name),
    tell: (verb: 'stop' | 'start', name: string, token = TOKEN) =>
      requestJson({ method: 'POST', url: url + pathOfHostVerb(verb, name), token, body: {} }),
    async [Symbol.asyncDispose]() {
      await host.stop();
      await clean();
    },
  };
}

const get = async (url: string) => (await requestJson({ method: 'GET', url })).status;
const figure = async (url: string, name: string) =>
  new RegExp(`^${name} (\\d+)$`, 'm').exec(await (await fetch(`${url}/metrics`)).text())?.[1];

test('each peer answers below its own path, with its own figures', async () => {
  await using host = await hosting();
  expect(await get(`${host.url}/healthz`)).toBe(200);
  for (const name of ['ann', 'bob']) expect(await get(`${host.of(name)}/healthz`)).toBe(200);
  const body = {};
  const rescan = { method: 'POST', url: `${host.of('ann')}/control/loadfiles`, token: TOKEN, body } as const;
  expect((await requestJson(rescan)).body).toMatchObject({ error: { code: 'not-logged-in' } });
  expect(await figure(host.of('ann'), 'peerlab_share_files')).toBe('1');
  expect(await figure(host.of('bob'), 'peerlab_share_files')).toBe('0');
});

test('nobody is there below the name of a peer that is stopped or unknown, and the others go on', async () => {
  await using host = await hosting();
  expect((await host.tell('stop', 'ann')).status).toBe(200);
  await expect(get(`${host.of('ann')}/healthz`)).rejects.toThrow(/hang up|ECONNRESET/);
  await expect(get(`${host.of('eve')}/healthz`)).rejects.toThrow(/hang up|ECONNRESET/);
  expect(await get(`${host.of('bob')}/healthz`)).toBe(200);
  expect((await host.tell('stop', 'ann')).status).toBe(200);
  expect((await host.tell('start', 'ann')).status).toBe(200);
  expect((await host.tell('start', 'ann')).status).toBe(200);
  expect(await get(`${host.of('ann')}/healthz`)).toBe(200);
});

test('only who has the token of a peer stops it', async () => {
  await using host = await hosting();
  expect((await host.tell('stop', 'ann', 'another')).status).toBe(401);
  expect((await host.tell('stop', 'eve')).status).toBe(401);
  expect(await get(`${host.of('ann')}/healthz`)).toBe(200);
});

test.each([
  ['no list', {}],
  ['no peer', []],
  [
    'a name twice',
    [
      { name: 'a', env: {} },
      { name: 'a', env: {} },
    ],
  ],
  ['a name that is no part of a path', [{ name: 'a/b', env: {} }]],
])('%s is refused, naming the setting', async (_, list) => {
  await expect(hosting(list)).rejects.toMatchObject({
    code: 'bad-setting',
    message: expect.stringContaining('PEER_HOSTED'),
  });
});

test('a peer whose settings are wrong is named, with all that is wrong', async () => {
  const refused = hosting([{ name: 'ann', env: { PEER_USER: 'ann', PEER_PORT: 'x' } }]);
  await expect(refused).rejects.toMatchObject({
    code: 'bad-setting',
    message: expect.stringMatching(/ann.*PEER_PASSWORD.*PEER_PORT/),
  });
});
