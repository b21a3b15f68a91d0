import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as grpc from '@grpc/grpc-js';
import { describe, expect, test } from 'vitest';
import { transferResult } from '#proto/control-api.ts';
import type { FileUpload } from '#proto/generated/FileUpload.ts';
import { ERROR_CODE_METADATA, PeerService } from '#proto/peer.ts';
import { TICKET_METADATA } from '#proto/ticket.ts';
import { RangeSource } from '../testing/range-source.ts';
import { StandInDirectory } from '../testing/stand-in-directory.ts';
import { StandInSource } from '../testing/stand-in-source.ts';
import { announced, codeOf, sha256, TestPeer } from '../testing/test-peer.ts';

const MIB = 1024 ** 2;
const LARGE = Buffer.alloc(3 * MIB + 17, 'peerlab');

/** A sender and a receiver, closed, logged in at one directory that gives tickets. */
async function setup(
  ofReceiver: Record<string, string> = {},
  files: Record<string, string | Buffer> = {},
  ofSender: Record<string, string> = {},
) {
  const directory = await StandInDirectory.start();
  directory.givesTickets = true;
  const env = { PEER_DIRECTORY_URL: directory.url, PEER_OPEN: '0' };
  const sender = await TestPeer.start({ ...env, ...ofSender }, { large: LARGE, small: 'small' });
  const receiver = await TestPeer.start({ ...env, PEER_USER: 'bob', ...ofReceiver }, files);
  for (const peer of [sender, receiver]) await peer.control('login');
  return {
    directory,
    sender,
    receiver,
    upload: (name: string) => sender.control('upload', { name, to: receiver.address }),
    async [Symbol.asyncDispose]() {
      for (const one of [sender, receiver, directory]) await one[Symbol.asyncDispose]();
    },
  };
}

/** The ticket of a peer that is registered at this address, as metadata of a call. */
async function ticketOf(directoryUrl: string, ip: string, port: number): Promise<grpc.Metadata> {
  const body = JSON.stringify({ user: 'ann', password: 'x', ip, port, files: [] });
  const { ticket } = (await (await fetch(`${directoryUrl}/login`, { method: 'POST', body })).json()) as {
    ticket: string;
  };
  const metadata = new grpc.Metadata();
  metadata.set(TICKET_METADATA, `Bearer ${ticket}`);
  return metadata;
}

async function upload(to: string, metadata: grpc.Metadata, message: FileUpload): Promise<unknown> {
  const client = new PeerService(to, grpc.credentials.createInsecure());
  const answer = await new Promise((resolve) => {
    const call = client.uploadFile(metadata, (error, response) => resolve(error ?? response));
    call.end(message);
  });
  client.close();
  return answer;
}

const sentBytes = async (peer: TestPeer) =>
  Number(/peerlab_transfer_bytes_total\{direction="sent"\} (\d+)/.exec(await peer.metrics())?.[1]);

describe('an upload between peers of one directory', () => {
  test('is fetched by the receiver, checked, counted once on each side, and told to the directory', async () => {
    await using it = await setup();
    const result = transferResult.parse((await it.upload('large')).body);
    expect(result).toMatchObject({
      bytes: LARGE.length,
      sources: [{ peer: it.receiver.address, bytes: LARGE.length }],
    });
    expect((await readFile(join(it.receiver.share, 'large'))).equals(LARGE)).toBe(true);
    expect(it.directory.files('bob')).toContainEqual(announced('large', LARGE));
    expect(await sentBytes(it.sender)).toBe(LARGE.length);
    const metrics = await it.receiver.metrics();
    expect(metrics).toContain(`peerlab_transfer_bytes_total{direction="received"} ${LARGE.length}`);
    // It was a download: only those come in pieces.
    expect(it.directory.requests.filter((path) => path === '/search')).toHaveLength(1);
  });

  test('is streamed where an offer would cost more than it saves', async () => {
    await using it = await setup();
    expect(transferResult.parse((await it.upload('small')).body).bytes).toBe(5);
    expect(it.directory.requests.filter((path) => path === '/search')).toHaveLength(0);
  });

  test('the same content is there already: nothing moves; other content stays as it is', async () => {
    await using it = await setup({}, { large: LARGE });
    expect(transferResult.parse((await it.upload('large')).body).bytes).toBe(0);
    await using other = await setup({}, { large: 'mine' });
    expect(codeOf(await other.upload('large'))).toBe('file-exists');
    expect(await readFile(join(other.receiver.share, 'large'), 'utf8')).toBe('mine');
  });

  test('two peers that upload to each other with one slot each do not wait for each other', async () => {
    await using it = await setup({ PEER_MAX_DOWNLOADS: '1' }, { theirs: LARGE });
    const answers = await Promise.all([
      it.upload('large'),
      it.receiver.control('upload', { name: 'theirs', to: it.sender.address }),
    ]);
    expect(answers.map(({ status }) => status)).toEqual([200, 200]);
  });
});

