import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, ftruncateSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/**
 * Verified downloads between built peers on loopback: wall time, CPU and peak memory of each side. `node bench/transfer.ts [runs] [case ...]`
 */

const MIB = 1024 * 1024;
const GIB = 1024 * MIB;
const MEMORY_LIMIT_MIB = 150;
const FLAGS = (process.env.PEER_NODE_FLAGS ?? '--max-semi-space-size=1').split(' ').filter(Boolean);
const COMPILE_CACHE = fileURLToPath(new URL('../node_modules/.cache/peerlab', import.meta.url));
const MAIN = fileURLToPath(new URL('../dist/images/peer/main.js', import.meta.url));
const TOKEN = 'bench';

interface Peer extends AsyncDisposable {
  readonly grpc: string;
  readonly control: string;
  readonly pid: number;
}

async function startPeer(share: string, env: Record<string, string> = {}): Promise<Peer> {
  const child: ChildProcess = spawn(process.execPath, [...FLAGS, MAIN], {
    env: {
      ...{ PEER_USER: 'bench', PEER_PASSWORD: 'x', PEER_CONTROL_TOKEN: TOKEN, PEER_SHARE_DIR: share },
      ...{ PEER_PORT: '0', PEER_CONTROL_PORT: '0', NODE_ENV: 'production', NODE_COMPILE_CACHE: COMPILE_CACHE, ...env },
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (!child.stdout) throw new Error('no output');
  for await (const line of createInterface({ input: child.stdout })) {
    const { msg, grpc, control } = JSON.parse(line);
    if (msg !== 'ready') continue;
    return {
      grpc,
      control: `http://127.0.0.1:${control}/control`,
      pid: child.pid as number,
      async [Symbol.asyncDispose]() {
        child.kill('SIGTERM');
        await once(child, 'exit');
      },
    };
  }
  throw new Error('the peer ended before it was ready');
}

function folder(): Disposable & { path: string } {
  const path = mkdtempSync(join(process.env.BENCH_DIR ?? tmpdir(), 'peerlab-bench-'));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

/** Bytes that do not compress and whose pieces differ; `sparse` has none at all. */
function makeFile(path: string, sizeBytes: number, sparse = false): void {
  const file = openSync(path, 'w');
  if (sparse) ftruncateSync(file, sizeBytes);
  const block = Buffer.allocUnsafe(MIB);
  for (let i = 0; i < MIB; i += 4) block.writeUInt32LE(Math.floor(Math.random() * 2 ** 32), i);
  for (let at = 0; at < sizeBytes && !sparse; at += MIB) {
    block.writeDoubleLE(at, 0);
    writeSync(file, block, 0, Math.min(MIB, sizeBytes - at));
  }
  closeSync(file);
}

async function download(peer: Peer, name: string, from: string): Promise<{ seconds: number }> {
  const response = await fetch(`${peer.control}/download`, {
    method: 'POST',
    headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
    body: JSON.stringify({ name, from }),
  });
  const answer = (await response.json()) as { seconds: number; verified?: string };
  if (!response.ok || answer.verified !== 'tree') throw new Error(JSON.stringify(answer));
  return answer;
}

/** CPU seconds so far, of user and system, in ticks of 10 ms. */
function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

function peakMib(pid: number): number {
  return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;
}

/** Peers are fresh for each run, and the seeder has scanned before it begins. Each download is of a content of its own. */
async function run(sizeBytes: number, downloads: number, sparse = false): Promise<Record<string, number>> {
  using source = folder();
  using target = folder();
  const names = Array.from({ length: downloads }, (_, i) => `file-${i}`);
  for (const name of names) makeFile(join(source.path, name), sizeBytes, sparse);
  await using seeder = await startPeer(source.path);
  await using leecher = await startPeer(target.path);
  const before = [seeder, leecher].map(({ pid }) => cpuSeconds(pid)) as [number, number];
  const began = performance.now();
  const each = await Promise.all(names.map((name) => download(leecher, name, seeder.grpc)));
  const seconds = (performance.now() - began) / 1000;
  const gib = (sizeBytes * downloads) / GIB;
  const sorted = each.map((one) => one.seconds).sort((one, other) => one - other);
  return {
    'MiB/s': (gib * 1024) / seconds,
    'slowest/median': (sorted.at(-1) as number) / (sorted[Math.floor(sorted.length / 2)] as number),
    'sender CPU s/GiB': (cpuSeconds(seeder.pid) - before[0]) / gib,
    'receiver CPU s/GiB': (cpuSeconds(leecher.pid) - before[1]) / gib,
    'sender MiB': peakMib(seeder.pid),
    'receiver MiB': peakMib(leecher.pid),
  };
}

const CASES: Record<string, () => Promise<Record<string, number>>> = {
  'one file of 1 GiB': () => run(GIB, 1),
  '16 files of 64 MiB at once': () => run(64 * MIB, 16),
  'a sparse file of 10 GiB': () => run(10 * GIB, 1, true),
};

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

const [runs = '3', ...chosen] = process.argv.slice(2);
for (const [name, once_] of Object.entries(CASES)) {
  if (chosen.length > 0 && !chosen.some((word) => name.includes(word))) continue;
  const results: Record<string, number>[] = [];
  for (let i = 0; i < Number(runs); i++) results.push(await once_());
  process.stdout.write(`${name} (medians of ${runs})\n`);
  for (const figure of Object.keys(results[0] ?? {})) {
    const values = results.map((result) => result[figure] as number);
    process.stdout.write(`  ${figure.padEnd(20)} ${median(values).toFixed(2)}\n`);
  }
  const memory = Math.max(
    ...results.flatMap((result) => [result['sender MiB'] as number, result['receiver MiB'] as number]),
  );
  const verdict = memory <= MEMORY_LIMIT_MIB ? 'met' : 'missed';
  process.stdout.write(`BAR memory-${name.replaceAll(' ', '-')} ${verdict} ${memory.toFixed(0)} ${MEMORY_LIMIT_MIB}\n`);
}
