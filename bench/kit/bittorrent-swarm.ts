import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync, readFileSync, readSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { MIB, makeFile } from './fetching.ts';

/**
 * One seeder and some leechers of a BitTorrent client, each a process with an upload limit. Prints the seconds until the last leecher has
 * everything, and how many copies the seeder has sent.
 *
 *     bittorrent-swarm.ts aria2|transmission COMMAND FOLDER LEECHERS MIB BYTES_PER_SECOND
 *
 * Run it in a network namespace of its own, by `unshare --user --map-root-user --net --pid --fork --kill-child`: all addresses are on that
 * namespace's loopback device, so no packet can leave it, and no client outlives it. Each client has an address of its own: transmission knows
 * others by it alone, and takes nobody at 127.0.0.0/8. TCP without encryption; who else is there says a tracker that answers at once. All else
 * is as the client has it by default.
 */

const [kind, command, folder, ...numbers] = process.argv.slice(2) as [string, string, string, ...string[]];
const [leechers, mib, rate] = numbers.map(Number) as [number, number, number];
const NETWORK = '10.77';
const [RPC_PORT, PEER_PORT, TRACKER_PORT] = [6800, 6881, 80];
/** With pieces of 32 KiB to 1 MiB, both need the same time to within a tenth; with these the least. */
const PIECE_BYTES = 128 * 1024;
const ANNOUNCE_SECONDS = 5;
const READY_SECONDS = 30;
const GIVE_UP_SECONDS = 240;
const LOOK_MS = 50;

interface Progress {
  readonly isWhole: boolean;
  readonly isSeeding: boolean;
  readonly sentBytes: number;
}

/** A client that runs, and is told what to do over HTTP. */
interface Client {
  isUp(): Promise<unknown>;
  add(torrent: Buffer): Promise<unknown>;
  progress(): Promise<Progress>;
}

const children: ChildProcess[] = [];

function start(args: readonly string[], home: string): void {
  const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'inherit'], env: { HOME: home } });
  child.once('exit', (code) => {
    console.error(`${command} ended with ${code}`);
    process.exit(1);
  });
  children.push(child);
}

async function post(url: string, body: object, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(url, { method: 'POST', body: JSON.stringify(body), headers });
}

function aria2(address: string, home: string): Client {
  start(
    [
      ...['--no-conf', '--quiet', '--enable-rpc', `--rpc-listen-port=${RPC_PORT}`, '--rpc-listen-all'],
      ...[`--interface=${address}`, `--listen-port=${PEER_PORT}`, '--disable-ipv6', '--enable-dht=false'],
      ...[`--dir=${home}`, '--file-allocation=none', `--max-overall-upload-limit=${rate}`],
      // Otherwise it would leave when it has given one copy, and not begin before it has looked at the whole file again.
      ...['--seed-ratio=0.0', '--bt-seed-unverified'],
    ],
    home,
  );
  const call = async (method: string, ...params: unknown[]) => {
    const response = await post(`http://${address}:${RPC_PORT}/jsonrpc`, { id: '', method: `aria2.${method}`, params });
    return ((await response.json()) as { result: unknown }).result;
  };
  let gid: unknown;
  return {
    isUp: () => call('getVersion'),
    add: async (torrent) => {
      gid = await call('addTorrent', torrent.toString('base64'));
    },
    progress: async () => {
      const said = (await call('tellStatus', gid)) as Record<string, string>;
      const isWhole = said.completedLength === said.totalLength && said.totalLength !== '0';
      return { isWhole, isSeeding: said.seeder === 'true', sentBytes: Number(said.uploadLength) };
    },
  };
}

function transmission(address: string, home: string): Client {
  const settings = {
    ...{ 'bind-address-ipv4': address, 'rpc-bind-address': address, 'rpc-port': RPC_PORT },
    // It listens on the same port by IPv6 as well, where all have one address.
    ...{ 'bind-address-ipv6': '::1', 'peer-port': PEER_PORT + children.length },
    ...{ 'rpc-whitelist-enabled': false, 'rpc-host-whitelist-enabled': false, 'download-dir': home },
    ...{ 'dht-enabled': false, 'lpd-enabled': false, 'utp-enabled': false, 'port-forwarding-enabled': false },
    ...{ encryption: 0, 'message-level': 1, 'speed-limit-up': rate / 1000, 'speed-limit-up-enabled': true },
  };
  writeFileSync(join(home, 'settings.json'), JSON.stringify(settings));
  start(['--foreground', '--config-dir', home], home);
  let session = '';
  const call = async (method: string, args: object): Promise<Record<string, unknown>> => {
    const url = `http://${address}:${RPC_PORT}/transmission/rpc`;
    const response = await post(url, { method, arguments: args }, { 'x-transmission-session-id': session });
    if (response.status !== 409) return ((await response.json()) as { arguments: Record<string, unknown> }).arguments;
    session = response.headers.get('x-transmission-session-id') ?? '';
    return call(method, args);
  };
  return {
    isUp: () => call('session-get', {}),
    add: (torrent) => call('torrent-add', { metainfo: torrent.toString('base64') }),
    progress: async () => {
      const fields = ['percentDone', 'status', 'uploadedEver'];
      const { torrents } = await call('torrent-get', { fields });
      const [said] = torrents as { percentDone: number; status: number; uploadedEver: number }[];
      if (!said) return { isWhole: false, isSeeding: false, sentBytes: 0 };
      const isWhole = said.percentDone === 1;
      return { isWhole, isSeeding: isWhole && said.status === 6, sentBytes: said.uploadedEver };
    },
  };
}

