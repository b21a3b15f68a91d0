import { mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import autocannon from 'autocannon';
import { findPostgres, PostgresServer } from '../lab/machine/postgres.ts';
import {
  DIRECTORY_MAIN,
  FILES_PER_PEER,
  loginBody,
  loginStorm,
  nameOf,
  portOf,
  post,
  type Started,
  start,
  stop,
} from './kit/directory-load.ts';
import { percentile } from './kit/paced.ts';
import { alternating, median, Report } from './kit/report.ts';
import { tool } from './kit/tools.ts';

/**
 * One directory with its state on the disk, one with it in PostgreSQL, and two at one database (docs/replicas.md): what each can do
 * in a second, and how soon the second one knows what the first was told. The database and the load are on the same machine.
 */

const PEERS = 300;
/** In sum, however many directories there are. */
const CONNECTIONS = 16;
const SECONDS = Number(process.env.BENCH_SECONDS ?? 2);
const ROUNDS = 5;
const TELLINGS = 200;
/** What docs/replicas.md promises. */
const STALE_MS = 1000;

interface Way extends Awaited<ReturnType<typeof loginStorm>> {
  readonly directories: readonly Started[];
}

const folder = mkdtempSync(join(tmpdir(), 'peerlab-bench-'));
const report = new Report('directory-replicas');
const open: AsyncDisposable[] = [];
try {
  if (!tool('pg_ctl', 'postgresql') && typeof findPostgres() === 'string')
    report.missing('replicas: no PostgreSQL server');
  else await measure();
} finally {
  for (const one of open.reverse()) await one[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
}
report.close();

async function measure(): Promise<void> {
  const ways = {
    'one, SQLite': await prepared(1, { DIRECTORY_DATA_DIR: join(folder, 'state') }),
    'one, PostgreSQL': await prepared(1, { DIRECTORY_DATABASE_URL: await database() }),
    'two, PostgreSQL': await prepared(2, { DIRECTORY_DATABASE_URL: await database() }),
  };
  const names = Object.keys(ways) as (keyof typeof ways)[];
  const rates = async (loadOf: (way: Way, directory: Started, connections: number) => autocannon.Options) => {
    const each = names.map((name) => [name, () => rate(ways[name], loadOf)] as const);
    return alternating(ROUNDS, Object.fromEntries(each) as Record<keyof typeof ways, () => Promise<number>>);
  };
  const searches = await rates(searching);
  const beats = await rates(beating);
  const changes = await rates(publishing);
  for (const name of names) {
    const { seconds, cpuSeconds } = ways[name];
    report.row(name, {
      'logins/s': (PEERS / seconds).toFixed(1),
      'CPU ms/login': ((1000 * cpuSeconds) / PEERS).toFixed(0),
      'searches/s': Math.round(median(searches[name])),
      'heartbeats/s': Math.round(median(beats[name])),
      'file lists/s': Math.round(median(changes[name])),
    });
  }
  const [first, second] = ways['two, PostgreSQL'].directories as [Started, Started];
  const late = (await tellings(first, second)).sort((a, b) => a - b);
  const told = `${median(late).toFixed(1)} ms, 99 % ${percentile(late, 99).toFixed(1)} ms, at most ${late.at(-1)?.toFixed(1)} ms`;
  process.stdout.write(`a token that one took back is refused by the other after: median ${told}\n`);
  report.atMost('directory-replica-stale-ms', Math.max(...late), STALE_MS);
  const ratio = median(
    searches['one, PostgreSQL'].map((value, round) => value / (searches['one, SQLite'][round] ?? value)),
  );
  report.atLeast('directory-postgres-search', ratio, 0.9);
}

/** A server for each way: what one has written must not weigh on another. */
async function database(): Promise<string> {
  const programs = findPostgres();
  if (typeof programs === 'string') throw new Error(programs);
  const at = mkdtempSync(join(tmpdir(), 'pg-'));
  open.push({ [Symbol.asyncDispose]: async () => rmSync(at, { recursive: true, force: true }) });
  const server = await PostgresServer.create({ programs, folder: at, logFile: join(folder, 'postgres.log') });
  open.push(server);
  return server.url;
}

async function prepared(count: number, env: Record<string, string>): Promise<Way> {
  const directories: Started[] = [];
  for (let i = 0; i < count; i++) {
    const directory = await start([DIRECTORY_MAIN], 'url', { DIRECTORY_PORT: '0', DIRECTORY_LEASE: '1h', ...env });
    directories.push(directory);
    open.push({ [Symbol.asyncDispose]: () => stop(directory) });
  }
  return { directories, ...(await loginStorm(directories, PEERS)) };
}

/** What all directories of a way do together in a second. */
async function rate(
  way: Way,
  loadOf: (way: Way, directory: Started, connections: number) => autocannon.Options,
): Promise<number> {
  const connections = CONNECTIONS / way.directories.length;
  const results = await Promise.all(
    way.directories.map((directory) => autocannon(loadOf(way, directory, connections))),
  );
  for (const { non2xx, errors } of results)
    if (non2xx + errors > 0) throw new Error(`${non2xx} refusals, ${errors} errors`);
  return results.reduce((sum, { requests }) => sum + requests.average, 0);
}

function common({ token }: Way, directory: Started, connections: number): autocannon.Options {
  const headers = { authorization: `Bearer ${token}` };
  return { url: `http://127.0.0.1:${portOf(directory)}`, connections, duration: SECONDS, headers };
}

function searching(way: Way, directory: Started, connections: number): autocannon.Options {
  const requests = Array.from({ length: 997 }, (_, i) => ({
    path: `/search?name=${nameOf((i * 7) % PEERS, i % FILES_PER_PEER)}`,
  }));
  return { ...common(way, directory, connections), requests };
}

function beating(way: Way, directory: Started, connections: number): autocannon.Options {
  const requests = [{ method: 'POST' as const, path: '/heartbeat' }];
  return { ...common(way, directory, connections), requests, body: '{"load":{"serving":2,"capacity":256}}' };
}

/** A list of a hundred files in the place of another, of one peer: what is there to be kept changes each time. */
function publishing(way: Way, directory: Started, connections: number): autocannon.Options {
  const { files } = JSON.parse(loginBody(0)) as { files: object[] };
  const lists = [files, files.slice(1)].map((list) => JSON.stringify({ files: list }));
  const requests = lists.map((body) => ({ method: 'PUT' as const, path: '/loadfiles', body }));
  return { ...common(way, directory, connections), requests };
}

/** From the answer to a logout at one until the other refuses the token, in milliseconds. */
async function tellings(first: Started, second: Started): Promise<number[]> {
  const took: number[] = [];
  for (let i = 0; i < TELLINGS; i++) {
    // Passwords cost their time; the files are of no matter here.
    const login = { ...JSON.parse(loginBody(PEERS + (i % 10))), files: [] };
    const { token } = JSON.parse(await post(portOf(first), '/login', JSON.stringify(login)));
    while ((await statusOf(second, 'GET', '/search?name=x', token)) !== 200);
    await statusOf(first, 'POST', '/logout', token);
    const answeredAt = performance.now();
    while ((await statusOf(second, 'GET', '/search?name=x', token)) !== 401);
    took.push(performance.now() - answeredAt);
  }
  return took;
}

function statusOf(directory: Started, method: string, path: string, token: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${token}` };
    request({ host: '127.0.0.1', port: portOf(directory), path, method, headers }, (response) => {
      response.resume().on('end', () => resolve(response.statusCode ?? 0));
    })
      .on('error', reject)
      .end();
  });
}
