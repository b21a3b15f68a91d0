import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { JsonAnswer } from '#base/json-http.ts';
import { transferFailure, transferResult } from '#proto/control-api.ts';
import type { FileChunk } from '#proto/generated/FileChunk.ts';
import type { PeerServiceHandlers } from '#proto/generated/PeerService.ts';
import { CHUNK_SIZE_BYTES } from '#proto/peer.ts';
import { StandInDirectory } from '../testing/stand-in-directory.ts';
import { StandInSource } from '../testing/stand-in-source.ts';
import { announced, codeOf, eventually, sha256, TestPeer } from '../testing/test-peer.ts';

type DownloadCall = Parameters<PeerServiceHandlers['DownloadFile']>[0];

/** A directory, a peer that is logged in, and sources that the directory knows for the file `name`. */
async function setup(env = {}) {
  const directory = await StandInDirectory.start();
  const peer = await TestPeer.start({ PEER_DIRECTORY_URL: directory.url, PEER_STALL_TIMEOUT: '300ms', ...env });
  await peer.control('login');
  const sources: StandInSource[] = [];
  return {
    directory,
    peer,
    async source(content: string | Buffer, answer: (call: DownloadCall) => void, name = 'file') {
      const source = await StandInSource.start({ DownloadFile: answer });
      sources.push(source);
      directory.peers.set(`source-${source.port}`, {
        ...{ user: 'bob', password: 'x', ip: '127.0.0.1', port: source.port },
        files: [{ name, size: content.length, sha256: sha256(content) }],
      });
      return source;
    },
    async [Symbol.asyncDispose]() {
      for (const source of sources) source[Symbol.dispose]();
      await peer[Symbol.asyncDispose]();
      await directory[Symbol.asyncDispose]();
    },
  };
}

const honest = (content: string | Buffer) =>
  sends({ content: Buffer.from(content), offset: 0, size: content.length, sha256: sha256(content) });

function sends(...chunks: FileChunk[]) {
  return (call: DownloadCall) => {
    for (const chunk of chunks) call.write(chunk);
    call.end();
  };
}

function failed(answer: JsonAnswer) {
  return { code: codeOf(answer), ...transferFailure.parse(answer.body) };
}

async function nothingLeft(peer: TestPeer): Promise<void> {
  expect(await peer.parts()).toEqual([]);
  expect(await readdir(peer.share)).toEqual(['.peerlab']);
}

describe('from a peer', () => {
  test('found by the directory, verified, published, announced', async () => {
    const data = Buffer.alloc(5 * CHUNK_SIZE_BYTES + 17, 'peerlab');
    await using directory = await StandInDirectory.start();
    const env = { PEER_DIRECTORY_URL: directory.url };
    await using seeder = await TestPeer.start(env, { file: data, empty: '' });
    await using leecher = await TestPeer.start({ ...env, PEER_USER: 'bob' });
    await seeder.control('login');
    await leecher.control('login');
    directory.loadfilesDelayMs = 100;

    const answer = await leecher.control('download', { name: 'file' });
    const result = transferResult.parse(answer.body);
    expect(result).toMatchObject({ name: 'file', size: data.length, sha256: sha256(data), bytes: data.length });
    expect(result.sources).toEqual([{ peer: seeder.address, bytes: data.length, cut: false }]);
    expect((await readFile(join(leecher.share, 'file'))).equals(data)).toBe(true);
    expect(directory.files('bob')).toEqual([announced('file', data)]);
    expect(await leecher.parts()).toEqual([]);
    const metrics = await leecher.metrics();
    expect(metrics).toContain(`peerlab_transfer_bytes_total{direction="received"} ${data.length}`);
    expect(metrics).toContain('peerlab_transfers_total{direction="received",outcome="ok",reason="none"} 1');
    expect(metrics).toContain('peerlab_share_files 1');
    expect(await seeder.metrics()).toContain(`peerlab_transfer_bytes_total{direction="sent"} ${data.length}`);

    expect(transferResult.parse((await leecher.control('download', { name: 'empty' })).body)).toMatchObject({
      size: 0,
      bytes: 0,
    });
    expect(await readFile(join(leecher.share, 'empty'), 'utf8')).toBe('');
  });

  test('named with --from, without any directory', async () => {
    await using seeder = await TestPeer.start({}, { file: 'content' });
    await using leecher = await TestPeer.start();
    const answer = await leecher.control('download', { name: 'file', from: seeder.address });
    expect(transferResult.parse(answer.body)).toMatchObject({ sha256: sha256('content'), bytes: 7 });
    expect(codeOf(await leecher.control('download', { name: 'none', from: seeder.address }))).toBe('file-not-found');
    expect(codeOf(await leecher.control('download', { name: 'other' }))).toBe('not-logged-in');
    expect(codeOf(await leecher.control('download', { name: 'x', from: 'unix:1' }))).toBe('source-unreachable');
    expect(codeOf(await leecher.control('download', { name: 'x', from: 'nonsense' }))).toBe('bad-request');
  });

  test('a directory that is gone does not fail a download', async () => {
    await using it = await setup();
    const source = await it.source('content', honest('content'));
    it.directory.failWith = 500;
    const answer = await it.peer.control('download', { name: 'file', from: source.address });
    expect(transferResult.parse(answer.body).bytes).toBe(7);
  });
});

