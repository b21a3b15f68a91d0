import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import path from 'node:path';
import * as grpc from '@grpc/grpc-js';
import { addressText, parseAddress } from '../../../proto/addresses.ts';
import type { FileChunk } from '../../../proto/generated/FileChunk.ts';
import type { PeerServiceHandlers } from '../../../proto/generated/PeerService.ts';
import { TreeHasher } from '../../../proto/hash-tree.ts';
import { MAX_MESSAGE_BYTES, PeerService, peerServiceDefinition } from '../../../proto/peer.ts';
import type { Variant } from './variants.ts';

/**
 * A small peer, written from docs/peer-contract.md, that keeps every `must`; and, told so by its argument, breaks one thing. It is what the
 * checks are held against: `node lab/conformance/testing/variant-peer.ts <variant>`.
 */

const broken = (process.argv[2] ?? 'none') as Variant;
const env = process.env as Record<string, string>;
const share = env.PEER_SHARE_DIR as string;
const unfinished = path.join(share, '.peerlab');
const CHUNK = 64 * 1024;
const MAX_BYTES = 16 * 1024 * 1024;
mkdirSync(unfinished, { recursive: true });
if (broken === 'ends-at-start') process.exit(5);
if (broken === 'refuses-settings' && env.PEER_NO_SUCH_SETTING) process.exit(64);

const sha256 = (content: Buffer) => createHash('sha256').update(content).digest('hex');
const moved = { sent: 0, received: 0 };
let token = '';
let ticket: string | undefined;
let heartbeat: NodeJS.Timeout | undefined;
let requests = 0;

const isName = (name: string) =>
  name !== '' && name !== '.' && name !== '..' && !/[/\\]/.test(name) && name !== '.peerlab';
const namesIn = () => readdirSync(share).filter((name) => isName(name) && statSync(path.join(share, name)).isFile());
const listed = () =>
  namesIn().map((name) => {
    const content = readFileSync(path.join(share, name));
    return {
      name,
      size: content.length,
      sha256: broken === 'wrong-hashes' ? sha256(Buffer.from(name)) : sha256(content),
    };
  });

async function ask(route: string, body?: object, method = 'POST'): Promise<Record<string, never>> {
  const answer = await fetch(`${env.PEER_DIRECTORY_URL}${route}`, {
    method,
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
    ...(body && { body: JSON.stringify(body) }),
  });
  const told = (await answer.json()) as Record<string, never>;
  if (!answer.ok) throw Object.assign(new Error(`the directory: ${answer.status}`), { code: 'internal' });
  return told;
}

const publish = () => ask('/loadfiles', { files: listed() }, 'PUT');

async function fetchFrom(address: string, name: string): Promise<Buffer> {
  const client = new PeerService(address, grpc.credentials.createInsecure(), {
    'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
  });
  const metadata = new grpc.Metadata();
  if (ticket && broken !== 'no-ticket') metadata.set('authorization', `Bearer ${ticket}`);
  const parts: Buffer[] = [];
  let size = 0;
  try {
    const stream = client.downloadFile({ filename: name }, metadata);
    for await (const { content } of stream) {
      parts.push(content);
      size += content.length;
      moved.received += content.length;
      if (broken === 'half-in-share') writeFileSync(path.join(share, name), Buffer.concat(parts));
      if (size > MAX_BYTES && broken === 'keeps-endless') break;
      if (size > MAX_BYTES) throw new Error('too many bytes');
    }
  } finally {
    client.close();
  }
  return Buffer.concat(parts);
}

let shared: string | undefined;

async function download({ name, from }: { name: string; from?: string }): Promise<object> {
  const began = performance.now();
  const { results } = (await ask(`/search?name=${encodeURIComponent(name)}`, undefined, 'GET')) as unknown as {
    results: { size: number; sha256: string; peers: { ip: string; port: number; name: string }[] }[];
  };
  const mine = env.PEER_ADVERTISE;
  const [found] = results.filter(({ peers }) => peers.some((peer) => addressText(peer) !== mine));
  const source = found?.peers.find((peer) => addressText(peer) !== mine);
  if (!found || !source) {
    if (broken === 'empty-when-absent') writeFileSync(path.join(share, name), '');
    if (broken === 'ok-when-absent')
      return { outcome: 'ok', name, size: 0, sha256: sha256(Buffer.alloc(0)), bytes: 0, sources: [], seconds: 0 };
    throw Object.assign(new Error('nobody has it'), { code: 'no-source' });
  }
  const peer = broken === 'ignores-from' ? addressText(source) : (from ?? addressText(source));
  const target = path.join(share, broken === 'encodes-names' ? encodeURIComponent(name) : name);
  if (namesIn().includes(name) && broken !== 'replaces') {
    if (sha256(readFileSync(target)) !== found.sha256) throw Object.assign(new Error('taken'), { code: 'file-exists' });
    const { size, sha256: hash } = found;
    return { outcome: 'ok', name, size, sha256: hash, bytes: 0, sources: [], seconds: 0 };
  }
  shared = name;
  const content = await fetchFrom(peer, source.name);
  const isRight = sha256(content) === found.sha256;
  if (content.length === 0 && broken === 'no-empty') throw new Error('nothing came');
  const isKept = broken === 'believes' || (broken === 'keeps-endless' && content.length > MAX_BYTES);
  if (!isRight && !isKept) throw Object.assign(new Error('wrong bytes'), { code: 'hash-mismatch' });
  const part = path.join(unfinished, `${Math.random()}`);
  writeFileSync(part, broken === 'text-mode' ? content.toString('utf8') : content);
  // A variable that all downloads share.
  renameSync(part, broken === 'one-variable' ? path.join(share, shared) : target);
  if (broken !== 'never-publishes') await publish();
  const bytes = broken === 'miscounts' ? content.length + 1 : content.length;
  const sources = [{ peer, bytes }];
  return {
    outcome: 'ok',
    name,
    size: content.length,
    sha256: sha256(content),
    bytes,
    sources,
    seconds: (performance.now() - began) / 1000,
  };
}

