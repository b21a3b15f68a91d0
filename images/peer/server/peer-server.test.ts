import { readFileSync } from 'node:fs';
import {
  appendFile,
  open,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  symlink,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import * as grpc from '@grpc/grpc-js';
import { describe, expect, test, vi } from 'vitest';
import type { FileChunk__Output } from '#proto/generated/FileChunk.ts';
import type { FileRequest } from '#proto/generated/FileRequest.ts';
import type { FileResponse__Output } from '#proto/generated/FileResponse.ts';
import type { FileUpload } from '#proto/generated/FileUpload.ts';
import type { PeerServiceClient } from '#proto/generated/PeerService.ts';
import { CHUNK_SIZE_BYTES, ERROR_CODE_METADATA, PeerService } from '#proto/peer.ts';
import { StandInDirectory } from '../testing/stand-in-directory.ts';
import { eventually, sha256, TestPeer } from '../testing/test-peer.ts';

interface Ended {
  chunks: FileChunk__Output[];
  code: string;
  status: number;
}

function clientOf(peer: TestPeer): PeerServiceClient & Disposable {
  const client = new PeerService(peer.address, grpc.credentials.createInsecure());
  return Object.assign(client, { [Symbol.dispose]: () => client.close() });
}

/** A whole DownloadFile call. `code` is the registry's, "ok" when it ended well. */
function fetched(client: PeerServiceClient, request: FileRequest): Promise<Ended> {
  const chunks: FileChunk__Output[] = [];
  const call = client.downloadFile(request);
  call.on('data', (chunk) => chunks.push(chunk));
  return ended(call, chunks);
}

function ended(call: grpc.ClientReadableStream<FileChunk__Output>, chunks: FileChunk__Output[]): Promise<Ended> {
  return new Promise((resolve) => {
    call.on('error', () => {});
    call.on('status', (status: grpc.StatusObject) =>
      resolve({
        chunks,
        status: status.code,
        code: status.code === 0 ? 'ok' : String(status.metadata.get(ERROR_CODE_METADATA)[0]),
      }),
    );
  });
}

function content({ chunks }: Ended): Buffer {
  return Buffer.concat(chunks.map((chunk) => chunk.content));
}

function uploaded(client: PeerServiceClient, messages: FileUpload[]) {
  return new Promise<Partial<FileResponse__Output> & { status: number; code: unknown }>((resolve) => {
    let answer: FileResponse__Output | undefined;
    const call = client.uploadFile((_, response) => {
      answer = response;
    });
    call.on('error', () => {});
    call.on('status', ({ code, metadata }: grpc.StatusObject) =>
      resolve({ ...answer, status: code, code: metadata.get(ERROR_CODE_METADATA)[0] }),
    );
    for (const message of messages) call.write(message);
    call.end();
  });
}

/** Files of the share that this process has open. */
async function openInShare(peer: TestPeer): Promise<string[]> {
  const fds = await readdir('/proc/self/fd');
  const paths = await Promise.all(fds.map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => '')));
  return paths.filter((path) => path.startsWith(`${peer.share}/`));
}

const HOSTILE = [
  '../x',
  'a/../../x',
  '/etc/passwd',
  '..\\x',
  'C:\\x',
  '',
  '.',
  '..',
  'nul\0',
  'x'.repeat(256),
  'x'.repeat(1024 * 1024),
  '\u202e',
  '.peerlab',
  '.peerlab/x.part',
];