describe('a source that lies or fails', () => {
  const good = Buffer.alloc(3 * CHUNK_SIZE_BYTES, 'good');
  const announced = { offset: 0, size: good.length, sha256: sha256(good) };
  const flipped = (at: number) => {
    const wrong = Buffer.from(good);
    wrong[at] = (wrong[at] as number) ^ 1;
    return wrong;
  };
  const cases: [string, string, (call: DownloadCall) => void][] = [
    ['a wrong byte at the start', 'hash-mismatch', sends({ ...announced, content: flipped(0) })],
    ['a wrong byte in the middle', 'hash-mismatch', sends({ ...announced, content: flipped(good.length / 2) })],
    ['a wrong last byte', 'hash-mismatch', sends({ ...announced, content: flipped(good.length - 1) })],
    ['a byte less, with status OK', 'truncated', sends({ ...announced, content: good.subarray(1) })],
    ['nothing, with status OK', 'truncated', sends()],
    ['a byte more', 'too-many-bytes', sends({ ...announced, content: Buffer.concat([good, Buffer.from('x')]) })],
    ['another hash announced', 'hash-mismatch', sends({ ...announced, sha256: sha256('else'), content: good })],
    ['another size announced', 'hash-mismatch', sends({ ...announced, size: 1, content: good })],
    ['a chunk at the wrong place', 'hash-mismatch', sends({ ...announced, offset: 5, content: good })],
    [
      'a stream that is cut off',
      'truncated',
      (call) => {
        call.write({ ...announced, content: good.subarray(0, 10) });
        setTimeout(() => call.emit('error', { code: 14, details: 'gone' }), 20);
      },
    ],
    ['a refusal', 'source-refused', (call) => void call.emit('error', { code: 9, details: 'not for you' })],
    ['silence', 'source-stalled', () => {}],
    [
      'silence in the middle',
      'source-stalled',
      (call) => void call.write({ ...announced, content: good.subarray(0, 10) }),
    ],
    [
      'bytes without end',
      'too-many-bytes',
      (call) => {
        const more = () => void call.write({ content: good }, () => !call.cancelled && more());
        more();
      },
    ],
  ];
  test.for(cases)('%s: %s, and nothing is left', async ([, code, answer]) => {
    await using it = await setup();
    const source = await it.source(good, answer);
    const failure = failed(await it.peer.control('download', { name: 'file' }));
    expect(failure.code).toBe(code);
    for (const { peer } of failure.sources) expect(peer).toBe(source.address);
    await nothingLeft(it.peer);
    expect(await it.peer.metrics()).toContain(`outcome="failed",reason="${code}"} 1`);
  });

  test('the next source delivers, whatever was wrong with the others', async () => {
    await using it = await setup();
    for (const [, , answer] of cases) await it.source(good, answer);
    const honestSource = await it.source(good, honest(good));
    const result = transferResult.parse((await it.peer.control('download', { name: 'file' })).body);
    expect(result.sources).toContainEqual({ peer: honestSource.address, bytes: good.length, cut: false });
    expect(result.bytes).toBe(result.sources.reduce((sum, source) => sum + source.bytes, 0));
    expect((await readFile(join(it.peer.share, 'file'))).equals(good)).toBe(true);
    expect(await it.peer.parts()).toEqual([]);
  });

  test('every source is tried once; the error names what each of them did', async () => {
    await using it = await setup();
    let asked = 0;
    const lies = (call: DownloadCall) => {
      asked++;
      sends({ ...announced, content: flipped(0) })(call);
    };
    await it.source(good, lies);
    await it.source(good, lies);
    const answer = await it.peer.control('download', { name: 'file' });
    expect(failed(answer)).toMatchObject({ code: 'no-source', bytes: 2 * good.length });
    expect(asked).toBe(2);
  });

  test('a source that is not there', async () => {
    await using it = await setup();
    const source = await it.source(good, honest(good));
    source[Symbol.dispose]();
    expect(codeOf(await it.peer.control('download', { name: 'file' }))).toBe('source-unreachable');
  });
});