const verbs: Record<string, (body: never) => Promise<object>> = {
  login: async () => {
    const { PEER_USER: user, PEER_PASSWORD: password } = env;
    const address = parseAddress(env.PEER_ADVERTISE as string);
    const told = (await ask('/login', { user, password, ...address, files: listed() })) as unknown as {
      token: string;
      ticket?: string;
      leaseSeconds: number;
    };
    token = told.token;
    ticket = told.ticket;
    clearInterval(heartbeat);
    const isLate = broken === 'late-heartbeat';
    const renew = () => void ask('/heartbeat', {}).catch(() => (isLate ? verbs.login?.({} as never) : undefined));
    if (broken !== 'no-heartbeat') heartbeat = setInterval(renew, told.leaseSeconds * (isLate ? 1150 : 1000 / 3));
    return broken === 'no-lease' ? {} : { leaseSeconds: told.leaseSeconds };
  },
  download,
  loadfiles: async () => {
    const files = listed();
    await ask('/loadfiles', { files }, 'PUT');
    return { files: files.length };
  },
  logout: async () => {
    clearInterval(heartbeat);
    await ask('/logout', {});
    return {};
  },
};

const server = http.createServer(async (request, response) => {
  const send = (status: number, body: string) => response.writeHead(status).end(body);
  if (broken === 'dies-at-tenth' && ++requests === 10) process.exit(7);
  if (request.url === '/healthz') return send(200, 'ok');
  if (request.url === '/metrics')
    return send(
      200,
      broken === 'garbled-metrics'
        ? 'peerlab transfer bytes = 7\n'
        : Object.entries(moved)
            .map(([direction, bytes]) => `peerlab_transfer_bytes_total{direction="${direction}"} ${bytes}\n`)
            .join(''),
    );
  let body = '';
  for await (const part of request) body += part;
  if (request.headers.authorization !== `Bearer ${env.PEER_CONTROL_TOKEN}` && broken !== 'no-token')
    return send(401, '{"error":{"code":"unauthorized","message":"no"}}');
  const verb = verbs[request.url?.replace('/control/', '') ?? ''];
  if (!verb)
    return send(
      broken === 'ok-to-all' ? 200 : 404,
      broken === 'ok-to-all' ? '{}' : '{"error":{"code":"no-such-route","message":"no"}}',
    );
  try {
    send(200, JSON.stringify(await verb(JSON.parse(body || '{}') as never)));
  } catch (error) {
    const { code = 'internal', message } = error as { code?: string; message: string };
    if (broken === 'ok-with-error') return send(200, JSON.stringify({ error: { code, message } }));
    send(500, JSON.stringify({ error: { code: String(code), message } }));
  }
});

/** One connection after the other, as simple servers do it. */
const waiting: net.Socket[] = [];
let isServing = false;
if (broken === 'one-connection') server.keepAliveTimeout = 60_000;
function serveNext(): void {
  const socket = waiting.shift();
  isServing = socket !== undefined;
  socket?.once('close', serveNext);
  if (socket) server.emit('connection', socket);
  socket?.resume();
}
const control =
  broken === 'one-connection'
    ? net.createServer({ pauseOnConnect: true }, (socket) => {
        waiting.push(socket);
        if (!isServing) serveNext();
      })
    : server;

let lastOpened = Buffer.alloc(0);

