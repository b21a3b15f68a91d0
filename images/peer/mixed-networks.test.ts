import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type ControlResponse, OPTIONAL_CONTROL } from '#proto/control-api.ts';
import { TEXT } from './cli-text.ts';
import { RangeSource } from './testing/range-source.ts';
import { StandInDirectory } from './testing/stand-in-directory.ts';
import { announced, codeOf, TestPeer } from './testing/test-peer.ts';

/** A directory with one file of ours, one of a peer of the predecessor's, and one at an address that is not dialled. */
async function setup(env = {}) {
  const directory = await StandInDirectory.start();
  const old = await RangeSource.start(Buffer.from('theirs'), { old: true });
  const theirs = (name: string, ip: string) => [{ user: 'old', ip, port: old.port, name }];
  directory.unverified.set('theirs.txt', theirs('theirs.txt', '127.0.0.1'));
  directory.unverified.set('far.txt', theirs('far.txt', '127.0.0.7'));
  const seeder = await TestPeer.start({ PEER_DIRECTORY_URL: directory.url, PEER_USER: 'bob' }, { 'ours.txt': 'ours' });
  const peer = await TestPeer.start({ PEER_DIRECTORY_URL: directory.url, ...env });
  for (const one of [seeder, peer]) await one.control('login');
  return {
    ...{ directory, seeder, peer, far: `127.0.0.7:${old.port}`, old: old.address },
    async [Symbol.asyncDispose]() {
      old[Symbol.dispose]();
      for (const one of [seeder, peer, directory]) await one[Symbol.asyncDispose]();
    },
  };
}

const SETTING = 'PEER_TRUSTED_NETWORKS';

test('a search and the index list files without a hash, and say which addresses are not dialled', async () => {
  await using it = await setup();
  const found = (await it.peer.control('search', { name: '*.txt' })).body as ControlResponse<'search'>;
  expect(found.results.map(({ name }) => name)).toEqual(['ours.txt']);
  expect(found.unverified?.map(({ name }) => name)).toEqual(['theirs.txt']);
  expect(found.notDialled).toEqual([it.far]);
  expect(TEXT.search(found)).toMatch(/theirs\.txt +\? +unverified +127\.0\.0\.1:/);
  expect(TEXT.search(found)).toContain(`not dialled: ${it.far}; ${SETTING}`);
  const index = (await it.peer.control('index')).body as ControlResponse<'index'>;
  expect(index.unverified?.map(({ name }) => name)).toEqual(['theirs.txt', 'far.txt']);
  expect(TEXT.index(index)).toMatch(/old +\? +unverified +far\.txt/);
  expect(TEXT.index(index)).toContain(`not dialled: ${it.far}`);
});

test('a batch brings them too, and says that nothing proves them', async () => {
  await using it = await setup();
  const result = OPTIONAL_CONTROL.batch.response.parse((await it.peer.control('batch', { match: '*.txt' })).body);
  expect(result).toMatchObject({ files: 2, unverified: 1, failures: 0, notDialled: [it.far] });
  expect(await readFile(join(it.peer.share, 'theirs.txt'), 'utf8')).toBe('theirs');
  expect(TEXT.batch(result)).toContain('1 file unverified: nobody knew a hash');
  expect(TEXT.batch(result)).toContain(SETTING);
  expect(
    OPTIONAL_CONTROL.batch.response.parse((await it.peer.control('batch', { match: '*.txt' })).body),
  ).toMatchObject({ bytes: 0 });
});

test('a download that only such an address could serve names it and the setting; with the setting it is fetched', async () => {
  await using it = await setup();
  for (const verb of ['download', 'batch']) {
    const answer = await it.peer.control(verb, { name: 'far.txt', match: 'far.txt' });
    expect(codeOf(answer)).toBe('no-source');
    expect(JSON.stringify(answer.body)).toContain(`not dialled: ${it.far}; ${SETTING}`);
  }
  it.directory.peers.set('liar', {
    ...{ user: 'far', password: 'x', ip: '127.0.0.8', port: 1 },
    files: [announced('far-ours', 'x')],
  });
  const answer = await it.peer.control('download', { name: 'far-ours' });
  expect(JSON.stringify(answer.body)).toContain('not dialled: 127.0.0.8:1');
});
