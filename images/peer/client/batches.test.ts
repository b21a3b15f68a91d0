import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type JsonAnswer, requestJson } from '#base/json-http.ts';
import { OPTIONAL_CONTROL } from '#proto/control-api.ts';
import type { FilesRequest__Output } from '#proto/generated/FilesRequest.ts';
import type { SmallFile } from '#proto/generated/SmallFile.ts';
import { MAX_SMALL_FILE_BYTES } from '#proto/peer.ts';
import { StandInDirectory } from '../testing/stand-in-directory.ts';
import { StandInSource } from '../testing/stand-in-source.ts';
import { announced, CONTROL_TOKEN, TestPeer } from '../testing/test-peer.ts';

const SMALL = Object.fromEntries(
  Array.from({ length: 1200 }, (_, i) => [`small-${i}.txt`, `content of ${i} `.repeat(1 + (i % 50))]),
);
const FILES = { ...SMALL, 'large.bin': Buffer.alloc(MAX_SMALL_FILE_BYTES + 1, 'large'), 'other.md': 'not asked for' };
const WANTED = Object.keys(FILES).filter((name) => name !== 'other.md');
const size = WANTED.reduce((sum, name) => sum + Buffer.byteLength(FILES[name as keyof typeof FILES]), 0);

const batch = (peer: TestPeer, match: string): Promise<JsonAnswer> =>
  requestJson({
    method: 'POST',
    url: `http://127.0.0.1:${peer.peer.controlPort}/control/batch`,
    token: CONTROL_TOKEN,
    body: { match },
  });
const result = async (peer: TestPeer, match: string) =>
  OPTIONAL_CONTROL.batch.response.parse((await batch(peer, match)).body);

async function setup(files: Record<string, string | Buffer> = FILES, mine: Record<string, string> = {}) {
  const directory = await StandInDirectory.start();
  const env = { PEER_DIRECTORY_URL: directory.url };
  const seeder = await TestPeer.start(env, files);
  const leecher = await TestPeer.start({ ...env, PEER_USER: 'bob' }, mine);
  for (const peer of [seeder, leecher]) await peer.control('login');
  return {
    directory,
    seeder,
    leecher,
    async [Symbol.asyncDispose]() {
      for (const one of [leecher, seeder, directory]) await one[Symbol.asyncDispose]();
    },
  };
}

/** A source that the directory names for these files, and that answers batches as it likes. */
async function source(
  directory: StandInDirectory,
  files: Record<string, string>,
  answer?: (request: FilesRequest__Output) => SmallFile[],
): Promise<StandInSource> {
  const handlers = answer && {
    DownloadFiles: (call: { request: FilesRequest__Output; write(message: object): unknown; end(): unknown }) => {
      call.write({ files: answer(call.request) });
      call.end();
    },
  };
  const stand = await StandInSource.start((handlers ?? {}) as never);
  directory.peers.set(`source-${stand.port}`, {
    ...{ user: 'eve', password: 'x', ip: '127.0.0.1', port: stand.port },
    files: Object.entries(files).map(([name, content]) => announced(name, content)),
  });
  return stand;
}

test('brings every file that matches, small and large, checked, counted and announced', async () => {
  await using it = await setup();
  const answer = await result(it.leecher, '*-*.txt');
  expect(answer).toMatchObject({ files: 1200, failures: 0, failed: [] });
  expect(await result(it.leecher, 'l*.bin')).toMatchObject({ files: 1, bytes: MAX_SMALL_FILE_BYTES + 1, failures: 0 });
  for (const name of WANTED) {
    const content = Buffer.from(FILES[name as keyof typeof FILES]);
    expect((await readFile(join(it.leecher.share, name))).equals(content), name).toBe(true);
  }
  expect(await it.leecher.parts()).toEqual([]);
  expect(it.directory.files('bob')?.length).toBe(WANTED.length);
  expect(await it.leecher.metrics()).toContain(`peerlab_transfer_bytes_total{direction="received"} ${size}`);
  expect(await it.seeder.metrics()).toContain(`peerlab_transfer_bytes_total{direction="sent"} ${size}`);
  // All but the large one in a few calls.
  const sent = Number(
    /peerlab_transfers_total\{direction="sent",outcome="ok",reason="none"\} (\d+)/.exec(await it.seeder.metrics())?.[1],
  );
  expect(sent).toBeLessThan(10);

  const again = await result(it.leecher, '*');
  expect(again).toMatchObject({ files: WANTED.length + 1, bytes: Buffer.byteLength(FILES['other.md']) });
});

