import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { OPTIONAL_CONTROL, transferResult } from '#proto/control-api.ts';
import type { PeerEnv } from '#proto/env.ts';
import { type Manners, RangeSource } from '../testing/range-source.ts';
import { StandInDirectory } from '../testing/stand-in-directory.ts';
import { StandInSource } from '../testing/stand-in-source.ts';
import { announced, eventually, rootOf, sha256, TestPeer } from '../testing/test-peer.ts';
import { PeerClients } from './peer-clients.ts';

const MIB = 1024 * 1024;

/** Content whose pieces all differ. */
function contentOf(sizeBytes: number, seed = 1): Buffer {
  const data = Buffer.alloc(sizeBytes);
  for (let i = 0; i + 4 <= sizeBytes; i += 4096) data.writeUInt32LE((i * 31 + seed) >>> 0, i);
  return data;
}

async function sentBy(peer: TestPeer): Promise<number> {
  const metrics = await peer.metrics();
  return Number(/^peerlab_transfer_bytes_total\{direction="sent"\} (\d+)$/m.exec(metrics)?.[1]);
}

/** A directory, a seeder of one file, and peers that want it; each sends no more than `limit`. */
async function crowd(content: Buffer, leechers: number, limit: string, settings: PeerEnv = {}) {
  const directory = await StandInDirectory.start();
  directory.givesTickets = true;
  const env = { PEER_DIRECTORY_URL: directory.url, PEER_UPLOAD_LIMIT: limit, PEER_OPEN: '0', ...settings };
  const seeder = await TestPeer.start({ ...env, PEER_USER: 'seeder' }, { file: content });
  await seeder.control('login');
  const peers: TestPeer[] = [];
  for (let i = 0; i < leechers; i++) {
    const peer = await TestPeer.start({ ...env, PEER_USER: `leecher-${i}` });
    await peer.control('login');
    peers.push(peer);
  }
  return {
    ...{ directory, seeder, peers, env },
    async [Symbol.asyncDispose]() {
      for (const peer of [seeder, ...peers]) await peer[Symbol.asyncDispose]();
      await directory[Symbol.asyncDispose]();
    },
  };
}

async function download(peer: TestPeer) {
  const { body } = await peer.control('download', { name: 'file' });
  return transferResult.parse(body);
}

const onDisk = (peer: TestPeer) => readFile(join(peer.share, 'file'));

