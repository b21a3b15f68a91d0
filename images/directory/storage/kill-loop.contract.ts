import { createHash } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { DirectoryApi } from '#base/directory-client.ts';
import type { DirectoryEnv } from '#proto/env.ts';
import { PeerLabError } from '#proto/errors.ts';
import { DirectoryProcess } from '../testing/directory-process.ts';

/**
 * What was acknowledged survives SIGKILL at any moment: peers change what the directory holds about them, all at once; the
 * process is killed amid that and started again; then each peer's entry must be what its last acknowledged change said, or
 * the one change that was under way. PEERLAB_KILL_ROUNDS and PEERLAB_SEED make it long, and repeat it.
 */

const ROUNDS = Number(process.env.PEERLAB_KILL_ROUNDS ?? 6);
const SEED = Number(process.env.PEERLAB_SEED ?? 1);
const PEERS = 8;
const FIRST_PORT = 7001;
const WORK_TIMEOUT_MS = 20_000;

/** mulberry32: a small generator, so that a seed gives the same moments. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** What the directory should hold about a peer: its files, or nothing. */
type Entry = string[] | undefined;

interface Client {
  readonly user: string;
  readonly port: number;
  token?: string | undefined;
  acknowledged: Entry;
  /** The change under way: its outcome, and its token when it was a login whose answer never came. */
  underWay?: { readonly entry: Entry; readonly kind: string } | undefined;
  changes: number;
}

const filesOf = (names: readonly string[]) =>
  names.map((name) => ({ name, size: name.length, sha256: createHash('sha256').update(name).digest('hex') }));

const credentialsOf = (user: string) => ({ user, password: `password of ${user}`, ip: '127.0.0.1' });

async function login(api: DirectoryApi, { user, port }: Pick<Client, 'user' | 'port'>, entry: readonly string[]) {
  return (await api.login({ ...credentialsOf(user), port, files: filesOf(entry) })).token;
}

/** One change after another, each at any of the directories, until one of them is found to be gone. */
async function changeUntilKilled({ urls, client, random, signal }: Work): Promise<void> {
  const apis = urls.map((url) => new DirectoryApi(url));
  while (!signal.aborted) {
    const api = apis[Math.floor(random() * apis.length)] as DirectoryApi;
    const names = Array.from({ length: Math.floor(random() * 20) }, (_, i) => `${client.user}-${client.changes}-${i}`);
    const dice = random();
    const { token } = client;
    const kind = token === undefined ? 'login' : dice < 0.1 ? 'logout' : dice < 0.2 ? 'login' : 'loadfiles';
    client.underWay = { kind, entry: kind === 'logout' ? undefined : names };
    try {
      if (token === undefined || kind === 'login') client.token = await login(api, client, names);
      else if (kind === 'loadfiles') await api.loadfiles(token, filesOf(names));
      else {
        await api.logout(token);
        client.token = undefined;
      }
    } catch (error) {
      if (error instanceof PeerLabError && error.code === 'directory-unreachable') return;
      throw error;
    }
    client.acknowledged = client.underWay.entry;
    client.underWay = undefined;
    client.changes++;
  }
}

interface Work {
  readonly urls: readonly string[];
  readonly client: Client;
  readonly random: () => number;
  readonly signal: AbortSignal;
}

/** What the directory says, by port. */
async function listed(url: string): Promise<Map<number, string[]>> {
  const api = new DirectoryApi(url);
  const { peers } = await api.index(await login(api, { user: 'observer', port: 6999 }, []));
  return new Map(peers.map(({ port, files }) => [port, files.map(({ name }) => name)]));
}

/**
 * @param where the settings that say where the state is; a directory that finds nothing there begins with an empty one
 * @param directories at the same state: one of them is killed, and the others must know what it had acknowledged
 */
export function killLoop(name: string, where: () => DirectoryEnv, directories = 1): void {
  const title = `${name}: nothing acknowledged is lost in ${ROUNDS} kills (seed ${SEED})`;
  const env = () => ({ ...where(), DIRECTORY_LEASE: '5m' });
  it(title, { timeout: 20_000 + ROUNDS * 5000 * directories }, () => killAgainAndAgain(env(), directories));
}

async function killAgainAndAgain(env: DirectoryEnv, count: number): Promise<void> {
  const random = randomOf(SEED);
  const clients: Client[] = Array.from({ length: PEERS }, (_, i) => ({
    ...{ user: `user-${i}`, port: FIRST_PORT + i, acknowledged: undefined, changes: 0 },
  }));
  for (let round = 0; round < ROUNDS; round++) {
    const directories = await Promise.all(Array.from({ length: count }, () => DirectoryProcess.start(env)));
    const urls = directories.map(({ url }) => url);
    const enough = new AbortController();
    const work = clients.map((client) => changeUntilKilled({ urls, client, random, signal: enough.signal }));
    await workedOn(clients);
    await wait(100 + random() * 900);
    const [victim, ...survivors] = directories as [DirectoryProcess, ...DirectoryProcess[]];
    await victim.kill();
    if (survivors.length > 0) {
      // They go on without it.
      await wait(200);
      enough.abort();
    }
    await Promise.all(work);

    await using again = await DirectoryProcess.start(env);
    const tellers = [...survivors, again].map(({ url }) => url);
    const found = await Promise.all(tellers.map(listed));
    for (const [at, url] of tellers.entries()) {
      expect(found[at], `round ${round}, what two of them say`).toEqual(found[0]);
      for (const client of clients) await check(url, client, found[at]?.get(client.port), `round ${round}`);
    }
    for (const client of clients) settle(client, found[0]?.get(client.port));
    for (const survivor of survivors) await survivor[Symbol.asyncDispose]();
  }
  const changes = countOf(clients);
  console.log(`${changes} changes acknowledged, ${ROUNDS} kills, none lost`);
  expect(changes).toBeGreaterThan(ROUNDS * PEERS);
}

const countOf = (clients: readonly Client[]) => clients.reduce((sum, { changes }) => sum + changes, 0);

/** However busy the machine is: a directory that nobody has changed has nothing to lose. */
async function workedOn(clients: readonly Client[]): Promise<void> {
  const enough = countOf(clients) + PEERS + 1;
  const giveUpAt = performance.now() + WORK_TIMEOUT_MS;
  while (countOf(clients) < enough && performance.now() < giveUpAt) await wait(10);
}

async function check(url: string, client: Client, found: Entry, about: string): Promise<void> {
  const { acknowledged, underWay, user } = client;
  const api = new DirectoryApi(url);
  const allowed = underWay ? [acknowledged, underWay.entry] : [acknowledged];
  expect(allowed, `${about}, ${user}, ${underWay?.kind ?? 'nothing'} under way`).toContainEqual(found);
  // A token that was given and not taken back holds.
  if (client.token !== undefined && underWay?.kind !== 'login' && underWay?.kind !== 'logout') {
    await expect(api.heartbeat(client.token, 10_000), `${about}, token of ${user}`).resolves.toBeDefined();
  }
  // The account of an acknowledged login is there: nobody else can make it anew.
  if (client.changes > 0) {
    const attempt = api.login({ ...credentialsOf(user), password: 'another', port: 6998, files: [] });
    await expect(attempt, `${about}, password of ${user}`).rejects.toMatchObject({ code: 'wrong-password' });
  }
}

/** What was in doubt is known now. */
function settle(client: Client, found: Entry): void {
  const { underWay } = client;
  client.acknowledged = found;
  client.token = underWay?.kind === 'login' || underWay?.kind === 'logout' ? undefined : client.token;
  client.underWay = undefined;
}
