import { createHash, randomUUID } from 'node:crypto';
import { createReadStream, createWriteStream, linkSync, lstatSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { Readable, Transform, type Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import * as grpc from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';

/**
 * A minimal peer: the verbs login, index, download, loadfiles and logout, and the call DownloadFile. It checks each file that it fetches.
 * docs/peer-contract.md says what each part is for; what is not here, the contract allows to leave out.
 */

const env = process.env as Record<string, string>;
const SHARE = env.PEER_SHARE_DIR as string;
const UNFINISHED = path.join(SHARE, '.peerlab');
const STALL_MS = 10_000;
const moved = { sent: 0, received: 0 };
const session = { token: '', ticket: '', leaseSeconds: 30 };

/** A line that the lab can read: 30 is information, 40 a warning, 50 an error. */
function log(level: number, msg: string): void {
  process.stdout.write(`${JSON.stringify({ level, time: Date.now(), msg })}\n`);
}

function failure(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}

// --- The share

interface SharedFile {
  readonly name: string;
  readonly size: number;
  readonly sha256: string;
}
const hashes = new Map<string, string>();

async function describe(name: string): Promise<SharedFile | undefined> {
  // A name is one path segment, so that nothing outside of the share is reached.
  if (name === '' || name === '.' || name === '..' || /[/\\\0]/.test(name)) return undefined;
  const file = path.join(SHARE, name);
  const found = lstatSync(file, { throwIfNoEntry: false });
  if (!found?.isFile()) return undefined;
  const { size, mtimeMs, ino } = found;
  const key = `${ino}/${size}/${mtimeMs}`;
  if (!hashes.has(key)) {
    const hash = createHash('sha256');
    await pipeline(createReadStream(file), hash);
    hashes.set(key, hash.digest('hex'));
  }
  return { name, size, sha256: hashes.get(key) as string };
}

const files = async () => (await Promise.all(readdirSync(SHARE).map(describe))).filter((file) => file !== undefined);

// --- The directory

// biome-ignore lint/suspicious/noExplicitAny: a form for each route, of which a little is read
async function ask(method: string, route: string, body?: object): Promise<any> {
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${session.token}` };
  const init = { method, headers, signal: AbortSignal.timeout(STALL_MS), ...(body && { body: JSON.stringify(body) }) };
  const answer = await fetch(`${env.PEER_DIRECTORY_URL}${route}`, init);
  // biome-ignore lint/suspicious/noExplicitAny: whatever the directory answers
  const told = (await answer.json()) as any;
  if (!answer.ok) throw failure(told.error?.code ?? 'internal', told.error?.message ?? `status ${answer.status}`);
  return told;
}

async function login(): Promise<object> {
  const [, ip, port] = /^\[?(.*?)\]?:(\d+)$/.exec(env.PEER_ADVERTISE as string) ?? [];
  const me = { user: env.PEER_USER, password: env.PEER_PASSWORD, ip, port: Number(port) };
  const { token, ticket = '', leaseSeconds } = await ask('POST', '/login', { ...me, files: await files() });
  Object.assign(session, { token, ticket, leaseSeconds });
  clearTimeout(heartbeat);
  heartbeat = setTimeout(renew, (leaseSeconds * 1000) / 3);
  return { leaseSeconds };
}

let heartbeat: NodeJS.Timeout | undefined;

/** A third of the lease is a good interval: two heartbeats may get lost. */
async function renew(): Promise<void> {
  heartbeat = setTimeout(renew, (session.leaseSeconds * 1000) / 3);
  try {
    if (session.token) session.ticket = (await ask('POST', '/heartbeat', {})).ticket ?? session.ticket;
  } catch (error) {
    // The directory has forgotten this peer.
    if ((error as { code?: string }).code === 'unauthorized') await login().catch((again) => log(40, again.message));
    else log(40, `heartbeat: ${(error as Error).message}`);
  }
}

let published: Promise<unknown> = Promise.resolve();
/** One list after the other: an older one that comes late would replace a newer one. */
function publish(): Promise<{ files: number }> {
  const next = published.then(async () => {
    const list = await files();
    if (session.token) await ask('PUT', '/loadfiles', { files: list });
    return { files: list.length };
  });
  published = next.catch(() => {});
  return next;
}

/** What stands under `key` in all pages of an answer. */
async function pages(route: string, key: string, query: Record<string, string>): Promise<object> {
  const all = [];
  for (let next: string | undefined = ''; next !== undefined; ) {
    const page = await ask('GET', `${route}?${new URLSearchParams({ ...query, ...(next && { cursor: next }) })}`);
    all.push(...page[key]);
    next = page.next;
  }
  return { [key]: all };
}

// --- Fetching

const definition = loadSync('peer.proto', {
  includeDirs: [import.meta.dirname, path.join(import.meta.dirname, '../../../proto')],
  ...{ longs: Number, keepCase: true },
});
const { PeerService } = grpc.loadPackageDefinition(definition) as unknown as {
  PeerService: grpc.ServiceClientConstructor;
};

/** Fetches one file from one source into a file of its own. @returns its path, and how many bytes came */
async function fetchFrom(address: string, name: string, wanted: SharedFile, tried: { bytes: number }): Promise<string> {
  const part = path.join(UNFINISHED, randomUUID());
  const client = new PeerService(address, grpc.credentials.createInsecure(), { 'grpc.enable_http_proxy': 0 });
  const metadata = new grpc.Metadata();
  if (session.ticket) metadata.set('authorization', `Bearer ${session.ticket}`);
  const call = client.DownloadFile?.({ filename: name, sha256: wanted.sha256 }, metadata) as grpc.ClientReadableStream<{
    content: Buffer;
  }>;
  const hash = createHash('sha256');
  const stalled = new AbortController();
  const timer = setTimeout(() => stalled.abort(failure('source-stalled', `${address} sends nothing`)), STALL_MS);
  const checked = async function* () {
    for await (const { content } of call) {
      timer.refresh();
      moved.received += content.length;
      tried.bytes += content.length;
      if (tried.bytes > wanted.size) throw failure('too-many-bytes', `${address} sends more than it should`);
      hash.update(content);
      yield content;
    }
    if (tried.bytes < wanted.size) throw failure('truncated', `${address} sent ${tried.bytes} bytes`);
    if (hash.digest('hex') !== wanted.sha256) throw failure('hash-mismatch', `${address} sent other bytes`);
  };
  try {
    await pipeline(checked, createWriteStream(part), { signal: stalled.signal });
    return part;
  } catch (error) {
    rmSync(part, { force: true });
    throw stalled.signal.aborted ? stalled.signal.reason : error;
  } finally {
    clearTimeout(timer);
    call.cancel();
    client.close();
  }
}

async function download({ name, sha256, from }: { name: string; sha256?: string; from?: string }): Promise<object> {
  const began = performance.now();
  const { results } = await ask('GET', `/search?name=${encodeURIComponent(name)}`);
  const [wanted] = results.filter((one: SharedFile) => sha256 === undefined || one.sha256 === sha256);
  const sources: { peer: string; bytes: number; error?: string }[] = [];
  const done = (file: SharedFile) => {
    const bytes = sources.reduce((sum, source) => sum + source.bytes, 0);
    const seconds = (performance.now() - began) / 1000;
    return { outcome: 'ok', name, size: file.size, sha256: file.sha256, bytes, sources, seconds };
  };
  const here = await describe(name);
  if (here && (!wanted || here.sha256 === wanted.sha256)) return done(here);
  if (here) throw failure('file-exists', `${name} is there already, with another content`);
  if (!wanted) throw failure('no-source', `nobody has ${name}`);
  for (const one of wanted.peers) {
    const peer = one.ip.includes(':') ? `[${one.ip}]:${one.port}` : `${one.ip}:${one.port}`;
    if (peer === env.PEER_ADVERTISE || (from !== undefined && peer !== from)) continue;
    const tried: (typeof sources)[0] = { peer, bytes: 0 };
    sources.push(tried);
    try {
      const part = await fetchFrom(peer, one.name, wanted, tried);
      // A link never replaces a file, where a rename would.
      linkSync(part, path.join(SHARE, name));
      rmSync(part);
      await publish();
      return done(wanted);
    } catch (error) {
      tried.error = String((error as { code?: string }).code ?? 'internal');
    }
  }
  const why = sources.map(({ peer, error }) => `${peer}: ${error}`).join('; ') || `nobody has ${name}`;
  throw Object.assign(failure('no-source', why), { sources });
}

// --- Serving

async function serve(call: grpc.ServerWritableStream<Record<string, never>, object>): Promise<void> {
  const { filename = '', sha256, offset = 0, length = 0 } = call.request as { [key: string]: never };
  const file = sha256 ? (await files()).find((one) => one.sha256 === sha256) : await describe(filename);
  if (!file) throw Object.assign(new Error('no such file'), { code: grpc.status.NOT_FOUND });
  const end = length === 0 ? file.size : offset + length;
  if (offset > file.size || end > file.size)
    throw Object.assign(new Error('no such range'), { code: grpc.status.OUT_OF_RANGE });
  let at: number = offset;
  let head: object = { size: file.size, sha256: file.sha256 };
  const chunks = new Transform({
    objectMode: true,
    transform(content: Buffer, _, done) {
      moved.sent += content.length;
      done(null, { content, offset: at, ...head });
      at += content.length;
      head = {};
    },
  });
  // An empty file is one chunk without content. The pipeline waits when the receiver is slow.
  const content =
    offset === end
      ? Readable.from([Buffer.alloc(0)])
      : createReadStream(path.join(SHARE, file.name), { start: offset, end: end - 1 });
  await pipeline(content, chunks, call as unknown as Writable);
}

const server = new grpc.Server();
server.addService(PeerService.service, {
  DownloadFile: (call: grpc.ServerWritableStream<Record<string, never>, object>) => {
    serve(call).catch(({ code, message }) =>
      call.emit('error', { code: typeof code === 'number' ? code : grpc.status.ABORTED, details: message }),
    );
  },
});

// --- The control port

async function logout(): Promise<object> {
  if (session.token) await ask('POST', '/logout', {});
  session.token = '';
  return {};
}

const verbs = new Map<string, (body: never) => Promise<object>>(
  Object.entries({
    ...{ login, download, loadfiles: publish, logout },
    index: () => pages('/index', 'peers', {}),
    search: (what: Record<string, string>) => pages('/search', 'results', what),
  }),
);

const control = http.createServer(async (request, response) => {
  const send = (status: number, body: unknown) =>
    response.writeHead(status).end(typeof body === 'string' ? body : JSON.stringify(body));
  if (request.url === '/healthz') return send(200, 'ok');
  if (request.url === '/metrics')
    return send(
      200,
      Object.entries(moved)
        .map(([direction, bytes]) => `peerlab_transfer_bytes_total{direction="${direction}"} ${bytes}\n`)
        .join(''),
    );
  let body = '';
  for await (const part of request) body += part;
  const refuse = (status: number, code: string, message: string, rest = {}) =>
    send(status, { error: { code, message }, ...rest });
  if (request.headers.authorization !== `Bearer ${env.PEER_CONTROL_TOKEN}`)
    return refuse(401, 'unauthorized', 'the token is missing or wrong');
  const verb = verbs.get(request.url?.replace('/control/', '') ?? '');
  if (!verb) return refuse(404, 'no-such-route', `this peer has no ${request.url}`);
  try {
    send(200, await verb(JSON.parse(body || '{}') as never));
  } catch (error) {
    const { code, message, sources = [] } = error as { code?: string; message: string; sources?: { bytes: number }[] };
    const bytes = sources.reduce((sum, source) => sum + source.bytes, 0);
    refuse(500, String(code ?? 'internal'), message, sources.length > 0 ? { bytes, sources } : {});
  }
});

mkdirSync(UNFINISHED, { recursive: true });
const host = env.PEER_HOST as string;
const at = `${host.includes(':') ? `[${host}]` : host}:${env.PEER_PORT}`;
server.bindAsync(at, grpc.ServerCredentials.createInsecure(), (error) => {
  if (error) throw error;
  control.listen(Number(env.PEER_CONTROL_PORT), host);
  log(30, `serves ${SHARE} at ${at}`);
});
process.on('SIGTERM', async () => {
  await logout().catch((error) => log(40, error.message));
  process.exit(0);
});
