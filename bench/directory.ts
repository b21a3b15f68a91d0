import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import autocannon from 'autocannon';

import { median, sayBar } from './kit/report.ts';

/**
 * The directory with 1,000 peers and 100,000 files, its state on the disk, at the default password cost; beside it, in
 * the same minutes, bare express and a constant behind the directory's own middleware (bench/reference). 16 connections.
 */

const PEERS = 1000;
const FILES_PER_PEER = 100;
const CONNECTIONS = 16;
const SECONDS = Number(process.env.BENCH_SECONDS ?? 4);
const ROUNDS = 3;
const LOGINS_AT_ONCE = 64;

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));
/** As the drivers and the image start it. */
const FLAGS = ['--max-semi-space-size=4'];
const MALLOC = { MALLOC_MMAP_THRESHOLD_: '1048576' };
const COMPILE_CACHE = path('../node_modules/.cache/peerlab');

interface Started {
  readonly child: ChildProcess;
  readonly line: Record<string, unknown>;
}

/** Starts a program and waits for the line of its output that has `key`. */
async function start(args: string[], key: string, env: Record<string, string> = {}): Promise<Started> {
  const child = spawn(process.execPath, [...FLAGS, ...args], {
    env: { ...MALLOC, PATH: process.env.PATH, NODE_ENV: 'production', NODE_COMPILE_CACHE: COMPILE_CACHE, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  for await (const text of createInterface({ input: child.stdout })) {
    const line = JSON.parse(text);
    if (!(key in line)) continue;
    child.stdout.resume();
    return { child, line };
  }
  throw new Error(`${args[0]} ended before it was ready`);
}

async function stop({ child }: Started, signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
  child.kill(signal);
  await once(child, 'exit');
}

const number = (n: number, digits: number) => String(n).padStart(digits, '0');
const nameOf = (peer: number, file: number) => `file-${number(peer, 4)}-${number(file, 2)}.bin`;

function loginBody(peer: number): string {
  const files = Array.from({ length: FILES_PER_PEER }, (_, file) => {
    const name = nameOf(peer, file);
    return { name, size: 1024, sha256: createHash('sha256').update(name).digest('hex') };
  });
  const user = `user-${number(peer, 4)}`;
  return JSON.stringify({ user, password: `password of ${user}`, ip: '127.0.0.1', port: 20_000 + peer, files });
}

function post(port: number, path: string, body: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port, path, method: 'POST' }, async (response) => {
      const parts: Buffer[] = [];
      for await (const part of response) parts.push(part);
      const text = Buffer.concat(parts).toString();
      if (response.statusCode === 200) resolve(text);
      else reject(new Error(`${path}: ${response.statusCode} ${text}`));
    });
    sent.on('error', reject).end(body);
  });
}

/** All peers log in, as many at one time as a class does; returns the seconds it took and the token of the first. */
async function loginStorm(port: number): Promise<{ seconds: number; token: string }> {
  const bodies = Array.from({ length: PEERS }, (_, peer) => loginBody(peer));
  const startedAt = performance.now();
  let token = '';
  let next = 0;
  const worker = async () => {
    for (let peer = next++; peer < PEERS; peer = next++) {
      const answer = await post(port, '/login', bodies[peer] as string);
      if (peer === 0) token = JSON.parse(answer).token;
    }
  };
  await Promise.all(Array.from({ length: LOGINS_AT_ONCE }, worker));
  return { seconds: (performance.now() - startedAt) / 1000, token };
}

async function load(port: number, options: Partial<autocannon.Options>): Promise<autocannon.Result> {
  const result = await autocannon({
    ...{ url: `http://127.0.0.1:${port}`, connections: CONNECTIONS, duration: SECONDS },
    ...options,
  });
  if (result.non2xx > 0 || result.errors > 0) throw new Error(`${result.non2xx} refusals, ${result.errors} errors`);
  return result;
}

const searches = (names: readonly string[]) =>
  names.map((name) => ({ path: `/search?name=${encodeURIComponent(name)}` }));
const exactNames = Array.from({ length: 997 }, (_, i) => nameOf((i * 7) % PEERS, i % FILES_PER_PEER));
const globs = ['file-05*', '*-77.bin', '*00-0*', 'file-????-42.bin', '*9-9*.bin', '*', '?ile-0123-*', '*.txt'];