test.for([
  ['no offer is heard of: the message seems cut short', 'truncated'],
  ['nobody vouches for the sender', 'offer-declined'],
])('where %s, the content is streamed', async ([, code]) => {
  await using directory = await StandInDirectory.start();
  directory.givesTickets = true;
  await using sender = await TestPeer.start({ PEER_DIRECTORY_URL: directory.url }, { large: LARGE });
  await sender.control('login');
  let streamed = 0;
  let calls = 0;
  using receiver = await StandInSource.start({
    UploadFile: async (call, answer) => {
      let isOffer = false;
      for await (const message of call) {
        isOffer ||= message.offer;
        streamed += message.content.length;
      }
      calls++;
      answer(null, isOffer ? { success: false, message: code as string } : { success: true, message: 'stored' });
    },
  });
  const answer = await sender.control('upload', { name: 'large', to: receiver.address });
  expect(transferResult.parse(answer.body).bytes).toBe(LARGE.length);
  expect([calls, streamed]).toEqual([2, LARGE.length]);
});

describe('a sender that can not be dialled back', () => {
  test('streams its content; what the receiver tried in vain is in the figures', async () => {
    // Its ticket names a port that nobody listens on.
    await using it = await setup({ PEER_STALL_TIMEOUT: '500ms' }, {}, { PEER_ADVERTISE: '127.0.0.1:9' });
    const result = transferResult.parse((await it.upload('large')).body);
    expect(result).toMatchObject({ bytes: LARGE.length, sources: [{ peer: it.receiver.address, cut: false }] });
    expect((await readFile(join(it.receiver.share, 'large'))).equals(LARGE)).toBe(true);
  });

  test('is told by the receiver whose address does not answer', async () => {
    await using it = await setup({ PEER_STALL_TIMEOUT: '500ms' });
    const metadata = await ticketOf(it.directory.url, '127.0.0.1', 9);
    const answer = await upload(it.receiver.address, metadata, {
      ...{ filename: 'x', size: 2 * MIB, sha256: 'a'.repeat(64), offer: true },
    });
    expect(answer).toMatchObject({ success: false, bytes: 0, message: expect.stringContaining('127.0.0.1:9') });
    expect(answer).toMatchObject({ message: expect.stringContaining('the receiver can not fetch') });
  });

  test('a receiver that names its own failure is not taken for one that does not answer', async () => {
    await using sender = await TestPeer.start({}, { small: 'small' });
    using receiver = await StandInSource.start({
      UploadFile: (call, answer) => {
        call.resume();
        const metadata = new grpc.Metadata();
        metadata.set(ERROR_CODE_METADATA, 'source-unreachable');
        call.on('end', () => answer({ code: grpc.status.UNAVAILABLE, details: 'of another one', metadata }));
      },
    });
    expect(codeOf(await sender.control('upload', { name: 'small', to: receiver.address }))).toBe('source-refused');
  });
});

test('an offer that breaks off half way is streamed, and the bytes of both are counted', async () => {
  await using it = await setup({ PEER_STALL_TIMEOUT: '500ms' });
  using half = await RangeSource.start(LARGE, { after: { bytes: MIB, does: 'break' } });
  const metadata = await ticketOf(it.directory.url, '127.0.0.1', half.port);
  const offer = { filename: 'other', size: LARGE.length, sha256: sha256(LARGE), offer: true };
  expect(await upload(it.receiver.address, metadata, offer)).toMatchObject({ success: false, bytes: MIB, cut: true });
});

test('what the receiver has already is not taken: the call is marked as cut', async () => {
  await using it = await setup({}, { small: 'small' });
  const { sources } = transferResult.parse((await it.upload('small')).body);
  expect(sources).toEqual([{ peer: it.receiver.address, bytes: 5, cut: true }]);
});

describe('what others may upload', () => {
  test.for(['0', '1'])('has a largest size (open: %s)', async ([open]) => {
    await using it = await setup({ PEER_MAX_UPLOAD: '1MiB', PEER_OPEN: open as string });
    expect(codeOf(await it.upload('large'))).toBe('upload-too-large');
    expect((await it.upload('small')).status).toBe(200);
  });

  test('is what was offered: a sender that serves more than it said gets nothing in', async () => {
    await using it = await setup({ PEER_MAX_UPLOAD: '1MiB' });
    const [ip = '', port] = it.sender.address.split(':');
    const metadata = await ticketOf(it.directory.url, ip, Number(port));
    const offer = { filename: 'large', size: 1, sha256: sha256(LARGE), offer: true };
    const answer = await upload(it.receiver.address, metadata, offer);
    expect(answer).toMatchObject({ success: false });
    expect((await readdir(it.receiver.share)).filter((name) => name !== '.peerlab')).toEqual([]);
    expect(await sentBytes(it.sender)).toBe(0);
  });

  test('has a quota, which uploads at one time can not exceed together', async () => {
    await using it = await setup({ PEER_UPLOAD_QUOTA: '100' }, { mine: 'x'.repeat(90) });
    await using other = await TestPeer.start(
      { PEER_DIRECTORY_URL: it.directory.url, PEER_USER: 'eve' },
      { a: 'x'.repeat(6), b: 'y'.repeat(6) },
    );
    await other.control('login');
    const answers = await Promise.all(
      ['a', 'b'].map((name) => other.control('upload', { name, to: it.receiver.address })),
    );
    const codes = answers.map((answer) => (answer.status === 200 ? 'ok' : codeOf(answer)));
    expect(codes.sort()).toEqual(['ok', 'quota-exceeded']);
    // A file of one's own choice is not an upload.
    expect((await it.receiver.control('download', { name: 'large', from: it.sender.address })).status).toBe(200);
  });
});