describe("a source of the predecessor's kind", () => {
  const old = (content: string) => sends(...[...content].map((one) => ({ content: Buffer.from(one) })));

  test('without offset, size and hash: the known hash decides', async () => {
    await using it = await setup();
    await it.source('content', old('content'));
    expect(transferResult.parse((await it.peer.control('download', { name: 'file' })).body).bytes).toBe(7);
  });

  test('the directory knows only who has the name: it is fetched, and nothing proves it', async () => {
    await using it = await setup();
    using source = await StandInSource.start({ DownloadFile: old('content') });
    const { port } = source;
    it.directory.unverified.set('theirs', [{ user: 'old', ip: '127.0.0.1', port, name: 'theirs' }]);
    const answer = transferResult.parse((await it.peer.control('download', { name: 'theirs' })).body);
    expect(answer).toMatchObject({ bytes: 7, verified: 'none', sources: [{ peer: source.address, bytes: 7 }] });
    expect(codeOf(await it.peer.control('download', { name: 'nobody has it' }))).toBe('file-not-found');
    const byHash = { name: 'theirs', sha256: sha256('other') };
    expect(codeOf(await it.peer.control('download', byHash))).toBe('file-not-found');
  });

  test('nobody knows a hash: the result says so', async () => {
    await using it = await setup();
    using source = await StandInSource.start({ DownloadFile: old('content') });
    const unknown = transferResult.parse(
      (await it.peer.control('download', { name: 'file', from: source.address })).body,
    );
    expect(unknown).toMatchObject({ verified: 'none', sha256: sha256('content'), bytes: 7 });
    await rm(join(it.peer.share, 'file'));
    const given = { name: 'file', from: source.address, sha256: sha256('content') };
    expect(transferResult.parse((await it.peer.control('download', given)).body).bytes).toBe(7);
  });
});

describe('names and targets', () => {
  test('a name of several contents needs the hash', async () => {
    await using it = await setup();
    await it.source('one', honest('one'));
    await it.source('two', honest('two'));
    expect(codeOf(await it.peer.control('download', { name: 'file' }))).toBe('ambiguous-name');
    const answer = await it.peer.control('download', { name: 'file', sha256: sha256('two') });
    expect(transferResult.parse(answer.body).sha256).toBe(sha256('two'));
  });

  test('content is asked for under the name that it has at its source', async () => {
    await using it = await setup();
    const asked: string[] = [];
    await it.source(
      'one',
      (call) => {
        asked.push(call.request.filename);
        honest('one')(call);
      },
      'their-name',
    );
    const answer = await it.peer.control('download', { name: 'my-name', sha256: sha256('one') });
    expect(transferResult.parse(answer.body).name).toBe('my-name');
    expect(asked).toEqual(['their-name']);
  });

  test('nothing found; only this peer itself', async () => {
    await using it = await setup();
    expect(codeOf(await it.peer.control('download', { name: 'file' }))).toBe('file-not-found');
    await writeFile(join(it.peer.share, 'mine'), 'mine');
    await it.peer.control('loadfiles');
    expect(codeOf(await it.peer.control('download', { name: 'copy', sha256: sha256('mine') }))).toBe('no-source');
  });

  test('an existing target is never replaced; the same content moves no bytes once its hash is known', async () => {
    await using it = await setup();
    const source = await it.source('theirs', honest('theirs'));
    await writeFile(join(it.peer.share, 'file'), 'mine');
    const fromSource = { name: 'file', from: source.address };
    it.directory.peers.delete(`source-${source.port}`);
    // What the file is stands in the first chunk: that one has arrived, and the call is left.
    expect(failed(await it.peer.control('download', fromSource))).toMatchObject({
      code: 'file-exists',
      sources: [{ peer: source.address, bytes: 6, cut: true }],
    });
    expect(failed(await it.peer.control('download', { ...fromSource, sha256: sha256('theirs') }))).toMatchObject({
      code: 'file-exists',
      bytes: 0,
    });
    expect(await readFile(join(it.peer.share, 'file'), 'utf8')).toBe('mine');
    await writeFile(join(it.peer.share, 'file'), 'theirs');
    for (const [request, bytes] of [
      [fromSource, 6],
      [{ ...fromSource, sha256: sha256('theirs') }, 0],
    ]) {
      expect(transferResult.parse((await it.peer.control('download', request)).body)).toMatchObject({ bytes });
    }
  });

  test('a target that appears during the transfer is not replaced either', async () => {
    await using it = await setup();
    await it.source('theirs', async (call) => {
      await writeFile(join(it.peer.share, 'file'), 'mine');
      honest('theirs')(call);
    });
    expect(codeOf(await it.peer.control('download', { name: 'file' }))).toBe('file-exists');
    expect(await readFile(join(it.peer.share, 'file'), 'utf8')).toBe('mine');
    expect(await it.peer.parts()).toEqual([]);
  });

  test('two downloads of one file at once: one transfer, both are well', async () => {
    await using it = await setup();
    let asked = 0;
    await it.source('content', (call) => {
      asked++;
      setTimeout(() => honest('content')(call), 50);
    });
    const answers = await Promise.all([1, 2, 3].map(() => it.peer.control('download', { name: 'file' })));
    const bytes = answers.map((answer) => transferResult.parse(answer.body).bytes);
    expect(bytes.sort()).toEqual([0, 0, 7]);
    expect(asked).toBe(1);
  });

  test('more downloads than slots wait their turn', async () => {
    await using it = await setup({ PEER_MAX_DOWNLOADS: '2' });
    let atOnce = 0;
    let most = 0;
    for (let i = 0; i < 8; i++) {
      await it.source(
        `content ${i}`,
        (call) => {
          most = Math.max(most, ++atOnce);
          setTimeout(() => {
            atOnce--;
            honest(`content ${i}`)(call);
          }, 20);
        },
        `file-${i}`,
      );
    }
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, i) => it.peer.control('download', { name: `file-${i}` })),
    );
    expect(answers.map((answer) => answer.status)).toEqual(Array(8).fill(200));
    expect(most).toBe(2);
  });

  test('when the caller goes away, the transfer ends and leaves nothing', async () => {
    await using it = await setup({ PEER_STALL_TIMEOUT: '1m' });
    let cancelled = false;
    let asked = false;
    await it.source('content', (call) => {
      asked = true;
      call.on('cancelled', () => {
        cancelled = true;
      });
    });
    const caller = new AbortController();
    const answer = it.peer.control('download', { name: 'file' }, caller.signal).catch(() => 'gone');
    await eventually('the request', () => asked);
    caller.abort();
    expect(await answer).toBe('gone');
    await eventually('the cancellation', () => cancelled);
    await eventually('the metric', async () => (await it.peer.metrics()).includes('reason="cancelled"} 1'));
    await nothingLeft(it.peer);
  });
});