type Bencoded = number | string | Buffer | { [key: string]: Bencoded };

/** The keys must be in order already. */
function bencode(value: Bencoded): Buffer {
  if (typeof value === 'number') return Buffer.from(`i${value}e`);
  if (typeof value === 'string') return bencode(Buffer.from(value));
  if (Buffer.isBuffer(value)) return Buffer.concat([Buffer.from(`${value.length}:`), value]);
  const entries = Object.entries(value).flatMap(([key, one]) => [bencode(key), bencode(one)]);
  return Buffer.concat([Buffer.from('d'), ...entries, Buffer.from('e')]);
}

function torrentOf(file: string, announce: string): Buffer {
  const pieces: Buffer[] = [];
  const piece = Buffer.alloc(PIECE_BYTES);
  const handle = openSync(file, 'r');
  for (let at = 0; at < mib * MIB; at += PIECE_BYTES) {
    readSync(handle, piece, 0, PIECE_BYTES, at);
    pieces.push(createHash('sha1').update(piece).digest());
  }
  closeSync(handle);
  const info = { length: mib * MIB, name: 'file.bin', 'piece length': PIECE_BYTES, pieces: Buffer.concat(pieces) };
  return bencode({ announce, info });
}

/** Tells everyone of all who are there. */
async function startTracker(): Promise<string> {
  const there = new Map<string, Buffer>();
  const server = createServer((req, res) => {
    const asked = new URL(req.url ?? '', 'http://tracker').searchParams;
    const address = (req.socket.remoteAddress ?? '').replace('::ffff:', '');
    const port = Number(asked.get('port'));
    const others = Buffer.concat([...there].filter(([other]) => other !== address).map(([, compact]) => compact));
    there.set(address, Buffer.from([...address.split('.').map(Number), port >> 8, port & 255]));
    res.end(bencode({ complete: 1, incomplete: there.size, interval: ANNOUNCE_SECONDS, peers: others }));
  });
  server.listen(TRACKER_PORT, `${NETWORK}.0.1`);
  await once(server, 'listening');
  return `http://${(server.address() as AddressInfo).address}/announce`;
}

async function until(what: string, seconds: number, holds: () => Promise<boolean>): Promise<void> {
  const late = performance.now() + seconds * 1000;
  while (!(await holds().catch(() => false))) {
    if (performance.now() > late) throw new Error(`${what}: not within ${seconds} s`);
    await sleep(LOOK_MS);
  }
}

execFileSync('ip', ['link', 'set', 'lo', 'up']);
execFileSync('ip', ['addr', 'add', `${NETWORK}.0.1/16`, 'dev', 'lo']);
const announce = await startTracker();
const clients: Client[] = [];
for (let i = 0; i <= leechers; i++) {
  const home = join(folder, `${i}`);
  mkdirSync(home);
  clients.push((kind === 'aria2' ? aria2 : transmission)(`${NETWORK}.1.${i + 1}`, home));
}
const [seeder, ...crowd] = clients as [Client, ...Client[]];
const file = join(folder, '0', 'file.bin');
makeFile(file, mib * MIB, Math.random());
const torrent = torrentOf(file, announce);
for (const one of clients) await until(command, READY_SECONDS, async () => (await one.isUp()) !== undefined);
await seeder.add(torrent);
await until('seeding', READY_SECONDS, async () => (await seeder.progress()).isSeeding);
const began = performance.now();
await Promise.all(crowd.map((one) => one.add(torrent)));
for (const one of crowd) await until('a download', GIVE_UP_SECONDS, async () => (await one.progress()).isWhole);
const seconds = (performance.now() - began) / 1000;
for (let i = 1; i <= leechers; i++)
  if (!readFileSync(join(folder, `${i}`, 'file.bin')).equals(readFileSync(file))) throw new Error('other bytes came');
const { sentBytes } = await seeder.progress();
process.stdout.write(`${seconds.toFixed(3)} ${(sentBytes / (mib * MIB)).toFixed(3)}\n`);
for (const child of children) child.removeAllListeners('exit').kill('SIGKILL');
process.exit(0);
