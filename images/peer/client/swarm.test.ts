import { link, open, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { transferFailure, transferResult } from '#proto/control-api.ts';
import { type HashTree, TreeHasher } from '#proto/hash-tree.ts';
import { PieceFile } from '../share/piece-file.ts';
import { PieceMemory } from '../share/piece-memory.ts';
import { type Manners, RangeSource } from '../testing/range-source.ts';
import { StandInDirectory } from '../testing/stand-in-directory.ts';
import { announced, codeOf, eventually, rootOf, sha256, TestPeer } from '../testing/test-peer.ts';

const MIB = 1024 * 1024;
const STALL_MS = 500;

/** Content whose pieces all differ. */
function contentOf(sizeBytes: number, seed = 1): Buffer {
  const data = Buffer.alloc(sizeBytes);
  for (let i = 0; i + 4 <= sizeBytes; i += 4096) data.writeUInt32LE((i * 31 + seed) >>> 0, i);
  return data;
}

function treeOf(content: Buffer): HashTree {
  const hasher = new TreeHasher(content.length);
  hasher.update(content);
  return hasher.digest() as HashTree;
}

/** A directory, a peer that is logged in, and sources that the directory knows for the file `name`. */
async function setup(content: Buffer, env = {}) {
  const directory = await StandInDirectory.start();
  const peer = await TestPeer.start({ PEER_DIRECTORY_URL: directory.url, PEER_STALL_TIMEOUT: `${STALL_MS}ms`, ...env });
  await peer.control('login');
  const sources: RangeSource[] = [];
  const announce = (source: RangeSource, file: object) => {
    directory.peers.set(`source-${source.port}`, {
      ...{ user: 'bob', password: 'x', ip: '127.0.0.1', port: source.port },
      files: [{ ...announced('file', content), ...file }],
    });
  };
  return {
    directory,
    peer,
    announce,
    async source(manners: Manners = {}, file: object = {}, held = content) {
      const source = await RangeSource.start(held, manners);
      sources.push(source);
      announce(source, file);
      return source;
    },
    async download(request: object = {}) {
      return transferResult.parse((await this.ask(request)).body);
    },
    async failure(request: object = {}) {
      const answer = await this.ask(request);
      return { code: codeOf(answer), ...transferFailure.parse(answer.body) };
    },
    /** Whatever the download: who sent more than arrived was left early, and is marked so. */
    async ask(request: object) {
      const before = new Map(sources.map((source) => [source, source.sentBytes]));
      const answer = await peer.control('download', { name: 'file', ...request });
      const figures = new Map(transferFailure.parse(answer.body).sources.map((source) => [source.peer, source]));
      for (const source of sources) {
        const { bytes = 0, cut = false } = figures.get(source.address) ?? {};
        const sent = source.sentBytes - (before.get(source) ?? 0);
        if (sent > bytes) expect({ bytes, cut }, `${source.address} sent ${sent}`).toMatchObject({ cut: true });
      }
      return answer;
    },
    onDisk: (name = 'file') => readFile(join(peer.share, name)),
    async [Symbol.asyncDispose]() {
      for (const source of sources) source[Symbol.dispose]();
      await peer[Symbol.asyncDispose]();
      await directory[Symbol.asyncDispose]();
    },
  };
}

describe('many sources', () => {
  test('each gives a part, and nothing is fetched twice', async () => {
    const content = contentOf(20 * MIB + 123);
    await using it = await setup(content);
    for (let i = 0; i < 4; i++) await it.source({ everyMs: 5 });
    const result = await it.download();
    expect(result).toMatchObject({ verified: 'tree', size: content.length, sha256: sha256(content) });
    expect(result.sources.filter(({ bytes }) => bytes > 0).length).toBe(4);
    expect(result.bytes).toBeLessThan(content.length + 4 * MIB);
    expect((await it.onDisk()).equals(content)).toBe(true);
    expect(await it.peer.parts()).toEqual([]);
    expect(it.directory.files('ann')).toEqual([announced('file', content)]);
  });

  test('the same content under other names counts', async () => {
    const content = contentOf(4 * MIB);
    await using it = await setup(content);
    await it.source({ everyMs: 5 });
    await it.source({ everyMs: 5 }, { name: 'other' });
    const result = await it.download({ sha256: sha256(content) });
    expect(result.sources.filter(({ bytes }) => bytes > 0).length).toBe(2);
  });

  test('work moves from the slow to the fast', async () => {
    const content = contentOf(24 * MIB);
    await using it = await setup(content);
    const slow = await it.source({ chunkBytes: 64 * 1024, everyMs: 50 });
    const fast = await it.source({ everyMs: 1 });
    const result = await it.download();
    const bytesOf = (source: RangeSource) => result.sources.find(({ peer }) => peer === source.address)?.bytes ?? 0;
    expect(bytesOf(slow)).toBeLessThan(4 * MIB);
    expect(bytesOf(fast)).toBeGreaterThan(20 * MIB);
    expect((await it.onDisk()).equals(content)).toBe(true);
  });

  test('one that ignores ranges, as the predecessor does, helps where there is nobody else', async () => {
    const content = contentOf(4 * MIB + 1);
    await using it = await setup(content);
    await it.source({ after: { bytes: 2 * MIB, does: 'break' } });
    await it.source({ old: true }, { root: undefined });
    const result = await it.download();
    expect(result.verified).toBe('tree');
    expect((await it.onDisk()).equals(content)).toBe(true);
  });

  test('a source that comes while the download is under way takes over', async () => {
    const content = contentOf(8 * MIB);
    await using it = await setup(content);
    const first = await it.source({ everyMs: 20, after: { bytes: 3 * MIB, does: 'break' } });
    const download = it.download();
    await eventually('the first pieces', () => first.sentBytes > MIB);
    const second = await it.source();
    const result = await download;
    expect(result.sources.map(({ peer }) => peer).sort()).toEqual([first.address, second.address].sort());
    expect(result.sources.find(({ peer }) => peer === first.address)?.error).toBe('truncated');
    expect((await it.onDisk()).equals(content)).toBe(true);
  });

  test('a directory that goes away does not stop what is under way', async () => {
    const content = contentOf(8 * MIB);
    await using it = await setup(content);
    const first = await it.source({ everyMs: 5, after: { bytes: 2 * MIB, does: 'stop' } });
    await it.source({ everyMs: 5 });
    const download = it.download();
    await eventually('the first pieces', () => first.sentBytes > MIB);
    it.directory.failWith = 500;
    expect((await download).size).toBe(content.length);
  });

  test('two downloads of one content at once, to two names', async () => {
    const content = contentOf(3 * MIB);
    await using it = await setup(content);
    await it.source({ everyMs: 5 });
    const request = { sha256: sha256(content) };
    await Promise.all(['a', 'b'].map((name) => it.peer.control('download', { ...request, name })));
    for (const name of ['a', 'b']) expect((await it.onDisk(name)).equals(content)).toBe(true);
    expect(await it.peer.parts()).toEqual([]);
  });

  test('one that is busy is asked again', async () => {
    const content = contentOf(2 * MIB);
    await using it = await setup(content);
    const source = await it.source({ busyTimes: 2 });
    expect((await it.download()).bytes).toBe(content.length);
    expect(source.asked.length).toBe(3);
  });
});

describe('a source that lies', () => {
  const content = contentOf(12 * MIB + 77);
  const lies: [string, string, Manners][] = [
    ['a wrong byte at the start', 'hash-mismatch', { wrongByteAt: 0 }],
    ['a wrong byte in the middle', 'hash-mismatch', { wrongByteAt: 6 * MIB + 5 }],
    ['a wrong last byte', 'hash-mismatch', { wrongByteAt: content.length - 1 }],
    ['too little', 'truncated', { after: { bytes: MIB / 2, does: 'end' } }],
    ['too much', 'too-many-bytes', { moreBytes: 5, chunkBytes: 2 * MIB }],
    ['bytes without end', 'too-many-bytes', { moreBytes: Number.MAX_SAFE_INTEGER / 2, chunkBytes: (3 * MIB) / 4 }],
  ];
  test.for(lies)('%s: alone, nothing wrong gets a name', async ([, code, manners]) => {
    await using it = await setup(content);
    const source = await it.source(manners);
    const answer = await it.peer.control('download', { name: 'file' });
    if (answer.status === 200) {
      // Every piece was right before it sent more.
      expect(code).toBe('too-many-bytes');
      expect((await it.onDisk()).equals(content)).toBe(true);
    } else {
      expect(codeOf(answer)).toBe(code);
      expect(transferFailure.parse(answer.body).sources).toMatchObject([{ peer: source.address, error: code }]);
      expect(await readdir(it.peer.share)).toEqual(['.peerlab']);
    }
  });

  test.for(lies.slice(0, 3))(
    '%s: caught within a piece, named, not asked again; the others deliver',
    async ([, code, manners]) => {
      await using it = await setup(content);
      const liar = await it.source(manners);
      await it.source({ everyMs: 20 });
      await it.source({ everyMs: 20 });
      const result = await it.download();
      expect((await it.onDisk()).equals(content)).toBe(true);
      const named = result.sources.find(({ peer }) => peer === liar.address);
      // Another one may have fetched the piece that it lies about.
      if (named?.error !== undefined) {
        expect(named.error).toBe(code);
        expect(await it.peer.metrics()).toContain('peerlab_pieces_rejected_total 1');
        const asked = liar.asked.length;
        await it.download({ name: 'again', sha256: sha256(content) });
        expect(liar.asked.length).toBe(asked);
      }
      expect(result.bytes).toBeLessThan(content.length + 5 * MIB);
    },
  );

  test('a wrong tree is not used', async () => {
    await using it = await setup(content);
    const layer = Buffer.alloc(13 * 32, 1);
    await it.source({ layer });
    expect((await it.failure()).code).toBe('hash-mismatch');
    await it.source();
    expect((await it.download()).verified).toBe('tree');
  });

  test('those who disagree about the root are never mixed: the SHA-256 decides', async () => {
    await using it = await setup(content);
    const other = contentOf(content.length, 2);
    const liars = [1, 2].map(() => it.source({ sha256: sha256(content) }, { root: rootOf(other) }, other));
    await Promise.all(liars);
    await it.source();
    const result = await it.download();
    expect(result.sources.map(({ error }) => error)).toEqual(['hash-mismatch', 'hash-mismatch', undefined]);
    expect(result.sha256).toBe(sha256(content));
    expect((await it.onDisk()).equals(content)).toBe(true);
  });
});

test.for([100, 3 * MIB])('who lies about the size of %d bytes makes nobody else a liar', async (sizeBytes) => {
  const content = contentOf(sizeBytes);
  await using it = await setup(content);
  await it.source({}, { size: sizeBytes + 1 });
  const honest = await it.source();
  // Who is asked first is left to chance.
  for (let round = 0; round < 4; round++) {
    const result = await it.download();
    expect(result.sources.find(({ peer }) => peer.endsWith(`:${honest.port}`))?.error).toBeUndefined();
    expect((await it.onDisk()).equals(content)).toBe(true);
    await rm(join(it.peer.share, 'file'));
    await it.peer.control('loadfiles');
  }
});

describe('a source that stops', () => {
  test.for([0, 0.5, 0.99])('silent after %d of it, alone: given up in time, what is right is kept', async (share) => {
    const content = contentOf(6 * MIB);
    await using it = await setup(content);
    const source = await it.source({
      ...{ chunkBytes: 16 * 1024, after: { bytes: Math.floor(share * content.length), does: 'stop' } },
    });
    const began = performance.now();
    expect((await it.failure()).code).toBe('source-stalled');
    expect(performance.now() - began).toBeLessThan(5000);
    const pieces = Math.floor(share * 6);
    expect((await it.peer.parts()).length).toBe(pieces > 0 ? 2 : 0);
    expect(source.asked.length).toBe(1);
  });

  test.for([0, 0.5, 0.99])('silent after %d of it: the others go on, long before it is given up', async (share) => {
    const content = contentOf(6 * MIB);
    await using it = await setup(content, { PEER_STALL_TIMEOUT: '20s' });
    await it.source({ after: { bytes: Math.floor(share * 3 * MIB), does: 'stop' } });
    await it.source({ everyMs: 5 });
    const began = performance.now();
    const result = await it.download();
    expect(performance.now() - began).toBeLessThan(5000);
    expect((await it.onDisk()).equals(content)).toBe(true);
    expect(result.bytes).toBeLessThan(content.length + 2 * MIB);
  });

  test('a trickle is no progress', async () => {
    await using it = await setup(contentOf(2 * MIB));
    await it.source({ chunkBytes: 1, everyMs: STALL_MS / 10 });
    expect((await it.failure()).code).toBe('source-stalled');
  });
});

describe('resuming', () => {
  /** A download whose only source breaks off, at `bytes` of `content`. */
  async function brokenOff(content: Buffer, bytes: number) {
    const it = await setup(content);
    await it.source({ after: { bytes, does: 'break' } });
    expect((await it.failure()).code).toBe('truncated');
    const part = join(it.peer.share, '.peerlab', `${rootOf(content)}.part`);
    return { it, part, journal: part.replace('.part', '.journal') };
  }

  test('what was verified is not fetched again', async () => {
    const content = contentOf(6 * MIB + 5);
    const { it: setUp } = await brokenOff(content, 3.5 * MIB);
    await using it = setUp;
    await it.source();
    const result = await it.download();
    expect(result.resumedBytes).toBe(3 * MIB);
    expect(result.bytes).toBe(content.length - 3 * MIB);
    expect((await it.onDisk()).equals(content)).toBe(true);
    expect(await it.peer.parts()).toEqual([]);
    expect(await it.peer.metrics()).toContain(`peerlab_resumed_bytes_total ${3 * MIB}`);
  });

  test('one that ignores ranges is left when its part is there, and marked as cut', async () => {
    const content = contentOf(6 * MIB);
    const { it: setUp, part, journal } = await brokenOff(content, 2 * MIB);
    await using it = setUp;
    await using file = await open(part, 'r+');
    await file.write(content, 5 * MIB, MIB, 5 * MIB);
    const { layer } = treeOf(content);
    await writeFile(journal, `5 ${layer.subarray(5 * 32).toString('hex')}\n`, { flag: 'a' });
    // Its last chunk that is wanted ends where the piece ends.
    const old = await it.source({ old: true }, { root: undefined });
    const { resumedBytes, sources } = await it.download();
    expect(resumedBytes).toBe(3 * MIB);
    expect(sources).toContainEqual(expect.objectContaining({ peer: old.address, cut: true }));
  });

  test('who is stopped while reading it again loses nothing', async () => {
    const content = contentOf(6 * MIB);
    const { it: setUp, journal } = await brokenOff(content, 4 * MIB);
    await using it = setUp;
    const [tree, sizeBytes] = [treeOf(content), content.length];
    const before = await readFile(journal);
    const opening = PieceFile.open({
      ...{ tree, sizeBytes, sha256: '', folder: dirname(journal), memory: new PieceMemory() },
      signal: AbortSignal.abort(),
    });
    await expect(opening).rejects.toMatchObject({ code: 'cancelled' });
    expect((await readFile(journal)).equals(before)).toBe(true);
    expect(await it.peer.parts()).toHaveLength(2);
    await it.source();
    expect((await it.download()).resumedBytes).toBe(4 * MIB);
  });

  test('what was changed since is fetched again', async () => {
    const content = contentOf(6 * MIB);
    const { it: setUp, part } = await brokenOff(content, 4 * MIB);
    await using it = setUp;
    const file = await open(part, 'r+');
    await file.write('x', MIB + 17);
    await file.close();
    await it.source();
    expect((await it.download()).resumedBytes).toBe(3 * MIB);
    expect((await it.onDisk()).equals(content)).toBe(true);
  });

  test('a journal that claims too much, or nonsense, proves nothing', async () => {
    const content = contentOf(6 * MIB);
    const { it: setUp, journal } = await brokenOff(content, 2 * MIB);
    await using it = setUp;
    const { layer } = treeOf(content);
    const claims = Array.from(
      { length: 6 },
      (_, i) => `${i} ${layer.subarray(i * 32, (i + 1) * 32).toString('hex')}\n`,
    );
    await writeFile(journal, `${claims.join('')}99 ${'0'.repeat(64)}\nnonsense\n3 ${'0'.repeat(30)}`);
    await it.source();
    expect((await it.download()).resumedBytes).toBe(2 * MIB);
    expect((await it.onDisk()).equals(content)).toBe(true);
  });

  test('a part that has another name too is never written to', async () => {
    const content = contentOf(4 * MIB);
    const { it: setUp, part } = await brokenOff(content, 2 * MIB);
    await using it = setUp;
    const kept = await readFile(part);
    await link(part, join(it.peer.share, 'kept'));
    await it.source();
    expect((await it.download()).resumedBytes).toBeUndefined();
    expect((await readFile(join(it.peer.share, 'kept'))).equals(kept)).toBe(true);
    await rm(join(it.peer.share, 'kept'));
  });
});
