import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { MIB, makeFile, ROUNDS, Yard } from './kit/fetching.ts';
import { alternating, median, Report } from './kit/report.ts';
import type { Peer } from './kit/service.ts';
import { findTool } from './kit/tools.ts';

/**
 * A crowd that wants one file: how long until the last has it, beside the bound that no way to share can beat, and beside libtorrent.
 *
 *     node bench/swarm.ts [rounds] [case …]
 */

interface Case {
  readonly id: string;
  readonly leechers: number;
  readonly sizeMib: number;
  /** Of the seeder, and of each leecher in turn, in bytes a second. */
  readonly seeder: number;
  readonly uploads: readonly number[];
  /** The most times the bound that it may take. */
  readonly bar: number;
  /** libtorrent is measured with one limit for all. */
  readonly besideLibtorrent: boolean;
}

const MB = 1_000_000;
const CASES: readonly Case[] = [
  { id: 'swarm-8', leechers: 8, sizeMib: 32, seeder: 5 * MB, uploads: [5 * MB], bar: 1.3, besideLibtorrent: true },
  { id: 'swarm-16', leechers: 16, sizeMib: 64, seeder: 5 * MB, uploads: [5 * MB], bar: 1.25, besideLibtorrent: true },
  {
    ...{ id: 'swarm-mixed', leechers: 16, sizeMib: 64, seeder: 5 * MB, uploads: [10 * MB, 2.5 * MB] },
    ...{ bar: 1.35, besideLibtorrent: false },
  },
];
const FASTER_THAN_LIBTORRENT = 0.6;
const MOST_SEEDER_COPIES = 1.3;
const LEAST_JAIN = 0.9;
const MOST_MEMORY_MIB = 150;
const REFERENCE = fileURLToPath(new URL('./kit/libtorrent-swarm.py', import.meta.url));
const INSTALL_TIMEOUT_MS = 120_000;

const [rounds = ROUNDS, ...wanted] = process.argv.slice(2).map((word, i) => (i === 0 ? Number(word) : word));
const report = new Report('swarm');
await using yard = new Yard();

/** Kumar and Ross (2006): the seeder must send everything once, and all together must send it to everyone. */
function boundSeconds({ leechers, sizeMib, seeder, uploads }: Case): number {
  const bytes = sizeMib * MIB;
  const all = Array.from({ length: leechers }, (_, i) => uploads[i % uploads.length] as number);
  return Math.max(bytes / seeder, (leechers * bytes) / (seeder + all.reduce((sum, one) => sum + one, 0)));
}

interface Measured {
  readonly seconds: number;
  readonly seederCopies: number;
  readonly jain: number;
  readonly memoryMib: number;
}

async function peerlab({ leechers, sizeMib, seeder, uploads }: Case): Promise<Measured> {
  const limited = (rate: number) => ({ PEER_UPLOAD_LIMIT: `${rate / MB}MB/s` });
  const share = yard.workshop.newFolder();
  makeFile(join(share, 'file.bin'), sizeMib * MIB, Math.random());
  const source = await yard.peer(share, limited(seeder));
  const crowd: Peer[] = [];
  for (let i = 0; i < leechers; i++)
    crowd.push(await yard.peer(yard.workshop.newFolder(), limited(uploads[i % uploads.length] as number)));
  const began = performance.now();
  const results = await Promise.all(
    crowd.map((one) => one.control<{ verified: string }>('download', { name: 'file.bin' })),
  );
  const seconds = (performance.now() - began) / 1000;
  if (results.some(({ verified }) => verified !== 'tree')) throw new Error('a download was not verified');
  const sent = await Promise.all([source, ...crowd].map(sentBytes));
  const peak = Math.max(...[source, ...crowd].map((one) => one.peakMemoryBytes));
  for (const one of [source, ...crowd]) await yard.dismiss(one);
  const [seederSent = 0, ...given] = sent;
  return { seconds, seederCopies: seederSent / (sizeMib * MIB), jain: jainOf(given), memoryMib: peak / MIB };
}

async function sentBytes(peer: Peer): Promise<number> {
  const text = await (await fetch(`${peer.url}/metrics`)).text();
  return Number(/^peerlab_transfer_bytes_total\{direction="sent"\} (\d+)$/m.exec(text)?.[1] ?? 0);
}