describe('upload', () => {
  test('stores a file at another peer, which tells the directory', async () => {
    const data = Buffer.alloc(5 * CHUNK_SIZE_BYTES + 1, 'up');
    await using directory = await StandInDirectory.start();
    await using sender = await TestPeer.start({}, { file: data, empty: '' });
    await using receiver = await TestPeer.start({ PEER_DIRECTORY_URL: directory.url });
    await receiver.control('login');
    for (const [name, content] of [
      ['file', data],
      ['empty', Buffer.alloc(0)],
    ] as const) {
      const answer = await sender.control('upload', { name, to: receiver.address });
      expect(transferResult.parse(answer.body)).toMatchObject({ size: content.length, bytes: content.length });
      expect((await readFile(join(receiver.share, name))).equals(content)).toBe(true);
      expect(directory.files('ann')).toContainEqual(announced(name, content));
    }
    expect(await sender.metrics()).toContain(`peerlab_transfer_bytes_total{direction="sent"} ${data.length}`);
    const again = await sender.control('upload', { name: 'file', to: receiver.address });
    expect(again.status).toBe(200);
  });

  test('refusals come back with their code', async () => {
    await using sender = await TestPeer.start(
      { PEER_STALL_TIMEOUT: '300ms' },
      { file: Buffer.alloc(10 * CHUNK_SIZE_BYTES) },
    );
    await using receiver = await TestPeer.start({}, { file: 'other' });
    expect(codeOf(await sender.control('upload', { name: 'file', to: receiver.address }))).toBe('file-exists');
    expect(codeOf(await sender.control('upload', { name: 'none', to: receiver.address }))).toBe('file-not-found');
    expect(codeOf(await sender.control('upload', { name: 'file', to: '127.0.0.1:1' }))).toBe('source-unreachable');
    using refusing = await StandInSource.start({
      UploadFile: (_, answer) => answer(null, { success: false, message: 'no\nthanks' }),
    });
    const refused = await sender.control('upload', { name: 'file', to: refusing.address });
    expect(codeOf(refused)).toBe('source-refused');
    expect(JSON.stringify(refused.body)).toContain('no thanks');
    using silent = await StandInSource.start({ UploadFile: () => {} });
    expect(codeOf(await sender.control('upload', { name: 'file', to: silent.address }))).toBe('source-stalled');
  });
});
