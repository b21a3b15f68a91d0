import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { json } from 'node:stream/consumers';
import { promisify } from 'node:util';
import * as grpc from '@grpc/grpc-js';
import { fromJSON } from '@grpc/proto-loader';
import { expect, onTestFinished, test } from 'vitest';
import type { ControlVerb } from '#proto/control-api.ts';
import type { Driver, Instance } from './drivers/driver.ts';
import { createProcessDriver } from './drivers/process/process-driver.ts';
import { callControl } from './instance-http.ts';

/** A peer of SD_P2P beside one of PeerLab, at one directory: real processes, with the predecessor's own messages on the wire. */

const CONTROL_TOKEN = 'control';
/** Not a multiple of anything that is sent at one time. */
const SIZE = 1_234_567;

test('a peer of the predecessor fetches from one of ours, and ours from it, unverified', async () => {
  const [ours, theirs] = [randomBytes(SIZE), randomBytes(SIZE)];
  const driver = await processDriver();
  const directory = await driver.startDirectory({ name: 'directory', env: { DIRECTORY_SD_P2P: '1' } });
  const peer = await driver.startPeer({
    name: 'peer',
    directory,
    env: {
      ...{ PEER_USER: 'ann', PEER_PASSWORD: 'secret', PEER_CONTROL_TOKEN: CONTROL_TOKEN },
      // It shows no tickets, and registers an address that it does not call from.
      ...{ PEER_OPEN: '1', PEER_TRUSTED_NETWORKS: '127.0.0.0/8' },
    },
    share: [{ name: 'ours.bin', sizeBytes: SIZE, open: () => Readable.from([ours]) }],
  });
  await control(peer, 'login');

  using old = await OldPeer.start(directory.url, '127.0.0.2', { 'theirs.bin': theirs });
  expect(await old.ask('POST', '/login', { user: 'p 2', password: 'x', archivos: ['theirs.bin'] })).toMatchObject({
    estado: 'OK',
  });
  const found = await old.ask('GET', '/search', { archivo: 'ours.bin' });
  expect(found).toMatchObject({ peers: [{ url: `http://${peer.address}`, nombre: 'ann' }] });
  expect(await old.ask('GET', '/index')).toEqual({ files: [['theirs.bin'], ['ours.bin']] });
  expect((await old.download(peer.address, 'ours.bin')).equals(ours)).toBe(true);
  await expect(old.download(peer.address, 'nobody-has-it')).rejects.toMatchObject({ code: grpc.status.NOT_FOUND });
  // A bare name moves no bytes: it is told so, and nothing appears in the share.
  expect(await old.upload(peer.address, 'given.bin')).toMatchObject({ success: false });

  const got = await control(peer, 'download', { name: 'theirs.bin' });
  expect(got).toMatchObject({
    ...{ name: 'theirs.bin', bytes: SIZE, verified: 'none' },
    sources: [{ peer: old.address, bytes: SIZE }],
  });
  // Without the socket by which it holds its share.
  const stored = (await Array.fromAsync(peer.storedFiles())).filter(({ kind }) => kind === undefined);
  expect(stored.map(({ name, sizeBytes }) => [name, sizeBytes]).sort()).toEqual([
    ['ours.bin', SIZE],
    ['theirs.bin', SIZE],
  ]);
  expect(got).toMatchObject({ sha256: stored.find(({ name }) => name === 'theirs.bin')?.sha256 });

  expect(await old.ask('POST', '/logout')).toHaveProperty('mensaje');
  expect(await control(peer, 'search', { name: 'theirs.bin' })).toMatchObject({
    results: [{ peers: [{ user: 'ann' }] }],
  });
});

async function processDriver(): Promise<Driver> {
  const logsDir = await mkdtemp(path.join(tmpdir(), 'peerlab-mixed-'));
  const runId = `t${randomBytes(5).toString('hex')}`;
  const driver = createProcessDriver({ runId, logsDir, signal: new AbortController().signal });
  onTestFinished(async ({ task }) => {
    const leftovers = await driver.end(true);
    if (task.result?.state === 'fail') process.stdout.write(await readFile(path.join(logsDir, 'peer.log'), 'utf8'));
    await rm(logsDir, { recursive: true });
    expect(leftovers).toEqual([]);
  });
  await driver.prepare(() => {});
  return driver;
}