/** 1 when all gave the same, 1/n when one gave everything. */
function jainOf(given: readonly number[]): number {
  const sum = given.reduce((total, one) => total + one, 0);
  const squares = given.reduce((total, one) => total + one * one, 0);
  return squares === 0 ? 0 : (sum * sum) / (given.length * squares);
}

/** Python with libtorrent from PyPI, in a folder of its own, or the one that LIBTORRENT_PYTHON names; undefined where it can't be had. */
function libtorrentPython(): string | undefined {
  const [given, python] = [process.env.LIBTORRENT_PYTHON, findTool('python3')];
  if (given !== undefined) return existsSync(given) ? given : undefined;
  if (!python) return undefined;
  const folder = join(yard.workshop.newFolder(), 'venv');
  const options = { stdio: 'ignore' as const, timeout: INSTALL_TIMEOUT_MS };
  try {
    execFileSync(python, ['-m', 'venv', folder], options);
    execFileSync(join(folder, 'bin/pip'), ['install', '-q', 'libtorrent'], options);
  } catch {
    return undefined;
  }
  return join(folder, 'bin/python');
}

async function libtorrent(python: string, { leechers, sizeMib, seeder }: Case, mode: string): Promise<Measured> {
  const folder = yard.workshop.newFolder();
  const { stdout, stderr, status } = spawnSync(
    python,
    [REFERENCE, folder, leechers, sizeMib, seeder, mode].map(String),
    { encoding: 'utf8' },
  );
  await rm(folder, { recursive: true });
  if (status !== 0) throw new Error(`libtorrent: ${stderr}`);
  const [seconds = Number.NaN, seederCopies = Number.NaN] = stdout.trim().split(' ').map(Number);
  return { seconds, seederCopies, jain: Number.NaN, memoryMib: Number.NaN };
}

function row(what: string, bound: number, measured: readonly Measured[]): number {
  const seconds = median(measured.map((one) => one.seconds));
  const figures = {
    seconds: seconds.toFixed(2),
    'times the bound': (seconds / bound).toFixed(2),
    'seeder copies': median(measured.map((one) => one.seederCopies)).toFixed(2),
  };
  const jain = median(measured.map((one) => one.jain));
  const memory = Math.max(...measured.map((one) => one.memoryMib));
  const more = Number.isNaN(jain) ? {} : { jain: jain.toFixed(3), 'peak MiB': memory.toFixed(0) };
  report.row(what, { ...figures, ...more });
  return seconds;
}

async function compare(one: Case, python: string | undefined): Promise<void> {
  const bound = boundSeconds(one);
  const reference = one.besideLibtorrent ? python : undefined;
  const measured = await alternating<Measured, string>(rounds as number, {
    peerlab: () => peerlab(one),
    ...(reference !== undefined && {
      default: () => libtorrent(reference, one, 'default'),
      super: () => libtorrent(reference, one, 'super'),
    }),
  });
  const about = `${one.leechers} leechers, ${one.sizeMib} MiB`;
  report.row(`${one.id}: the bound`, { seconds: bound.toFixed(2) });
  const ours = measured.peerlab ?? [];
  const seconds = row(`${one.id}: PeerLab, ${about}`, bound, ours);
  report.atMost(`${one.id}-bound`, seconds / bound, one.bar);
  if (new Set(one.uploads).size === 1) {
    report.atMost(`${one.id}-seeder-copies`, median(ours.map(({ seederCopies }) => seederCopies)), MOST_SEEDER_COPIES);
    report.atLeast(`${one.id}-jain`, median(ours.map(({ jain }) => jain)), LEAST_JAIN);
  }
  report.atMost(`${one.id}-memory-mib`, Math.max(...ours.map(({ memoryMib }) => memoryMib)), MOST_MEMORY_MIB);
  if (!measured.default || !measured.super) return;
  const theirs = [measured.default, measured.super].map((way, i) =>
    row(`${one.id}: libtorrent, ${i === 0 ? 'default' : 'super-seeding'}`, bound, way),
  );
  report.atMost(`${one.id}-libtorrent`, seconds / Math.min(...theirs), FASTER_THAN_LIBTORRENT);
}

const chosen = CASES.filter(({ id }) => wanted.length === 0 || wanted.includes(id));
const python = libtorrentPython();
if (!python) report.missing('libtorrent: it could not be installed from PyPI');
for (const one of chosen) await compare(one, python);
report.close();
