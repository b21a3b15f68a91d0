import { spawnSync } from 'node:child_process';
import { mkdir, open, readdir, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { PeerProcess } from '../testing/peer-process.ts';
import { StandInDirectory } from '../testing/stand-in-directory.ts';
import { codeOf, eventually, silent, TestPeer, tempFolder } from '../testing/test-peer.ts';
import { PieceMemory } from './piece-memory.ts';
import { Share } from './share.ts';

const GIB = 1024 ** 3;
const LOCK = expect.stringMatching(/^lock\.[0-9a-f]{16}$/);

/** A peer with a file in its share, logged in; and another one to fetch from. */
async function setup() {
  const directory = await StandInDirectory.start();
  const env = { PEER_DIRECTORY_URL: directory.url };
  const peer = await TestPeer.start(env, { mine: 'mine' });
  const other = await TestPeer.start({ ...env, PEER_USER: 'bob' }, { theirs: 'theirs', more: 'x'.repeat(300_000) });
  for (const one of [peer, other]) await one.control('login');
  return {
    ...{ directory, peer, other },
    async [Symbol.asyncDispose]() {
      for (const one of [peer, other, directory]) await one[Symbol.asyncDispose]();
    },
  };
}

describe('a share that goes away', () => {
  test('the folder of unfinished files is removed: downloads and batches make it anew', async () => {
    await using it = await setup();
    for (const [verb, body] of [
      ['download', { name: 'theirs' }],
      ['batch', { match: 'mor*' }],
    ] as const) {
      await rm(join(it.peer.share, '.peerlab'), { recursive: true });
      const answer = await it.peer.control(verb, body);
      expect(answer.body).toMatchObject({ outcome: 'ok' });
      expect(await it.peer.parts()).toEqual([]);
    }
    expect((await readdir(it.peer.share)).sort()).toEqual(['.peerlab', 'mine', 'more', 'theirs']);
  });

  test('moved away: withdrawn, said everywhere, and published again when it is back', async () => {
    await using it = await setup();
    const aside = `${it.peer.share}-aside`;
    await rename(it.peer.share, aside);
    expect(codeOf(await it.peer.control('loadfiles'))).toBe('share-gone');
    expect(it.directory.files('ann')).toEqual([]);
    expect(await it.peer.ready()).toMatchObject({ status: 'not ready', reason: expect.stringContaining('not there') });
    expect(await it.peer.metrics()).toContain('peerlab_share_available 0');
    expect(codeOf(await it.peer.control('download', { name: 'theirs' }))).toBe('share-gone');
    expect(codeOf(await it.other.control('upload', { name: 'theirs', to: it.peer.address }))).toBe('share-gone');
    await rename(aside, it.peer.share);
    await eventually('the files to be published again', () => it.directory.files('ann')?.length === 1);
    expect(await it.peer.ready()).toEqual({ status: 'ready' });
    expect(await it.peer.metrics()).toContain('peerlab_share_available 1');
    await writeFile(join(it.peer.share, 'new'), 'new');
    await eventually('what came later', () => it.directory.files('ann')?.length === 2);
  });

  test('nobody has to ask: the peer notices by itself, and takes another folder in its place', async () => {
    await using it = await setup();
    const aside = `${it.peer.share}-aside`;
    await rename(it.peer.share, aside);
    await eventually('nothing to be published', () => it.directory.files('ann')?.length === 0);
    await mkdir(it.peer.share);
    for (const name of ['a', 'b']) await writeFile(join(it.peer.share, name), name);
    await eventually('the new files', () => it.directory.files('ann')?.length === 2);
    await writeFile(join(it.peer.share, 'c'), 'c');
    await eventually('the watch to follow', () => it.directory.files('ann')?.length === 3);
    await rm(aside, { recursive: true });
  });
});

describe('one peer to a share', () => {
  test('a second one is refused, until the first has stopped', async () => {
    await using folder = await tempFolder({ a: 'a' });
    const first = await Share.open(folder.path, silent);
    const refusal = { code: 'share-in-use', message: expect.stringContaining('another peer') };
    await expect(Share.open(folder.path, silent)).rejects.toMatchObject(refusal);
    await first[Symbol.asyncDispose]();
    await using _second = await Share.open(folder.path, silent);
    expect(await readdir(join(folder.path, '.peerlab'))).toEqual([LOCK]);
  });

  test('one that was killed leaves it to the next at once; one that is stopped does not', async () => {
    await using folder = await tempFolder({ a: 'a' });
    await using first = await PeerProcess.start(folder.path);
    first.signal('SIGSTOP');
    await expect(Share.open(folder.path, silent)).rejects.toMatchObject({ code: 'share-in-use' });
    first.signal('SIGKILL');
    await first[Symbol.asyncDispose]();
    expect(await readdir(join(folder.path, '.peerlab'))).toEqual([LOCK]);
    await using _second = await Share.open(folder.path, silent);
    expect(await readdir(join(folder.path, '.peerlab'))).toEqual([LOCK]);
  });

  test('of many at once that find a lock left behind, one gets it', async () => {
    await using folder = await tempFolder({ [`${'long-'.repeat(20)}`]: 'x' });
    const deep = join(folder.path, 'deep-'.repeat(25));
    await mkdir(deep);
    await (await Share.open(deep, silent))[Symbol.asyncDispose]();
    // A name that nobody answers to.
    await writeFile(join(deep, '.peerlab', 'lock.0123456789abcdef'), '');
    const opened = await Promise.allSettled(Array.from({ length: 8 }, () => Share.open(deep, silent)));
    const shares = opened.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    expect(shares).toHaveLength(1);
    expect(await readdir(join(deep, '.peerlab'))).toEqual([LOCK]);
    for (const share of shares) await share[Symbol.asyncDispose]();
    expect(await readdir(join(deep, '.peerlab'))).toEqual([]);
  });
});

test('a long hash holds up nobody', async () => {
  await using folder = await tempFolder({ small: 'small' });
  await (await open(join(folder.path, 'long'), 'w')).close();
  await truncate(join(folder.path, 'long'), 10 * GIB);
  const share = await Share.open(folder.path, silent, new PieceMemory(), 20);
  const began = performance.now();
  await share.start();
  expect(share.list().map(({ name }) => name)).toEqual(['small']);
  expect(share.hashing).toBe(1);
  await writeFile(join(folder.path, 'new'), 'new');
  await share.rescan();
  expect(
    share
      .list()
      .map(({ name }) => name)
      .sort(),
  ).toEqual(['new', 'small']);
  expect(await share.checkTarget('small', share.find('small').sha256)).toBeDefined();
  await share[Symbol.asyncDispose]();
  // Hashing all of it takes ten times as long on any machine.
  expect(performance.now() - began).toBeLessThan(3000);
});

/** Runs the command behind it with the folder read-only, which nobody else sees and which ends with it. */
const readOnly = (folder: string) => [
  ...['unshare', '--mount', 'sh', '-c', 'mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && exec "$@"', folder],
];
await using probe = await tempFolder();
const [command = '', ...args] = [...readOnly(probe.path), 'true'];
const canMount = spawnSync(command, args).status === 0;

test.skipIf(!canMount)(
  `a read-only share serves, and says why it takes nothing${canMount ? '' : ' (needs root)'}`,
  async () => {
    await using stack = new AsyncDisposableStack();
    const directory = stack.use(await StandInDirectory.start());
    const env = { PEER_DIRECTORY_URL: directory.url, PEER_OPEN: '1' };
    const share = stack.use(await tempFolder({ mine: 'mine' }));
    const peer = stack.use(await PeerProcess.start(share.path, env, readOnly(share.path)));
    const other = stack.use(await TestPeer.start({ ...env, PEER_USER: 'bob' }, { theirs: 'theirs' }));
    for (const one of [peer, other]) await one.control('login');
    expect((await other.control('download', { name: 'mine' })).body).toMatchObject({ outcome: 'ok' });
    expect(codeOf(await peer.control('download', { name: 'theirs' }))).toBe('share-read-only');
    expect(codeOf(await other.control('upload', { name: 'theirs', to: peer.address }))).toBe('share-read-only');
    expect((await peer.control('loadfiles')).body).toEqual({ files: 1 });
  },
);