describe('a crowd', () => {
  test('tells whoever has the control token which pieces it has, as long as they are on their way', async () => {
    const content = contentOf(6 * MIB);
    await using it = await crowd(content, 1, '4MB/s');
    const [peer] = it.peers as [TestPeer];
    const asked = async () => OPTIONAL_CONTROL.pieces.response.parse((await peer.control('pieces')).body).contents;
    expect(await asked()).toEqual([]);
    const done = download(peer);
    const some = await eventually('some pieces', async () => (await asked()).find(({ there }) => there > 1));
    expect(some).toMatchObject({ name: 'file', sha256: sha256(content), size: content.length, pieces: 6 });
    expect(some.map).toMatch(/^[09]{6}$/);
    expect(some.map.replaceAll('0', '')).toHaveLength(some.there);
    await done;
    expect(await asked()).toEqual([]);
  }, 30_000);

  test('gives the pieces to each other: the seeder sends little more than one copy', async () => {
    const content = contentOf(8 * MIB);
    await using it = await crowd(content, 4, '8MB/s');
    const results = await Promise.all(it.peers.map(download));
    expect(results.map(({ verified }) => verified)).toEqual(['tree', 'tree', 'tree', 'tree']);
    for (const peer of it.peers) expect((await onDisk(peer)).equals(content)).toBe(true);
    expect((await sentBy(it.seeder)) / content.length).toBeLessThan(2);
    const all = it.peers.map(sentBy);
    expect((await Promise.all(all)).reduce((sum, one) => sum + one, 0)).toBeGreaterThan(2 * content.length);
    await eventually('everyone to say that it fetches no more', () =>
      [...it.directory.swarms.values()].every((tokens) => tokens.size === 0),
    );
  }, 30_000);

  test('that does not swarm is served by the one that has the file, and by nobody else', async () => {
    const content = contentOf(4 * MIB);
    await using it = await crowd(content, 3, '8MB/s', { PEER_SWARM: '0' });
    await Promise.all(it.peers.map(download));
    for (const peer of it.peers) expect((await onDisk(peer)).equals(content)).toBe(true);
    expect(await sentBy(it.seeder)).toBeGreaterThanOrEqual(2 * content.length);
    expect(it.directory.swarms.size).toBe(0);
  }, 30_000);

  test('gets whole although the seeder leaves as soon as one copy is out', async () => {
    const content = contentOf(8 * MIB);
    await using it = await crowd(content, 3, '4MB/s');
    const downloads = Promise.all(it.peers.map(download));
    await eventually('one copy', async () => (await sentBy(it.seeder)) >= content.length);
    await it.seeder.peer.stop();
    await downloads;
    for (const peer of it.peers) expect((await onDisk(peer)).equals(content)).toBe(true);
  }, 60_000);

  test('finds out who says that it has pieces and sends others, and gets whole without it', async () => {
    const content = contentOf(4 * MIB);
    await using it = await crowd(content, 1, '4MB/s');
    const [leecher] = it.peers as [TestPeer];
    const root = rootOf(content) as string;
    let asked = 0;
    using liar = await StandInSource.start({
      WatchPieces: (call) => {
        call.on('error', () => {});
        call.once('data', () => call.write({ pieceSize: MIB, map: Buffer.from([0xf0]) }));
      },
      DownloadFile: (call) => {
        asked++;
        const { offset, length } = call.request;
        call.write({ content: Buffer.alloc(length, 7), offset, size: content.length, sha256: sha256(content) });
        call.end();
      },
    });
    it.directory.peers.set('liar', { user: 'eve', password: 'x', ip: '127.0.0.1', port: liar.port, files: [] });
    it.directory.swarms.set(root, new Set(['liar']));
    const result = await download(leecher);
    expect(result.sources.find(({ peer }) => peer === liar.address)?.error).toBe('hash-mismatch');
    expect(asked).toBe(1);
    expect((await onDisk(leecher)).equals(content)).toBe(true);
  }, 30_000);

  test('of more than it has room for, talks to a random sample: whoever it hears of late may take the place of an earlier one', async () => {
    const content = contentOf(12 * MIB);
    await using it = await crowd(content, 1, '2MB/s');
    await using stack = new AsyncDisposableStack();
    const [leecher] = it.peers as [TestPeer];
    const [known, watched] = [40, new Set<number>()];
    let [now, most] = [0, 0];
    const tokens = new Set<string>();
    for (let i = 0; i < known; i++) {
      const other = stack.use(
        await StandInSource.start({
          WatchPieces: (call) => {
            watched.add(i);
            most = Math.max(most, ++now);
            call.on('error', () => {});
            call.once('cancelled', () => now--);
            // It has nothing yet, and so it keeps its place until another takes it.
            call.once('data', () => call.write({ pieceSize: MIB, map: Buffer.from([0]), turns: true }));
          },
        }),
      );
      it.directory.peers.set(`other-${i}`, {
        user: 'bob',
        password: 'x',
        ip: '127.0.0.1',
        port: other.port,
        files: [],
      });
      tokens.add(`other-${i}`);
    }
    const swarm = new Set([...tokens].slice(0, 25));
    it.directory.swarms.set(rootOf(content) as string, swarm);
    const done = download(leecher);
    await eventually('all places to be taken', async () => watched.size >= 23);
    for (const token of tokens) swarm.add(token);
    await done;
    expect((await onDisk(leecher)).equals(content)).toBe(true);
    // All of its 24 places but that of the seeder would go to the first 23.
    expect(watched.size).toBeGreaterThan(23);
    expect(most).toBeLessThanOrEqual(24 + 1);
  }, 60_000);

  test('never gives a byte that was not checked: pieces that are not there are refused', async () => {
    const content = contentOf(8 * MIB);
    await using it = await crowd(content, 1, '1MB/s', { PEER_OPEN: '1' });
    const [leecher] = it.peers as [TestPeer];
    const gone = new AbortController();
    const cut = leecher.control('download', { name: 'file' }, gone.signal).catch(() => {});
    const parts = () => leecher.parts().then((names) => names.some((name) => name.endsWith('.journal')));
    await eventually('the download to begin', parts);
    using asker = new PeerClients();
    using lease = asker.lease(leecher.address);
    const ask = (offset: number, length: number) =>
      new Promise<string>((resolve) => {
        const call = lease.client.downloadFile({ sha256: sha256(content), offset, length });
        const got: Buffer[] = [];
        call.on('data', (chunk) => got.push(chunk.content));
        call.on('error', (error) => resolve(error.message));
        call.on('end', () =>
          resolve(content.subarray(offset, offset + length).equals(Buffer.concat(got)) ? 'right' : 'wrong'),
        );
      });
    const all = await ask(0, content.length);
    expect(all).toContain('pieces that are here already');
    const each = await eventually('a piece to give', async () => {
      const answers = await Promise.all(Array.from({ length: 8 }, (_, i) => ask(i * MIB, 1024)));
      return answers.includes('right') ? answers : undefined;
    });
    expect(each).not.toContain('wrong');
    expect(each.some((one) => one.includes('pieces that are here already'))).toBe(true);
    gone.abort();
    await cut;
  }, 30_000);
});

