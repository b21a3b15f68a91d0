import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import autocannon from 'autocannon';
import {
  DIRECTORY_MAIN,
  FILES_PER_PEER,
  loginStorm,
  nameOf,
  portOf,
  type Started,
  start,
  stop,
} from './kit/directory-load.ts';
import { pacedLatencies, percentile } from './kit/paced.ts';
import { alternating, median, sayBar } from './kit/report.ts';

/**
 * The directory with 1,000 peers and 100,000 files, its state on the disk, at the default password cost; beside it, in
 * the same minutes, bare express and a constant behind the directory's own middleware (bench/reference). 16 connections.
 */

const PEERS = 1000;
const CONNECTIONS = 16;
const SECONDS = Number(process.env.BENCH_SECONDS ?? 2);
const ROUNDS = 11;
const PACED_PER_SECOND = 2000;
const NAMES_PER_SECOND = 5000;

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
const allNames = Array.from({ length: PEERS * FILES_PER_PEER }, (_, i) =>
  nameOf(Math.floor(i / FILES_PER_PEER), i % FILES_PER_PEER),
);
const globs = ['file-05*', '*-77.bin', '*00-0*', 'file-????-42.bin', '*9-9*.bin', '*', '?ile-0123-*', '*.txt'];

/** Every name once: what the directory keeps of its answers is memory, too. */
async function askForAll(port: number, headers: Record<string, string>): Promise<void> {
  const paths = searches(allNames).map(({ path }) => path);
  const pace = { connections: CONNECTIONS, perSecond: NAMES_PER_SECOND, seconds: allNames.length / NAMES_PER_SECOND };
  await pacedLatencies(port, { ...pace, paths, headers });
}

function rssMib({ child }: Started): number {
  const [, kib] = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8')) ?? [];
  return Number(kib) / 1024;
}

/** In turns; a first round warms up everybody. */
async function measured<K extends string>(ways: Record<K, () => Promise<number>>): Promise<Record<K, number[]>> {
  const rounds = await alternating(ROUNDS + 1, ways);
  for (const values of Object.values<number[]>(rounds)) values.shift();
  return rounds;
}

/** Of what was measured in the same round, so that other work on the machine weighs on both. */
const ratio = (values: readonly number[], of: readonly number[]) =>
  median(values.map((value, round) => value / (of[round] as number)));

const atMost = (id: string, actual: number, limit: number) => sayBar(id, actual, limit);
const atLeast = (id: string, actual: number, limit: number) => sayBar(id, actual, limit, actual >= limit);

const REFERENCE = fileURLToPath(new URL('reference/servers.ts', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'peerlab-bench-'));
const env = { DIRECTORY_PORT: '0', DIRECTORY_DATA_DIR: folder, DIRECTORY_LEASE: '1h', LOG_LEVEL: 'info' };
let directory = await start([DIRECTORY_MAIN], 'url', env);
const reference = await start([REFERENCE], 'bare');
try {
  const { bare, constant } = reference.line as { bare: number; constant: number };
  let port = portOf(directory);
  const storm = await loginStorm([directory], PEERS);
  const afterStormMib = rssMib(directory);
  const headers = { authorization: `Bearer ${storm.token}` };
  const constantHeaders = { authorization: 'Bearer bench-token' };

  const rate = (to: number, options: Partial<autocannon.Options>) => async () =>
    (await load(to, options)).requests.average;
  const heartbeat = {
    ...{ requests: [{ method: 'POST' as const, path: '/heartbeat' }], headers },
    body: '{"load":{"serving":2,"capacity":256}}',
  };
  const rates = await measured({
    bare: rate(bare, { requests: [{ path: '/search?name=x' }], headers }),
    exact: rate(port, { requests: searches(exactNames), headers }),
    constant: rate(constant, { requests: searches(exactNames), headers: constantHeaders }),
    bareBeat: rate(bare, heartbeat),
    beat: rate(port, heartbeat),
  });
  const paced = (to: number, shown: Record<string, string>) => async () => {
    const pace = { connections: CONNECTIONS, perSecond: PACED_PER_SECOND, seconds: SECONDS };
    const paths = searches(exactNames).map(({ path }) => path);
    return percentile(await pacedLatencies(to, { ...pace, paths, headers: shown }), 99);
  };
  const p99 = await measured({ constant: paced(constant, constantHeaders), exact: paced(port, headers) });
  const glob = await load(port, { requests: searches(globs), headers });
  await askForAll(port, headers);
  const busyMib = rssMib(directory);

  await stop(directory, 'SIGKILL');
  const restartedAt = performance.now();
  directory = await start([DIRECTORY_MAIN], 'url', env);
  const restartSeconds = (performance.now() - restartedAt) / 1000;
  port = portOf(directory);
  await load(port, { requests: searches(exactNames), headers, duration: 1 });

  const perSecond = (values: number[]) => `${Math.round(median(values))}/s`;
  console.log(
    `directory, ${PEERS} peers, ${PEERS * FILES_PER_PEER} files: bare express ${perSecond(rates.bare)}, constant behind the same middleware ${perSecond(rates.constant)}, exact search ${perSecond(rates.exact)}; POST: bare express ${perSecond(rates.bareBeat)}, heartbeat ${perSecond(rates.beat)}; globs ${Math.round(glob.requests.average)}/s (medians of ${ROUNDS})`,
  );
  console.log(
    `99 % of searches at ${PACED_PER_SECOND}/s: constant ${median(p99.constant).toFixed(1)} ms, exact search ${median(p99.exact).toFixed(1)} ms (medians of ${ROUNDS})`,
  );
  console.log(`login storm: ${storm.cpuSeconds.toFixed(0)} s of CPU`);
  console.log(`memory: ${afterStormMib.toFixed(0)} MiB after the logins, ${busyMib.toFixed(0)} MiB after all`);
  atLeast('directory-exact-search', ratio(rates.exact, rates.constant), 0.85);
  atLeast('directory-middleware', ratio(rates.exact, rates.bare), 0.5);
  atMost('directory-p99-ms-at-2000', median(p99.exact), 50);
  atMost('directory-glob-p99-ms', glob.latency.p99, 100);
  atMost('directory-login-storm-seconds', storm.seconds, 30);
  atMost('directory-heartbeat', ratio(rates.bareBeat, rates.beat), 1.5);
  atMost('directory-memory-mib', Math.max(afterStormMib, busyMib), 300);
  atMost('directory-restart-seconds', restartSeconds, 3);
} finally {
  await Promise.all([stop(directory), stop(reference)]);
  rmSync(folder, { recursive: true, force: true });
}