const handlers: Pick<PeerServiceHandlers, 'DownloadFile'> = {
  DownloadFile: (call) => {
    const { offset, length, sha256: wanted } = call.request;
    const known = wanted !== '' && broken !== 'no-hashes';
    const name = broken === 'decodes-names' ? decodeURIComponent(call.request.filename) : call.request.filename;
    const filename = known ? (listed().find((one) => one.sha256 === wanted)?.name ?? '') : name;
    const file = broken === 'paths' ? path.join(share, filename) : path.join(share, path.basename(filename) || '.');
    const isHere =
      broken === 'paths'
        ? statSync(file, { throwIfNoEntry: false })?.isFile()
        : isName(filename) && namesIn().includes(filename);
    if (!isHere) {
      if (broken === 'ok-empty') {
        call.end();
        return;
      }
      call.emit('error', { code: grpc.status.NOT_FOUND, details: 'no such file' });
      return;
    }
    const content = broken === 'text-mode' ? Buffer.from(readFileSync(file, 'utf8')) : readFileSync(file);
    const end = length === 0 ? content.length : offset + length;
    if (offset > content.length || end > content.length) {
      call.emit('error', { code: grpc.status.OUT_OF_RANGE, details: 'no such range' });
      return;
    }
    const from = broken === 'ignores-ranges' ? 0 : broken === 'off-by-one' && offset > 0 ? offset - 1 : offset;
    const to = broken === 'ignores-ranges' ? content.length : broken === 'off-by-one' && offset > 0 ? end - 1 : end;
    if (broken === 'dies-when-left')
      call.on('cancelled', () => {
        if (!isDone) process.exit(9);
      });
    let isDone = false;
    lastOpened = content;
    if (from === to && broken === 'nothing-for-empty') {
      call.end();
      return;
    }
    const send = (at: number): void => {
      const part = (broken === 'one-file-open' ? lastOpened : content).subarray(at, Math.min(to, at + CHUNK));
      moved.sent += part.length;
      const chunk: FileChunk = { content: part, ...(broken !== 'no-offsets' && { offset: at }) };
      if (at === from && broken !== 'no-size') Object.assign(chunk, { size: content.length, sha256: sha256(content) });
      const isFull = !call.write(chunk);
      if (at + CHUNK >= to) {
        isDone = true;
        call.end();
      } else if (isFull) call.once('drain', () => send(at + CHUNK));
      else send(at + CHUNK);
    };
    send(broken === 'drops-head' && to > CHUNK ? from + CHUNK : from);
  },
};

if (broken === 'one-caller') {
  const { DownloadFile: serve } = handlers;
  let before = Promise.resolve();
  handlers.DownloadFile = (call) => {
    const turn = before;
    before = new Promise((resolve) => call.once('finish', resolve).once('cancelled', resolve));
    void turn.then(() => serve(call));
  };
}

/** Of a piece for each 16 KiB. */
const PIECE = 16 * 1024;
const isWatched = broken === 'half-map' || broken === 'map-for-all';
const more: Partial<PeerServiceHandlers> = {
  ...(isWatched && {
    WatchPieces: (call) => {
      call.once('data', ({ sha256: wanted, root }: { sha256: string; root: string }) => {
        const file = listed().find((one) => one.sha256 === wanted);
        const content = file && readFileSync(path.join(share, file.name));
        if (broken === 'half-map' && (!content || rootOf(content) !== root)) {
          call.emit('error', { code: grpc.status.NOT_FOUND, details: 'no such content' });
          return;
        }
        // A map that is right would have all of its bits set.
        const isHalf = broken === 'half-map' && (content?.length ?? 0) > PIECE;
        call.write({ pieceSize: PIECE, ...(isHalf ? { map: Buffer.of(0xf0) } : { whole: true }) });
      });
      call.on('end', () => call.end());
    },
  }),
  ...(broken === 'takes-offers' && {
    UploadFile: (call, answer) => {
      call.once('data', ({ offer }: { offer: boolean }) => {
        if (offer) answer(null, { success: true, message: 'thank you' });
        else answer({ code: grpc.status.UNIMPLEMENTED, details: 'no uploads' });
      });
    },
  }),
};

function rootOf(content: Buffer): string {
  const hasher = new TreeHasher(content.length);
  hasher.update(content);
  return hasher.digest()?.root ?? '';
}

const grpcServer = new grpc.Server({ 'grpc.max_send_message_length': 64 * 1024 * 1024 });
grpcServer.addService(peerServiceDefinition, { ...handlers, ...more } as PeerServiceHandlers);
const at =
  broken === 'other-port' ? '127.0.0.1:0' : addressText({ ip: env.PEER_HOST as string, port: Number(env.PEER_PORT) });
grpcServer.bindAsync(at, grpc.ServerCredentials.createInsecure(), () =>
  control.listen(Number(env.PEER_CONTROL_PORT), env.PEER_HOST),
);
process.on('SIGTERM', async () => {
  if (broken === 'ignores-sigterm') return;
  if (broken !== 'no-goodbye' && token) await ask('/logout', {}).catch(() => {});
  rmSync(unfinished, { recursive: true, force: true });
  process.exit(broken === 'bad-exit' ? 3 : 0);
});