describe('those on their way', () => {
  /** A peer that fetches from one that has the whole file and gives no turns, while another has all pieces on its way. */
  async function between(manners: Manners) {
    const stack = new AsyncDisposableStack();
    const content = contentOf(4 * MIB);
    const directory = stack.use(await StandInDirectory.start());
    const peer = stack.use(await TestPeer.start({ PEER_DIRECTORY_URL: directory.url, PEER_STALL_TIMEOUT: '20s' }));
    await peer.control('login');
    const whole = stack.use(await RangeSource.start(content, manners));
    let watched = 0;
    const partial = stack.use(
      await StandInSource.start({
        WatchPieces: (call) => {
          watched++;
          call.on('error', () => {});
          call.once('data', () => call.write({ pieceSize: MIB, map: Buffer.from([0xf0]) }));
        },
        DownloadFile: (call) => {
          const { offset, length } = call.request;
          const part = content.subarray(offset, offset + length);
          call.write({ content: part, offset, size: content.length, sha256: sha256(content) });
          call.end();
        },
      }),
    );
    const at = { user: 'bob', password: 'x', ip: '127.0.0.1' };
    directory.peers.set('whole', { ...at, port: whole.port, files: [announced('file', content)] });
    directory.peers.set('partial', { ...at, port: partial.port, files: [] });
    directory.swarms.set(rootOf(content) as string, new Set(['partial']));
    return {
      ...{ content, directory, peer, watched: () => watched },
      [Symbol.asyncDispose]: () => stack.disposeAsync(),
    };
  }

  test('are left alone while one that has the whole file sends as fast as it can', async () => {
    await using it = await between({ chunkBytes: 256 * 1024, everyMs: 20 });
    await download(it.peer);
    expect((await onDisk(it.peer)).equals(it.content)).toBe(true);
    expect(it.directory.count('/swarm')).toBeGreaterThan(0);
    expect(it.watched()).toBe(0);
  }, 30_000);

  test('help when it stands still, long before it is given up', async () => {
    await using it = await between({ chunkBytes: 256 * 1024, after: { bytes: 1.5 * MIB, does: 'stop' } });
    const began = performance.now();
    await download(it.peer);
    expect(performance.now() - began).toBeLessThan(15_000);
    expect((await onDisk(it.peer)).equals(it.content)).toBe(true);
    expect(it.watched()).toBe(1);
  }, 30_000);
});
