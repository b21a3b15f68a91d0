import { spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Readable, Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { FreePorts } from '../machine/ports.ts';
import { BoundedLog } from './bounded-log.ts';
import type { KeeperClient } from './client.ts';
import { KeeperProcess } from './testing/keeper-process.ts';

const ports = new FreePorts();

const STAND_IN = fileURLToPath(new URL('../drivers/stand-in.ts', import.meta.url));
const OWN = { PEER_USER: 'pods-own', PEER_CONTROL_TOKEN: 'of the pod' };
const never = new AbortController().signal;

interface Kept {
  readonly keeper: KeeperProcess;
  readonly share: string;
  readonly port: number;
}

/** A keeper of the stand-in, or of another command; its share is an empty folder. */
async function keep(
  env: Record<string, string> = {},
  command = [process.execPath, STAND_IN],
  isIdle = false,
): Promise<Kept> {
  const share = mkdtempSync(path.join(tmpdir(), 'kept-'));
  const port = await ports.take();
  const own = { ...OWN, PEER_SHARE_DIR: share, PEER_CONTROL_PORT: String(port), PEER_ADVERTISE: '127.0.0.1:50051' };
  const keeper = await KeeperProcess.start({ command, isIdle, env: { ...own, ...env } });
  onTestFinished(async () => {
    await keeper.stop();
    rmSync(share, { recursive: true, force: true });
  });
  return { keeper, share, port };
}

async function statusOf(url: string, timeoutMs = 4000): Promise<number> {
  const answer = await fetch(url, { headers: { connection: 'close' }, signal: AbortSignal.timeout(timeoutMs) });
  await answer.arrayBuffer();
  return answer.status;
}

const until = async (what: () => Promise<boolean>) => expect.poll(what, { timeout: 15_000, interval: 50 }).toBe(true);
const runsAs = async (port: number, user: string) => {
  const answer = await fetch(`http://127.0.0.1:${port}/env`, { headers: { connection: 'close' } }).catch(
    () => undefined,
  );
  return ((await answer?.json()) as { PEER_USER?: string } | undefined)?.PEER_USER === user;
};

/** Takes the hold, and ends the program. */
async function taken(client: KeeperClient): Promise<KeeperClient> {
  const { life } = await client.ask('hold', { by: 'run-1' }, never);
  await client.ask('signal', { signal: 'TERM' }, never);
  await client.ask('end', { life: String(life) }, never);
  return client;
}

test('runs its program with the settings of the pod, and hands SIGTERM and the exit code on', async () => {
  const { keeper, port } = await keep();
  await until(() => runsAs(port, 'pods-own'));
  const env = await (await fetch(`http://127.0.0.1:${port}/env`, { headers: { connection: 'close' } })).json();
  expect(env).not.toHaveProperty('PEERLAB_KEEPER_TOKEN');
  expect(await statusOf(`${keeper.url}/healthz`)).toBe(200);
  expect(keeper.output).toContain('the stand-in speaks');
  keeper.child.kill('SIGTERM');
  expect(await keeper.ended).toBe(0);
});

test('ends as its program does when nobody holds it; a program that is not there is 127', async () => {
  const { keeper, port } = await keep();
  await until(() => runsAs(port, 'pods-own'));
  await statusOf(`http://127.0.0.1:${port}/exit`);
  expect(await keeper.ended).toBe(7);
  const { keeper: other } = await keep({}, ['/no/such/program']).catch((error) => ({ keeper: { ended: error } }));
  expect(String(await other.ended)).toMatch(/127/);
});

test('a program that ignores the SIGTERM of its keeper is killed after its grace', async () => {
  const { keeper, port } = await keep({ PEER_USER: 'stubborn' });
  await until(() => runsAs(port, 'stubborn'));
  keeper.child.kill('SIGTERM');
  expect(await keeper.ended).toBe(137);
});

test('a program that is killed goes with all that it started', async () => {
  const script = 'trap "" TERM; (setsid sleep 60 &) ; sleep 61 & while :; do wait; sleep 0.1; done';
  const { keeper } = await keep({}, ['sh', '-c', script]);
  const client = await keeper.client();
  const { life } = await client.ask('hold', { by: 'run-1' }, never);
  await until(async () => sleepers().length === 2);
  await client.ask('signal', { signal: 'TERM' }, never);
  await sleep(200);
  expect(await client.ask('state', {}, never)).toMatchObject({ ended: null });
  await client.ask('signal', { signal: 'KILL' }, never);
  expect(await client.ask('end', { life: String(life) }, never)).toEqual({ ended: 'ended by SIGKILL' });
  expect(sleepers()).toEqual([]);
});

/** Processes `sleep` that come from this test. */
function sleepers(): string[] {
  return processes()
    .filter(({ command, environ }) => /^sleep\0(60|61)\0/.test(command) && environ.includes(process.env.TMPDIR ?? '?'))
    .map(({ pid }) => pid);
}

function processes(): { pid: string; command: string; environ: string }[] {
  const read = (pid: string, file: string) => {
    try {
      return readFileSync(`/proc/${pid}/${file}`, 'latin1');
    } catch {
      return '';
    }
  };
  return readdirSync('/proc')
    .filter((pid) => /^\d+$/.test(pid))
    .map((pid) => ({ pid, command: read(pid, 'cmdline'), environ: read(pid, 'environ') }));
}

test('whoever holds it starts the program with other settings, signals it and sees how it ended; the log is kept', async () => {
  const { keeper, port } = await keep();
  const client = await taken(keeper.client());
  expect(await statusOf(`${keeper.url}/healthz`)).toBe(200);
  const { life } = await client.ask('start', { env: { PEER_USER: 'of-the-run' }, freshLog: true }, never);
  await until(() => runsAs(port, 'of-the-run'));
  const { usage } = await client.ask('usage', {}, never);
  expect(usage?.memoryBytes).toBeGreaterThan(5 * 1024 * 1024);
  expect(usage?.cpuSeconds).toBeGreaterThan(0);
  await client.ask('signal', { signal: 'STOP' }, never);
  await expect(statusOf(`http://127.0.0.1:${port}/`, 500)).rejects.toThrow();
  await client.ask('signal', { signal: 'CONT' }, never);
  await until(() => runsAs(port, 'of-the-run'));
  const end = client.ask('end', { life: String(life) }, never);
  await client.ask('signal', { signal: 'KILL' }, never);
  expect(await end).toEqual({ ended: 'ended by SIGKILL' });
  expect(await client.ask('state', {}, never)).toMatchObject({ life, ended: 'ended by SIGKILL', heldBy: 'run-1' });
  expect(await client.ask('usage', {}, never)).toEqual({ usage: null });
  let log = '';
  const sink = new Writable({
    write(part, _, done) {
      log += part;
      done();
    },
  });
  await client.log(sink, never);
  expect(log).toBe('the stand-in speaks\n');
  await client.ask('release', {}, never);
  await until(() => runsAs(port, 'pods-own'));
});

test('a hold that is not renewed lapses: the program has its own settings again, and its share stays', async () => {
  const { keeper, port, share } = await keep({ PEERLAB_KEEPER_LEASE: '3' });
  const client = await taken(keeper.client());
  await client.put({ name: 'a', sizeBytes: 1, open: () => Readable.from([Buffer.from('a')]) }, never);
  await client.ask('start', { env: { PEER_USER: 'of-the-run' }, freshLog: true }, never);
  const renew = () => client.ask('hold', { by: 'run-1' }, never);
  // For longer than it would hold without.
  for (let renewed = 0; renewed < 8; renewed++) {
    await sleep(500);
    await renew();
  }
  await until(async () => {
    await renew();
    return runsAs(port, 'of-the-run');
  });
  await until(() => runsAs(port, 'pods-own'));
  expect(readdirSync(share)).toEqual(['a']);
  await expect(client.ask('signal', { signal: 'KILL' }, never)).rejects.toMatchObject({ code: 'not-held' });
  expect(await client.ask('state', {}, never)).toMatchObject({ heldBy: null });
});

test('two can not hold it at one time', async () => {
  const { keeper } = await keep();
  const [one, two] = [keeper.client('run-1'), keeper.client('run-2')];
  await one.ask('hold', { by: 'run-1' }, never);
  await expect(two.ask('hold', { by: 'run-2' }, never)).rejects.toMatchObject({
    code: 'peers-held',
    message: expect.stringContaining('run-1'),
  });
  await expect(two.ask('signal', { signal: 'KILL' }, never)).rejects.toMatchObject({ code: 'not-held' });
  await expect(two.ask('release', {}, never)).rejects.toMatchObject({ code: 'not-held' });
  await expect(two.ask('empty', {}, never)).rejects.toMatchObject({ code: 'not-held' });
  await one.ask('release', {}, never);
  expect(await two.ask('hold', { by: 'run-2' }, never)).toMatchObject({ heldBy: 'run-2' });
});

test('an idle keeper starts nothing by itself, neither at first nor after a hold', async () => {
  const { keeper } = await keep({}, undefined, true);
  const client = keeper.client();
  expect(await client.ask('hold', { by: 'run-1' }, never)).toMatchObject({ life: 0, ended: null });
  await client.ask('start', { env: { DIRECTORY_LEASE: '20s' }, freshLog: true }, never);
  await client.ask('release', {}, never);
  expect(await client.ask('state', {}, never)).toMatchObject({ life: 1, ended: expect.stringMatching(/^ended/) });
});

test('a share is filled, listed and emptied, whatever its names are; nothing is written outside of it', async () => {
  const { keeper, share } = await keep();
  const client = await taken(keeper.client());
  const names = [
    'with spaces',
    '-rf',
    'line\nbreak',
    '%41,b;c"d\'',
    'é',
    '日本語'.repeat(28),
    'line\u2028separator',
    'deep/er/file',
    '.x',
    '&=?#',
  ];
  const contents = new Map(names.map((name, i) => [name, randomBytes(i * 1000)]));
  const put = (name: string, content: Buffer, sizeBytes = content.length) =>
    client.put({ name, sizeBytes, open: () => Readable.from([content]) }, never);
  for (const [name, content] of contents) await put(name, content);
  const wanted = [...contents].map(([name, content]) => ({
    ...{ name, sizeBytes: content.length },
    sha256: createHash('sha256').update(content).digest('hex'),
  }));
  const byName = (a: { name: string }, b: { name: string }) => (a.name < b.name ? -1 : 1);
  expect((await Array.fromAsync(client.list(never))).sort(byName)).toEqual(wanted.sort(byName));
  const below = { name: 'er/file', sizeBytes: 7000 };
  expect(await Array.fromAsync(client.list(never, 'deep'))).toMatchObject([below]);
  expect(await Array.fromAsync(client.list(never, 'nothing'))).toEqual([]);
  await client.ask('folder', { name: 'empty' }, never);
  expect(readdirSync(path.join(share, 'empty'))).toEqual([]);
  for (const name of ['..', 'a/b', ''])
    await expect(client.ask('folder', { name }, never)).rejects.toMatchObject({ code: 'bad-name' });
  const outside = path.join(path.dirname(share), 'outside');
  mkdirSync(outside);
  onTestFinished(() => rmSync(outside, { recursive: true }));
  symlinkSync(outside, path.join(share, 'link'));
  writeFileSync(path.join(outside, 'there'), 'x');
  symlinkSync(path.join(outside, 'there'), path.join(share, 'file-link'));
  for (const name of ['../x', '/x', 'a/../../x', '..', '.', '', 'a//b', 'x'.repeat(256), 'link/x', '\0'])
    await expect(put(name, Buffer.from('x'))).rejects.toMatchObject({ code: 'bad-name' });
  await expect(Array.fromAsync(client.list(never, 'link'))).rejects.toMatchObject({ code: 'bad-request' });
  await expect(Array.fromAsync(client.list(never, '..'))).rejects.toMatchObject({ code: 'bad-name' });
  await expect(put('file-link', Buffer.from('y'))).rejects.toMatchObject({ code: 'file-exists' });
  await expect(put('short', Buffer.from('xy'), 3)).rejects.toThrow(/3 bytes/);
  await expect(put('long', Buffer.alloc(5_000_000), 3)).rejects.toThrow(/3 bytes/);
  expect(readdirSync(outside)).toEqual(['there']);
  const left = await Array.fromAsync(client.list(never));
  expect(left.filter(({ kind }) => kind !== undefined).map(({ name }) => name)).toEqual(['file-link', 'link']);
  expect(left.flatMap(({ name, kind }) => kind ?? name).sort()).toEqual([...names, 'link', 'link'].sort());
  await client.ask('empty', {}, never);
  expect([readdirSync(share), readdirSync(outside)]).toEqual([[], ['there']]);
  await client.ask('start', { env: {}, freshLog: false }, never);
  await expect(client.ask('empty', {}, never)).rejects.toMatchObject({ code: 'bad-request' });
  await expect(put('late', Buffer.from('x'))).rejects.toMatchObject({ code: 'bad-request' });
});

test('it says what comes of connections to others', async () => {
  const { keeper, port } = await keep();
  await until(() => runsAs(port, 'pods-own'));
  const client = keeper.client();
  await client.ask('hold', { by: 'run-1' }, never);
  const at = (to: number) => ({ host: '127.0.0.1', port: to });
  const dial = (targets: { host: string; port: number }[], timeoutMs = 2000) =>
    client.ask('dial', { targets, timeoutMs }, never);
  expect(await dial([at(port), at(await ports.take())])).toEqual({ dialled: ['connected', 'refused'] });
  const wrong = { code: 'bad-request' };
  await expect(dial([at(0)])).rejects.toMatchObject(wrong);
  await expect(dial([{ host: 'localhost', port }])).rejects.toMatchObject(wrong);
  await expect(dial([at(port)], 60_000)).rejects.toMatchObject(wrong);
  await expect(dial(Array.from({ length: 65 }, () => at(port)))).rejects.toMatchObject(wrong);
});

test('a disk that others may share is not filled', async () => {
  const { keeper } = await keep();
  const client = keeper.client();
  await client.ask('hold', { by: 'run-1' }, never);
  const { freeBytes } = await client.ask('free', {}, never);
  expect(freeBytes).toBeGreaterThan(0);
  const fill = client.ask('fill', { full: true }, never);
  await expect(fill).rejects.toMatchObject({ code: 'bad-request', message: expect.stringContaining('of its own') });
});

const MOUNTS = ['--user', '--map-root-user', '--mount'];
const MOUNT_DISK = 'mount -t tmpfs -o size=1m none "$PEER_SHARE_DIR" && exec "$@"';
const noMounts = spawnSync('unshare', [...MOUNTS, 'true']).status === 0 ? undefined : 'no mount namespace here';

test.skipIf(noMounts)(
  `a disk of its own is full until it is said otherwise${noMounts ? ` (skipped: ${noMounts})` : ''}`,
  async () => {
    const share = mkdtempSync(path.join(tmpdir(), 'kept-'));
    onTestFinished(() => rmSync(share, { recursive: true }));
    await using keeper = await KeeperProcess.start({
      ...{ command: ['sleep', '60'], isIdle: true, env: { PEER_SHARE_DIR: share } },
      within: ['unshare', ...MOUNTS, 'sh', '-c', MOUNT_DISK, '--'],
    });
    const client = keeper.client();
    await client.ask('hold', { by: 'run-1' }, never);
    const free = async () => (await client.ask('free', {}, never)).freeBytes;
    const put = (sizeBytes: number) =>
      client.put({ name: `of ${sizeBytes}`, sizeBytes, open: () => Readable.from([randomBytes(sizeBytes)]) }, never);
    await put(1000);
    for (const _ of ['once', 'twice']) {
      await client.ask('fill', { full: true }, never);
      expect(await free()).toBe(0);
      await expect(put(100_000)).rejects.toThrow();
      expect(await Array.fromAsync(client.list(never))).toMatchObject([{ name: 'of 1000' }]);
      await client.ask('fill', { full: false }, never);
      expect(await free()).toBeGreaterThan(500_000);
    }
    keeper.child.kill('SIGKILL');
  },
);

test('without the token nothing is told; bodies and settings have bounds', async () => {
  const { keeper } = await keep();
  for (const token of ['', 'wrong', `${KeeperProcess.token}s`]) {
    const stranger = keeper.client('run-1', token);
    await expect(stranger.ask('state', {}, never)).rejects.toMatchObject({ code: 'unauthorized' });
    await expect(stranger.ask('hold', { by: 'run-1' }, never)).rejects.toMatchObject({ code: 'unauthorized' });
  }
  expect(await statusOf(`${keeper.url}/state`)).toBe(401);
  const client = await taken(keeper.client());
  const start = (env: Record<string, string>) => client.ask('start', { env, freshLog: true }, never);
  await expect(start({ PEER_USER: 'x'.repeat(100_000) })).rejects.toMatchObject({ code: 'body-too-large' });
  for (const name of ['LD_PRELOAD', 'NODE_OPTIONS', 'PATH', 'PEERLAB_KEEPER_TOKEN', 'PEER_SHARE_DIR', 'PEER_ADVERTISE'])
    await expect(start({ [name]: 'x' })).rejects.toMatchObject({
      code: 'bad-request',
      message: expect.stringContaining(name),
    });
  await expect(client.ask('hold', { by: '../..' }, never)).rejects.toMatchObject({ code: 'bad-request' });
  await expect(client.ask('end', { life: '9' }, never)).rejects.toMatchObject({ code: 'bad-request' });
  await expect(client.ask('signal', { signal: 'HUP' as 'KILL' }, never)).rejects.toMatchObject({ code: 'bad-request' });
  expect(await post(keeper, '{"by":', 10)).toBe(400);
  expect(await post(keeper, 'null', 4)).toBe(400);
  expect(await statusOf(`${keeper.url}/healthz`)).toBe(200);
});

/** A body as it is. */
function post({ url }: KeeperProcess, body: string, length: number): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${KeeperProcess.token}`, 'content-length': length };
    const request = http.request(`${url}/hold`, { method: 'POST', headers, agent: false }, (response) => {
      resolve(response.resume().statusCode);
    });
    request.on('error', reject).end(body.padEnd(length));
  });
}

test('of a log that is too long the end is kept, from a whole line on, and that is said', () => {
  const log = new BoundedLog(256);
  const text = () => Buffer.concat(log.parts()).toString();
  const lines = Array.from({ length: 100 }, (_, n) => `line ${n}\n`);
  for (const line of lines) for (const letter of line) log.add(Buffer.from(letter));
  const [, lost, kept = ''] =
    /^\(the first (\d+) bytes of this log are lost: only its end is kept\)\n(.*)$/s.exec(text()) ?? [];
  expect(lines.join('').slice(Number(lost))).toBe(kept);
  expect(kept).toMatch(/^line \d+\n.*line 99\n$/s);
  expect(kept.length).toBeGreaterThan(200);
  expect(kept.length).toBeLessThanOrEqual(256);
  log.add(Buffer.alloc(10_000, 'x'));
  expect(text()).toMatch(/lost: only its end is kept\)\nx{200,256}$/);
  log.clear();
  log.add(Buffer.from('new\n'));
  expect(text()).toBe('new\n');
});

const NAMESPACE = ['--user', '--map-root-user', '--pid', '--fork', '--kill-child', '--mount-proc'];
const noNamespace = spawnSync('unshare', [...NAMESPACE, 'true']).status === 0 ? undefined : 'no process namespace here';

test.skipIf(noNamespace)(
  `as process 1, it also ends what has left everything behind${noNamespace ? ` (skipped: ${noNamespace})` : ''}`,
  async () => {
    const share = mkdtempSync(path.join(tmpdir(), 'kept-'));
    onTestFinished(() => rmSync(share, { recursive: true }));
    // No group, no session, no environment, no parent: it comes to process 1. Others that come to it have ended already.
    const script = '(env -i setsid sleep 63 &); (sh -c "true" &); exec sleep 64';
    await using keeper = await KeeperProcess.start({
      command: ['sh', '-c', script],
      env: { PEER_SHARE_DIR: share },
      within: ['unshare', ...NAMESPACE],
    });
    const client = keeper.client();
    await client.ask('hold', { by: 'run-1' }, never);
    const strays = () => processes().filter(({ command }) => command === 'sleep\x0063\0');
    await until(async () => strays().length === 1);
    const began = performance.now();
    await client.ask('signal', { signal: 'KILL' }, never);
    expect(await client.ask('end', { life: '1' }, never)).toEqual({ ended: 'ended by SIGKILL' });
    expect(strays()).toEqual([]);
    // What has ended, and is still listed, is not waited for.
    expect(performance.now() - began).toBeLessThan(1000);
    // With process 1, all of its namespace ends.
    keeper.child.kill('SIGKILL');
  },
);