async function control({ url }: Instance, verb: ControlVerb, body: object = {}): Promise<unknown> {
  const { signal } = new AbortController();
  const answer = await callControl({ url, token: CONTROL_TOKEN, verb, request: body, timeoutMs: 20_000, signal });
  return 'ok' in answer ? answer.ok : answer;
}

/** All that the predecessor's proto file says: no ranges, no hashes, uploads that are one message. */
const OLD_MESSAGES = {
  nested: {
    FileRequest: { fields: { filename: { type: 'string', id: 1 } } },
    FileChunk: { fields: { content: { type: 'bytes', id: 1 } } },
    FileResponse: { fields: { success: { type: 'bool', id: 1 }, message: { type: 'string', id: 2 } } },
    PeerService: {
      methods: {
        DownloadFile: { requestType: 'FileRequest', responseType: 'FileChunk', responseStream: true, comment: '' },
        UploadFile: { requestType: 'FileRequest', responseType: 'FileResponse', comment: '' },
      },
    },
  },
};
const OldService = grpc.loadPackageDefinition(fromJSON(OLD_MESSAGES)).PeerService as grpc.ServiceClientConstructor;
const OLD_CHUNK_BYTES = 1024;

interface OldClient extends grpc.Client {
  DownloadFile(request: { filename: string }): AsyncIterable<{ content: Buffer }>;
  UploadFile(request: { filename: string }, done: (error: Error | null, answer: unknown) => void): void;
}

function oldClient(address: string): OldClient {
  return new OldService(address, grpc.credentials.createInsecure()) as unknown as OldClient;
}

type DownloadCall = grpc.ServerWritableStream<{ filename: string }, { content: Buffer }>;

/** Behaves as a peer of SD_P2P does, towards the directory and towards other peers. */
class OldPeer implements Disposable {
  readonly address: string;
  readonly #server: grpc.Server;
  readonly #directory: string;
  readonly #place: { ip: string; port: string };

  private constructor(server: grpc.Server, directory: string, ip: string, port: number) {
    this.#server = server;
    this.#directory = directory;
    this.#place = { ip, port: String(port) };
    this.address = `${ip}:${port}`;
  }

  static async start(directory: string, ip: string, files: Record<string, Buffer>): Promise<OldPeer> {
    const server = new grpc.Server();
    server.addService(OldService.service, {
      DownloadFile: async (call: DownloadCall) => {
        const content = files[call.request.filename];
        if (!content) return call.emit('error', { code: grpc.status.NOT_FOUND, details: 'Archivo no encontrado' });
        for (let at = 0; at < content.length; at += OLD_CHUNK_BYTES) {
          if (!call.write({ content: content.subarray(at, at + OLD_CHUNK_BYTES) })) await once(call, 'drain');
        }
        call.end();
      },
    });
    const port = await new Promise<number>((resolve, reject) => {
      const credentials = grpc.ServerCredentials.createInsecure();
      server.bindAsync(`${ip}:0`, credentials, (error, bound) => (error ? reject(error) : resolve(bound)));
    });
    return new OldPeer(server, directory, ip, port);
  }

  /** Its GETs have bodies, which `fetch` sends none of. */
  async ask(method: string, url: string, body: object = {}): Promise<unknown> {
    const bytes = JSON.stringify({ ...this.#place, ...body });
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(bytes) };
    const sent = request(this.#directory + url, { method, headers }).end(bytes);
    const [response] = await once(sent, 'response');
    return json(response);
  }

  async download(from: string, filename: string): Promise<Buffer> {
    const client = oldClient(from);
    try {
      const parts: Buffer[] = [];
      for await (const { content } of client.DownloadFile({ filename })) parts.push(content);
      return Buffer.concat(parts);
    } finally {
      client.close();
    }
  }

  async upload(to: string, filename: string): Promise<unknown> {
    const client = oldClient(to);
    try {
      return await promisify(client.UploadFile.bind(client))({ filename });
    } finally {
      client.close();
    }
  }

  [Symbol.dispose](): void {
    this.#server.forceShutdown();
  }
}