test('a name that is taken by other content is named, and left as it is', async () => {
  await using it = await setup({ a: 'theirs', b: 'both' }, { a: 'mine' });
  const answer = await result(it.leecher, '?');
  // Its own is there as well, of course.
  expect(answer).toMatchObject({ files: 2, failures: 1, failed: [{ name: 'a' }] });
  expect(await readFile(join(it.leecher.share, 'a'), 'utf8')).toBe('mine');
});

test('nothing found is an error, and so is a batch without a pattern', async () => {
  await using it = await setup({ a: 'x' });
  expect((await batch(it.leecher, 'none*')).status).toBe(404);
  expect((await batch(it.leecher, '')).status).toBe(400);
});

describe('what a source does wrong is mended by another one', () => {
  const files = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`file-${i}`, `content ${i}`]));
  const contents = Object.values(files).map((text) => Buffer.from(text));
  const at = (request: FilesRequest__Output, change: (content: Buffer, index: number) => SmallFile[]) =>
    request.files.flatMap(({ filename }, index) => change(Buffer.from(files[filename] ?? ''), index));

  test.for<[string, ((request: FilesRequest__Output) => SmallFile[]) | undefined]>([
    ['it does not know batches', undefined],
    ['it sends other content', (request) => at(request, (_, index) => [{ index, content: Buffer.from('content x') }])],
    ['it sends less', (request) => at(request, (content, index) => [{ index, content: content.subarray(1) }])],
    [
      'it sends the contents of others',
      (request) => at(request, (_, index) => [{ index, content: contents[(index + 1) % 20] as Buffer }]),
    ],
    [
      'it names places that were not asked for',
      (request) => at(request, (content) => [{ index: 4_000_000_000, content }]),
    ],
    ['it leaves some out', (request) => at(request, (content, index) => (index % 2 ? [] : [{ index, content }]))],
    ['it refuses all', (request) => at(request, (_, index) => [{ index, error: 'file-changed' }])],
    [
      'it sends each twice',
      (request) =>
        at(request, (content, index) => [
          { index, content },
          { index, content },
        ]),
    ],
  ])('%s', async ([, answer]) => {
    await using it = await setup(files);
    using _bad = await source(it.directory, files, answer);
    expect(await result(it.leecher, 'file-*')).toMatchObject({ files: 20, failures: 0 });
    for (const [name, content] of Object.entries(files))
      expect(await readFile(join(it.leecher.share, name), 'utf8')).toBe(content);
  });

  test('a call that breaks off is marked as cut', async () => {
    await using it = await setup(files);
    const stand = await StandInSource.start({
      DownloadFiles: (call) => {
        call.write({ files: [{ index: 0, content: contents[0] as Buffer }] });
        setImmediate(() => call.emit('error', { code: 14, details: 'gone' }));
      },
    });
    using _bad = stand;
    it.directory.peers.set('bad', {
      ...{ user: 'bad', password: 'x', ip: '127.0.0.1', port: stand.port },
      files: Object.entries(files).map(([name, content]) => announced(name, content)),
    });
    const { sources, bytes } = await result(it.leecher, 'file-*');
    expect(sources).toContainEqual(expect.objectContaining({ peer: stand.address, cut: true, error: 'truncated' }));
    expect(bytes).toBe(sources.reduce((sum, source) => sum + source.bytes, 0));
  });

  test('a source that is gone', async () => {
    await using it = await setup(files);
    const gone = await source(it.directory, files);
    gone[Symbol.dispose]();
    expect(await result(it.leecher, 'file-*')).toMatchObject({ files: 20, failures: 0 });
  });
});

test('a file that changes is left out of a batch, not sent wrong', async () => {
  await using it = await setup({ a: 'first', b: 'stays' });
  await writeFile(join(it.seeder.share, 'a'), 'second');
  const answer = await result(it.leecher, '?');
  expect(answer).toMatchObject({ files: 1, failures: 1, failed: [{ name: 'a' }] });
});