function rssMib({ child }: Started): number {
  const [, kib] = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8')) ?? [];
  return Number(kib) / 1024;
}

const atMost = (id: string, actual: number, limit: number) => sayBar(id, actual, limit);
const atLeast = (id: string, actual: number, limit: number) => sayBar(id, actual, limit, actual >= limit);

const folder = mkdtempSync(join(tmpdir(), 'peerlab-bench-'));
const env = { DIRECTORY_PORT: '0', DIRECTORY_DATA_DIR: folder, DIRECTORY_LEASE: '1h', LOG_LEVEL: 'info' };
const main = path('../dist/images/directory/main.js');
const portOf = ({ line }: Started) => Number(new URL(line.url as string).port);
let directory = await start([main], 'url', env);
const reference = await start([path('reference/servers.ts')], 'bare');
try {
  const { bare, constant } = reference.line as { bare: number; constant: number };
  let port = portOf(directory);
  const storm = await loginStorm(port);
  const afterStormMib = rssMib(directory);
  const headers = { authorization: `Bearer ${storm.token}` };
  const constantHeaders = { authorization: 'Bearer bench-token' };

  const rates = { bare: [] as number[], constant: [] as number[], exact: [] as number[] };
  const beats = { bare: [] as number[], heartbeat: [] as number[] };
  const heartbeat = {
    requests: [{ method: 'POST' as const, path: '/heartbeat' }],
    body: '{"load":{"serving":2,"capacity":256}}',
  };
  // A first round warms up both.
  for (let round = 0; round <= ROUNDS; round++) {
    const measured = {
      bare: (await load(bare, { requests: [{ path: '/search?name=x' }], headers })).requests.average,
      constant: (await load(constant, { requests: searches(exactNames), headers: constantHeaders })).requests.average,
      exact: (await load(port, { requests: searches(exactNames), headers })).requests.average,
      bareBeat: (await load(bare, { ...heartbeat, headers })).requests.average,
      beat: (await load(port, { ...heartbeat, headers })).requests.average,
    };
    if (round === 0) continue;
    for (const key of ['bare', 'constant', 'exact'] as const) rates[key].push(measured[key]);
    beats.bare.push(measured.bareBeat);
    beats.heartbeat.push(measured.beat);
  }
  const paced = await load(port, { requests: searches(exactNames), headers, overallRate: 2000, duration: 3 * SECONDS });
  const glob = await load(port, { requests: searches(globs), headers });
  const busyMib = rssMib(directory);

  await stop(directory, 'SIGKILL');
  const restartedAt = performance.now();
  directory = await start([main], 'url', env);
  const restartSeconds = (performance.now() - restartedAt) / 1000;
  port = portOf(directory);
  await load(port, { requests: searches(exactNames), headers, duration: 1 });

  const perSecond = (values: number[]) => `${Math.round(median(values))}/s`;
  console.log(
    `directory, ${PEERS} peers, ${PEERS * FILES_PER_PEER} files: bare express ${perSecond(rates.bare)}, constant behind the same middleware ${perSecond(rates.constant)}, exact search ${perSecond(rates.exact)}; POST: bare express ${perSecond(beats.bare)}, heartbeat ${perSecond(beats.heartbeat)}; globs ${Math.round(glob.requests.average)}/s (medians of ${ROUNDS})`,
  );
  console.log(`memory: ${afterStormMib.toFixed(0)} MiB after the logins, ${busyMib.toFixed(0)} MiB after all`);
  atLeast('directory-exact-search', median(rates.exact) / median(rates.constant), 0.85);
  atLeast('directory-middleware', median(rates.exact) / median(rates.bare), 0.5);
  atMost('directory-p99-ms-at-2000', paced.latency.p99, 50);
  atMost('directory-glob-p99-ms', glob.latency.p99, 100);
  atMost('directory-login-storm-seconds', storm.seconds, 30);
  atMost('directory-heartbeat', median(beats.bare) / median(beats.heartbeat), 1.5);
  atMost('directory-memory-mib', Math.max(afterStormMib, busyMib), 300);
  atMost('directory-restart-seconds', restartSeconds, 3);
} finally {
  await Promise.all([stop(directory), stop(reference)]);
  rmSync(folder, { recursive: true, force: true });
}