describe('DownloadFile', () => {
  test.for([0, 1, CHUNK_SIZE_BYTES - 1, CHUNK_SIZE_BYTES, CHUNK_SIZE_BYTES + 1, 3 * CHUNK_SIZE_BYTES])(
    '%i bytes: chunks echo their offset, the first tells size and hash',
    async (size) => {
      const data = Buffer.from(Array.from({ length: size }, (_, i) => i % 251));
      await using peer = await TestPeer.start({}, { file: data });
      using client = clientOf(peer);
      const result = await fetched(client, { filename: 'file' });
      expect(result.code).toBe('ok');
      expect(content(result).equals(data)).toBe(true);
      expect(result.chunks.length).toBe(Math.max(1, Math.ceil(size / CHUNK_SIZE_BYTES)));
      expect(result.chunks.map((chunk) => chunk.offset)).toEqual(result.chunks.map((_, i) => i * CHUNK_SIZE_BYTES));
      expect(result.chunks[0]).toMatchObject({ size, sha256: sha256(data) });
      expect(await openInShare(peer)).toEqual([]);
    },
  );

  test('ranges, and ranges that are none', async () => {
    await using peer = await TestPeer.start({}, { file: '0123456789' });
    using client = clientOf(peer);
    for (const [offset, length, expected] of [
      [0, 3, '012'],
      [4, 0, '456789'],
      [9, 1, '9'],
      [10, 0, ''],
      [3, 7, '3456789'],
    ] as const) {
      const result = await fetched(client, { filename: 'file', offset, length });
      expect(content(result).toString()).toBe(expected);
      expect(result.chunks[0]).toMatchObject({ offset, size: 10 });
      expect(result.chunks.length).toBe(1);
    }
    for (const [offset, length] of [
      [11, 0],
      [0, 11],
      [5, 6],
      [2 ** 60, 1],
      [1, 2 ** 60],
    ]) {
      const result = await fetched(client, { filename: 'file', offset: offset as number, length: length as number });
      expect(result).toMatchObject({ code: 'bad-range', status: grpc.status.OUT_OF_RANGE, chunks: [] });
    }
  });

  test('a hash names the content, whatever the filename says', async () => {
    await using peer = await TestPeer.start({}, { file: 'content' });
    using client = clientOf(peer);
    expect(content(await fetched(client, { filename: 'other', sha256: sha256('content') })).toString()).toBe('content');
    expect((await fetched(client, { filename: 'file', sha256: sha256('else') })).code).toBe('file-not-found');
  });

  test('hostile names, and what is no regular file: an error from the registry, nothing read, the peer stays well', async () => {
    await using peer = await TestPeer.start({}, { good: 'x', gone: 'x' });
    await symlink('/etc/passwd', join(peer.share, 'link'));
    await rm(join(peer.share, 'gone'));
    await symlink('/etc/passwd', join(peer.share, 'gone'));
    using client = clientOf(peer);
    for (const filename of [...HOSTILE, 'link', 'gone', '%2e%2e%2fx', 'none']) {
      const result = await fetched(client, { filename });
      expect(['bad-name', 'file-not-found']).toContain(result.code);
      expect(result.chunks).toEqual([]);
    }
    expect((await fetched(client, { filename: 'good' })).code).toBe('ok');
  });

  const CHANGES: Record<string, (path: string) => Promise<unknown>> = {
    shrinks: (path) => truncate(path, CHUNK_SIZE_BYTES),
    grows: (path) => appendFile(path, 'more'),
    'is overwritten': async (path) => {
      const file = await open(path, 'r+');
      await file.write('!');
      await file.close();
    },
    'is replaced': async (path) => {
      await writeFile(`${path}.new`, 'new');
      await rename(`${path}.new`, path);
    },
    'is deleted': (path) => rm(path),
  };
  test.for(Object.keys(CHANGES))('a file that %s during the transfer never ends in OK', async (change) => {
    await using peer = await TestPeer.start({}, { file: Buffer.alloc(40 * 1024 * 1024) });
    using client = clientOf(peer);
    const call = client.downloadFile({ filename: 'file' });
    const result = ended(call, []);
    await new Promise<void>((resolve) => call.once('data', () => resolve()));
    call.pause();
    await CHANGES[change]?.(join(peer.share, 'file'));
    call.on('data', () => {});
    call.resume();
    expect((await result).code).toBe('file-changed');
    await eventually('the file to be closed', async () => (await openInShare(peer)).length === 0);
  });

  test('a cancelled call lets go of its file at once', async () => {
    await using peer = await TestPeer.start({}, { file: Buffer.alloc(40 * 1024 * 1024) });
    using client = clientOf(peer);
    const call = client.downloadFile({ filename: 'file' });
    call.on('error', () => {});
    await new Promise<void>((resolve) => call.once('data', () => resolve()));
    call.pause();
    expect((await openInShare(peer)).length).toBe(1);
    call.cancel();
    await eventually('the file to be closed', async () => (await openInShare(peer)).length === 0);
    expect(await peer.metrics()).toContain(
      'peerlab_transfers_total{direction="sent",outcome="failed",reason="cancelled"} 1',
    );
  });

  test('more streams than the limit are told busy, and slots come back', async () => {
    await using peer = await TestPeer.start(
      { PEER_MAX_STREAMS: '2' },
      { file: Buffer.alloc(40 * 1024 * 1024), small: 'x' },
    );
    using client = clientOf(peer);
    const held = [client.downloadFile({ filename: 'file' }), client.downloadFile({ filename: 'file' })];
    for (const call of held) {
      call.on('error', () => {});
      await new Promise<void>((resolve) => call.once('data', () => resolve()));
      call.pause();
    }
    expect(await fetched(client, { filename: 'small' })).toMatchObject({
      code: 'busy',
      status: grpc.status.RESOURCE_EXHAUSTED,
    });
    for (const call of held) call.cancel();
    await eventually('a free slot', async () => (await fetched(client, { filename: 'small' })).code === 'ok');
  });

  test('who finds no slot waits for one, a place in the queue provided', async () => {
    await using peer = await TestPeer.start(
      { PEER_MAX_STREAMS: '1', PEER_MAX_QUEUE: '1', PEER_STALL_TIMEOUT: '60s' },
      { file: Buffer.alloc(40 * 1024 * 1024), small: 'x' },
    );
    using client = clientOf(peer);
    const held = client.downloadFile({ filename: 'file' });
    held.on('error', () => {});
    await new Promise<void>((resolve) => held.once('data', () => resolve()));
    held.pause();
    const waiting = fetched(client, { filename: 'small' });
    // One of the two has the only place in the queue, the other one is told at once.
    const refused = fetched(client, { filename: 'small' });
    expect((await Promise.race([waiting, refused])).code).toBe('busy');
    held.cancel();
    expect((await Promise.all([waiting, refused])).map(({ code }) => code).sort()).toEqual(['busy', 'ok']);
  });

  test('the end of a large sparse file', async () => {
    await using peer = await TestPeer.start();
    const path = join(peer.share, 'sparse');
    await writeFile(path, '');
    await truncate(path, 2 * 1024 ** 3);
    using client = clientOf(peer);
    // Its hash may take longer than an answer waits for it.
    const result = async () => {
      await peer.control('loadfiles');
      return fetched(client, { filename: 'sparse', offset: 2 * 1024 ** 3 - 3 });
    };
    await vi.waitFor(async () => expect(content(await result())).toEqual(Buffer.alloc(3)), 80_000);
  }, 90_000);
});

describe('UploadFile', () => {
  const offer = (filename: string, text: string): FileUpload => ({ filename, size: text.length, sha256: sha256(text) });

  test('stores the file, and it is known to the directory before the answer', async () => {
    await using directory = await StandInDirectory.start();
    await using peer = await TestPeer.start({ PEER_DIRECTORY_URL: directory.url });
    await peer.control('login');
    directory.loadfilesDelayMs = 100;
    using client = clientOf(peer);
    const answer = await uploaded(client, [
      offer('up', 'content'),
      { content: Buffer.from('con') },
      { content: Buffer.from('tent') },
    ]);
    expect(directory.files('ann')).toEqual([
      { name: 'up', size: 7, sha256: sha256('content'), root: sha256('content') },
    ]);
    expect(answer).toMatchObject({ success: true, status: 0 });
    expect(readFileSync(join(peer.share, 'up'), 'utf8')).toBe('content');
    expect(await peer.metrics()).toContain('peerlab_transfer_bytes_total{direction="received"} 7');
  });

  test('a bare filename, as a unary client of the predecessor sends it, creates nothing', async () => {
    await using peer = await TestPeer.start();
    const client = new grpc.Client(peer.address, grpc.credentials.createInsecure());
    const { path, requestSerialize, responseDeserialize } = PeerService.service.UploadFile;
    const answer = await new Promise<FileResponse__Output | undefined>((resolve) =>
      client.makeUnaryRequest(path, requestSerialize, responseDeserialize, { filename: 'bare' }, (_, response) =>
        resolve(response),
      ),
    );
    client.close();
    expect(answer).toMatchObject({ success: false, message: expect.stringContaining('sha256') });
    expect(await readdir(peer.share)).toEqual(['.peerlab']);
  });

  test('what is there is never replaced; the same content is a success', async () => {
    await using peer = await TestPeer.start({}, { file: 'mine' });
    using client = clientOf(peer);
    expect(await uploaded(client, [{ ...offer('file', 'yours'), content: Buffer.from('yours') }])).toMatchObject({
      success: false,
      status: 0,
      code: 'file-exists',
    });
    expect(await uploaded(client, [{ ...offer('file', 'mine'), content: Buffer.from('mine') }])).toMatchObject({
      success: true,
    });
    expect(await readFile(join(peer.share, 'file'), 'utf8')).toBe('mine');
  });

  test('wrong bytes, too few, too many, hostile names: refused, nothing left behind', async () => {
    await using peer = await TestPeer.start();
    using client = clientOf(peer);
    const text = (content: string) => ({ content: Buffer.from(content) });
    const cases: [string, FileUpload[]][] = [
      ['hash-mismatch', [offer('f', 'right'), text('wrong')]],
      ['truncated', [offer('f', 'right'), text('righ')]],
      ['too-many-bytes', [offer('f', 'right'), text('right!')]],
      ['bad-request', [{ filename: 'f', size: 1, sha256: 'x' }]],
      ['unverifiable', [{ filename: 'f', content: Buffer.from('x') }]],
      ['bad-request', []],
      ...HOSTILE.map((name): [string, FileUpload[]] => ['bad-name', [offer(name, 'x'), text('x')]]),
    ];
    for (const [code, messages] of cases) {
      expect(await uploaded(client, messages)).toMatchObject({ code, success: false });
    }
    expect(await peer.parts()).toEqual([]);
    expect(await readdir(peer.share)).toEqual(['.peerlab']);
  });

  test('a sender that stops sending is given up', async () => {
    await using peer = await TestPeer.start({ PEER_STALL_TIMEOUT: '100ms' });
    using client = clientOf(peer);
    const status = new Promise<grpc.StatusObject>((resolve) => {
      const call = client.uploadFile(() => {});
      call.on('error', () => {});
      call.on('status', resolve);
      call.write(offer('f', 'content'));
    });
    expect((await status).metadata.get(ERROR_CODE_METADATA)).toEqual(['source-stalled']);
    await eventually('the part to go', async () => (await peer.parts()).length === 0);
  });
});
