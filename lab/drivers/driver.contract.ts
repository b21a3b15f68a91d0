import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type Address, addressText, parseAddress } from '#proto/addresses.ts';
import type { PeerEnv } from '#proto/env.ts';
import type { Capabilities } from './capabilities.ts';
import type { Driver, DriverInit, Instance, PeerSpec, ShareFile, StoredFile } from './driver.ts';

/** THE CONTRACT OF ALL DRIVERS, as tests: one suite, run for each. docs/drivers.md says what it means. */

export interface DriverUnderTest {
  create(init: DriverInit): Driver;
  /** What to give as `peerImage` and `directoryImage` to get stand-in.ts. */
  standIn(): Promise<string>;
  /** All on this host that a run of this driver could leave behind, a line each. */
  snapshot(): Promise<string[]>;
  /** Ends a host of a run from outside, as by SIGKILL. */
  killHost(runId: string, name: string): Promise<void>;
  /** What the driver can do on this machine; absent when it can't be run at all. */
  readonly capabilities?: Capabilities;
  /** Set when this machine can't run the driver: the tests are skipped, with it in their name. */
  readonly skipReason?: string;
}

const PEER = { PEER_USER: 'tester', PEER_PASSWORD: 'secret', PEER_CONTROL_TOKEN: 'token' } as const;
const SUITE_TIMEOUT_MS = 120_000;
const MIB = 1024 * 1024;
const NO_SURROUNDINGS = 'disturbs no network and has no disk of a size where it can not';
const LIMITS = { memoryBytes: 96 * MIB, cpus: 0.2 };

export function describeDriver(name: string, driver: DriverUnderTest): void {
  const { skipReason, capabilities } = driver;
  const noMemoryLimit = capabilities?.['memory-limit'](LIMITS.memoryBytes)?.why;
  const noCpuLimit = capabilities?.['cpu-limit'](LIMITS.cpus)?.why;
  const noDisks = capabilities?.['disk-limit'](64 * MIB)?.why;
  const noHosts = capabilities?.hosts(3)?.why;
  const noPrograms = capabilities?.double('byzantine-peer')?.why;
  const noDirectoryLife = capabilities?.['directory-faults']('kill')?.why;
  const titleUnless = (lack: string | undefined, what: string) => (lack ? `${what} (skipped: ${lack})` : what);
  const title = skipReason ? `driver ${name} (skipped: ${skipReason})` : `driver ${name}`;
  describe.skipIf(skipReason !== undefined)(title, { timeout: SUITE_TIMEOUT_MS }, () => {
    const open: { driver: Driver; logsDir: string }[] = [];
    let before: string[];
    let standIn: string;

    /** A prepared driver of a run of its own. */
    async function run(more: Partial<DriverInit> = {}) {
      const runId = `t${randomBytes(5).toString('hex')}`;
      const logsDir = await mkdtemp(join(tmpdir(), `logs-${runId}-`));
      const init = { runId, logsDir, signal: new AbortController().signal, ...more };
      const made = driver.create(init);
      open.push({ driver: made, logsDir });
      await made.prepare(() => {});
      return { driver: made, runId, logsDir };
    }

    /** A run whose directory and peers are the stand-in. */
    async function standInRun(more: Partial<DriverInit> = {}) {
      const made = await run({ peerImage: standIn, directoryImage: standIn, ...more });
      const directory = await made.driver.startDirectory({ name: 'directory', env: {} });
      const start = (peer: string, env: PeerEnv = {}, share: ShareFile[] = [], more: Partial<PeerSpec> = {}) =>
        made.driver.startPeer({ name: peer, env: { ...PEER, ...env }, directory, share, ...more });
      return { ...made, directory, start };
    }

    beforeAll(async () => {
      standIn = await driver.standIn();
      // Whatever is made once and kept (images, dist/) is not part of the comparison.
      const { driver: first } = await run();
      await first.end(false);
      before = await driver.snapshot();
    }, SUITE_TIMEOUT_MS * 3);

    afterEach(async () => {
      for (const { driver: made, logsDir } of open.splice(0)) {
        expect(await made.end(false)).toEqual([]);
        await rm(logsDir, { recursive: true, force: true });
      }
    });

    afterAll(async () => {
      expect(await driver.snapshot()).toEqual(before);
    });

    test('runs the real directory and peers, and finds their files', async () => {
      const { driver: made, logsDir } = await run();
      const directory = await made.startDirectory({ name: 'directory', env: { DIRECTORY_LEASE: '20s' } });
      const files = oddFiles();
      const spec = { env: PEER, directory, share: files };
      const [one, two] = await Promise.all([
        made.startPeer({ ...spec, name: 'peer-1' } satisfies PeerSpec),
        made.startPeer({ ...spec, name: 'peer-2', env: { ...PEER, PEER_USER: 'two' }, share: [] }),
      ]);
      for (const instance of [directory, one, two]) expect(await status(`${instance.url}/healthz`)).toBe(200);
      expect(await sorted(one.storedFiles())).toEqual(await expected(files));
      expect(await sorted(two.storedFiles())).toEqual([]);
      // What one peer downloads from the other is found on its disk: the addresses are right, and the share is writable.
      for (const peer of [one, two]) expect(await control(peer, 'login', {})).toMatchObject({ status: 200 });
      const answer = await control(two, 'download', { name: 'with spaces.bin' });
      expect(answer).toMatchObject({ status: 200, body: { outcome: 'ok', size: 3 * MIB + 1 } });
      await one.stop();
      expect(await sorted(one.storedFiles())).toEqual(await expected(files));
      const big = files.filter(({ name: file }) => file === 'with spaces.bin');
      expect(await sorted(two.storedFiles())).toEqual(await expected(big));
      expect(Object.keys(made.artifacts)).toEqual(expect.arrayContaining(['directory', 'peer']));
      expect(await made.end(true)).toEqual([]);
      // The log of a directory that stood before the run is where it runs.
      for (const log of [...(noDirectoryLife ? [] : ['directory']), 'peer-1', 'peer-2']) {
        expect((await readFile(join(logsDir, `${log}.log`), 'utf8')).length, log).toBeGreaterThan(0);
      }
    });

    test('passes the settings on, and nothing of its own environment', async () => {
      process.env.PEERLAB_TEST_SECRET = 'do not tell';
      const { start, directory } = await standInRun();
      const peer = await start('peer-1', { LOG_LEVEL: 'debug' });
      delete process.env.PEERLAB_TEST_SECRET;
      const env = await getJson(`${peer.url}/env`);
      expect(env).toMatchObject({ ...PEER, LOG_LEVEL: 'debug', NODE_ENV: 'production' });
      expect(env).toMatchObject({ PEER_ADVERTISE: peer.address, PEER_DIRECTORY_URL: directory.address });
      // In the one spelling, so that a port can be told from an IPv6 address.
      expect(addressText(parseAddress(peer.address) as Address)).toBe(peer.address);
      expect(parseAddress(new URL(directory.address).host)).toBeDefined();
      expect(env).not.toHaveProperty('PEERLAB_TEST_SECRET');
    });

    test('tells what lies in a share and is no regular file, and neither follows nor waits for it', async () => {
      const { start } = await standInRun();
      const peer = await start('peer-1', {}, [bytesFile('a', 700)]);
      expect(await status(`${peer.url}/leave-odd-things`)).toBe(200);
      const [file, ...others] = await sorted(peer.storedFiles());
      const odd = (name: string, kind: string) => ({ name, sizeBytes: 0, sha256: '', kind });
      expect(others).toEqual([
        odd('fifo', 'fifo'),
        { ...file, name: 'hard link' },
        odd('link to a', 'link'),
        odd('link to a folder', 'link'),
      ]);
      expect(file).toMatchObject({ name: 'a', sizeBytes: 700 });
    });

    const SINGLE = "runs a single peer from an image or a command of the user's, and says so in the artifacts";
    test.skipIf(noPrograms)(titleUnless(noPrograms, SINGLE), async () => {
      const { driver: made } = await run();
      const directory = await made.startDirectory({ name: 'directory', env: {} });
      const files = [bytesFile('a', 700)];
      const spec = { env: PEER, directory };
      const [own, usual] = await Promise.all([
        made.startPeer({ ...spec, name: 'own', share: files, image: standIn }),
        made.startPeer({ ...spec, name: 'usual', share: [], env: { ...PEER, PEER_USER: 'usual' } }),
      ]);
      expect(await getJson(`${own.url}/env`)).toMatchObject({ ...PEER, PEER_ADVERTISE: own.address });
      expect(await sorted(own.storedFiles())).toEqual(await expected(files));
      expect(await control(usual, 'login', {})).toMatchObject({ status: 200 });
      expect(made.artifacts).toHaveProperty([`peer ${standIn}`]);
    });

    /** Three of the real peers in one host, beside a real directory; all are logged in. */
    async function hostRun() {
      const made = await run();
      const directory = await made.driver.startDirectory({ name: 'directory', env: {} });
      const peers = ['a-1', 'a-2', 'b-1'].map((name, i) => ({
        ...{ name, directory, share: [oddFiles(), [bytesFile(`of ${name}`, 700)], []][i] ?? [] },
        env: { ...PEER, PEER_USER: name, ...(i === 2 && { LOG_LEVEL: 'error' }) },
      }));
      const hosted = (await made.driver.startHost({ name: 'host1', peers })) as [Instance, Instance, Instance];
      for (const peer of hosted) expect(await control(peer, 'login', {})).toMatchObject({ status: 200 });
      return { ...made, hosted, peers };
    }

    test.skipIf(noHosts)(
      titleUnless(
        noHosts,
        'hosts peers in one process, each with its own share, address, settings, figures and control',
      ),
      async () => {
        const { driver: made, hosted, peers, logsDir } = await hostRun();
        expect(hosted.map(({ name, role, host }) => ({ name, role, host }))).toEqual(
          peers.map(({ name }) => ({ name, role: 'peer', host: 'host1' })),
        );
        expect(new Set(hosted.flatMap(({ url, address }) => [url, address])).size).toBe(6);
        const [one, two, three] = hosted;
        for (const [i, peer] of hosted.entries()) {
          expect(await status(`${peer.url}/healthz`)).toBe(200);
          expect(await sorted(peer.storedFiles())).toEqual(await expected(peers[i]?.share ?? []));
        }
        expect(await control(two, 'download', { name: 'with spaces.bin' })).toMatchObject({
          status: 200,
          body: { outcome: 'ok', sources: [{ peer: one.address, bytes: 3 * MIB + 1 }] },
        });
        const received = hosted.map(async ({ url }) => {
          const text = await (await fetch(`${url}/metrics`)).text();
          return Number(/^peerlab_transfer_bytes_total\{direction="received"\} (\d+)$/m.exec(text)?.[1]);
        });
        expect(await Promise.all(received)).toEqual([0, 3 * MIB + 1, 0]);
        expect((await sorted(two.storedFiles())).map(({ name: file }) => file)).toEqual(['of a-2', 'with spaces.bin']);
        const wrong = await fetch(`${three.url}/control/search`, { method: 'POST', body: '{}' });
        expect(wrong.status).toBe(401);
        // By equal parts.
        const [first, second] = await Promise.all([one.usage(), two.usage()]);
        expect(first).toEqual(second);
        expect(first?.memoryBytes).toBeGreaterThan(5 * MIB);
        expect(await made.end(true)).toEqual([]);
        const log = (await readFile(join(logsDir, 'host1.log'), 'utf8')).trim().split('\n');
        const named = new Set(log.map((line) => JSON.parse(line).peer as string | undefined));
        expect(named).toEqual(new Set(['a-1', 'a-2', undefined]));
      },
    );

    test.skipIf(noHosts)(
      titleUnless(noHosts, 'stops a hosted peer alone, and starts it again; kills and freezes none'),
      async () => {
        const { driver: made, hosted } = await hostRun();
        const [one, two] = hosted;
        await expect(one.kill()).rejects.toMatchObject({ code: 'not-capable' });
        await expect(one.pause()).rejects.toMatchObject({ code: 'not-capable' });
        await expect(made.restart(one)).rejects.toMatchObject({ code: 'internal' });
        await one.stop();
        expect(await one.ended).toMatch(/a-1 was stopped.*host1/);
        expect(await one.usage()).toBeUndefined();
        await expect(status(`${one.url}/healthz`)).rejects.toThrow();
        expect(await status(`${two.url}/healthz`)).toBe(200);
        expect(await Array.fromAsync(one.storedFiles())).toHaveLength(oddFiles().length);
        // Who was stopped has left the index.
        expect(await control(two, 'search', { name: 'with spaces.bin' })).toMatchObject({ body: { results: [] } });
        const again = await made.restart(one);
        expect(again).toMatchObject({ name: one.name, url: one.url, address: one.address, host: 'host1' });
        expect(await control(again, 'login', {})).toMatchObject({ status: 200 });
        expect(await control(two, 'download', { name: 'with spaces.bin' })).toMatchObject({ status: 200 });
        expect(await Promise.race([again.ended, 'it runs'])).toBe('it runs');
      },
    );

    test.skipIf(noHosts)(titleUnless(noHosts, 'when a host dies, so have all its peers'), async () => {
      const { runId, driver: made, hosted } = await hostRun();
      const shares = hosted.map((peer) => Array.fromAsync(peer.storedFiles()));
      const before = await Promise.all(shares);
      await driver.killHost(runId, 'host1');
      for (const { name: peer, ended } of hosted) {
        expect(await ended).toMatch(new RegExp(`^${peer} ended with its host: host1.*(SIGKILL|exit code 137)`));
      }
      const [one] = hosted;
      await one.stop();
      await expect(made.restart(one)).rejects.toMatchObject({ code: 'instance-exited' });
      expect(await Promise.all(hosted.map((peer) => Array.fromAsync(peer.storedFiles())))).toEqual(before);
    });

    test.skipIf(noHosts)(titleUnless(noHosts, 'refuses what a hosted peer can not have of its own'), async () => {
      const { driver: made } = await run();
      const directory = await made.startDirectory({ name: 'directory', env: {} });
      const spec = { name: 'a-1', env: PEER, directory, share: [] };
      for (const more of [{ image: standIn }, { memoryBytes: LIMITS.memoryBytes }, { cpus: LIMITS.cpus }]) {
        const refused = made.startHost({ name: 'host1', peers: [{ ...spec, ...more }] });
        await expect(refused).rejects.toMatchObject({
          code: 'not-capable',
          message: expect.stringContaining('peersPerInstance'),
        });
      }
      const { driver: own, directory: standInDirectory } = await standInRun();
      const refused = own.startHost({ name: 'host1', peers: [{ ...spec, directory: standInDirectory }] });
      await expect(refused).rejects.toMatchObject({ code: 'not-capable' });
    });

    test.skipIf(noHosts)(titleUnless(noHosts, 'says which hosted peer could not be started'), async () => {
      const { driver: made } = await run();
      const directory = await made.startDirectory({ name: 'directory', env: {} });
      const peers = ['a-1', 'a-2'].map((name) => ({
        ...{ name, directory, share: [] },
        env: { ...PEER, PEER_USER: name, ...(name === 'a-2' && { PEER_STALL_TIMEOUT: 'soon' }) },
      }));
      await expect(made.startHost({ name: 'host1', peers })).rejects.toMatchObject({
        code: 'instance-exited',
        message: expect.stringMatching(/host1[\s\S]*a-2[\s\S]*PEER_STALL_TIMEOUT/),
      });
    });

    test.skipIf(!noHosts)(
      titleUnless(noHosts ? undefined : 'this driver can', 'hosts nobody where it can not'),
      async () => {
        const { driver: made, directory } = await standInRun();
        const peers = [{ name: 'a-1', env: PEER, directory, share: [] }];
        await expect(made.startHost({ name: 'host1', peers })).rejects.toMatchObject({
          code: 'not-capable',
          message: expect.stringContaining(noHosts as string),
        });
      },
    );

    test.skipIf(noMemoryLimit)(titleUnless(noMemoryLimit, 'holds a peer to its limit of memory'), async () => {
      const { start } = await standInRun();
      const [limited, free] = await Promise.all([
        start('limited', {}, [], { memoryBytes: LIMITS.memoryBytes }),
        start('free'),
      ]);
      const [eaten] = await Promise.allSettled([
        status(`${limited.url}/eat`, 20_000),
        status(`${free.url}/eat`, 20_000),
      ]);
      expect(eaten.status).toBe('rejected');
      expect(await limited.ended).toMatch(/memory|137/);
      expect((await free.usage())?.memoryBytes).toBeGreaterThan(160 * MIB);
    });

    test.skipIf(noCpuLimit)(titleUnless(noCpuLimit, 'holds a peer to its limit of CPU'), async () => {
      const { start } = await standInRun();
      const peer = await start('limited', {}, [], { cpus: LIMITS.cpus });
      const first = await peer.usage();
      const startedAt = performance.now();
      // Each burns 300 ms of CPU time.
      for (let i = 0; i < 3; i++) await status(`${peer.url}/burn`);
      const seconds = (performance.now() - startedAt) / 1000;
      const second = await peer.usage();
      // Without a limit it would be nearly 1; the engine's accounting lags by a period of 100 ms.
      expect(((second?.cpuSeconds ?? 0) - (first?.cpuSeconds ?? 0)) / seconds).toBeLessThan(2 * LIMITS.cpus);
    });

    test('refuses a limit that it can not hold', async () => {
      const { start } = await standInRun();
      if (noMemoryLimit) {
        const refused = start('limited', {}, [], { memoryBytes: LIMITS.memoryBytes });
        await expect(refused).rejects.toMatchObject({
          code: 'not-capable',
          message: expect.stringContaining(noMemoryLimit),
        });
      }
      await expect(start('greedy', {}, [], { cpus: 4096 })).rejects.toMatchObject({
        code: expect.stringMatching(/not-capable|engine-failed/),
        message: expect.stringMatching(/CPU|limit/i),
      });
    });

    test.skipIf(!noDisks)(titleUnless(noDisks ? undefined : 'this driver can', NO_SURROUNDINGS), async () => {
      const { start } = await standInRun({ disturbs: ['cut', 'disk'] });
      const peer = await start('peer-1');
      expect([peer.network, peer.disk]).toEqual([undefined, undefined]);
      await expect(start('limited', {}, [], { diskBytes: 64 * MIB })).rejects.toMatchObject({
        code: 'not-capable',
        message: expect.stringContaining(noDisks as string),
      });
    });

    test('stops in order, and by force when that fails', async () => {
      const kills: [string, number][] = [];
      const { start } = await standInRun({ onKill: (...kill) => kills.push(kill) });
      const [polite, stubborn] = await Promise.all([start('polite'), start('stubborn', { PEER_USER: 'stubborn' })]);
      await Promise.all([polite.stop(), stubborn.stop(1000)]);
      expect(kills).toEqual([['stubborn', 1000]]);
      expect(await polite.ended).toMatch(/exit code 0/);
      expect(await stubborn.ended).toMatch(/SIGKILL|exit code 137/);
      expect(await polite.usage()).toBeUndefined();
      // Ended is ended: nothing of this is an error.
      await polite.stop();
      await polite.kill();
    });

    test('kills, also what is frozen', async () => {
      const { start } = await standInRun();
      const [one, two] = await Promise.all([start('peer-1'), start('peer-2')]);
      await two.pause();
      await Promise.all([one.kill(), two.kill()]);
      expect(await one.ended).toMatch(/SIGKILL|exit code 137/);
      expect(await two.ended).toMatch(/SIGKILL|exit code 137/);
      await expect(status(`${one.url}/healthz`)).rejects.toThrow();
    });

    test('freezes, lets go on, and stops what is frozen', async () => {
      const { start } = await standInRun();
      const peer = await start('peer-1');
      await peer.pause();
      await expect(status(`${peer.url}/healthz`, 700)).rejects.toThrow(/timeout|aborted/i);
      await peer.resume();
      expect(await status(`${peer.url}/healthz`)).toBe(200);
      await peer.pause();
      await peer.stop();
      expect(await peer.ended).toMatch(/exit code 0/);
    });

    test('restarts what was killed or stopped: same name, address, settings and share', async () => {
      const { start, driver: made, directory } = await standInRun();
      const files = [bytesFile('a', 700)];
      const peer = await start('peer-1', { LOG_LEVEL: 'debug' }, files);
      await expect(made.restart(peer)).rejects.toMatchObject({ code: 'internal' });
      await peer.kill();
      const second = await made.restart(peer);
      expect(second).toMatchObject({ name: peer.name, role: 'peer', address: peer.address });
      expect(await getJson(`${second.url}/env`)).toMatchObject({ LOG_LEVEL: 'debug', PEER_ADVERTISE: peer.address });
      expect(await sorted(second.storedFiles())).toEqual(await expected(files));
      // Its first end is not that of its second life.
      expect(await Promise.race([second.ended, 'it runs'])).toBe('it runs');
      expect((await second.usage())?.memoryBytes).toBeGreaterThan(5 * MIB);
      await second.stop();
      expect(await second.ended).toMatch(/exit code 0/);
      expect(await status(`${(await made.restart(second)).url}/healthz`)).toBe(200);
      if (noDirectoryLife) {
        const lack = { code: 'not-capable', message: expect.stringContaining(noDirectoryLife) };
        for (const done of [directory.kill(), directory.stop(), directory.pause(), made.restart(directory)])
          await expect(done).rejects.toMatchObject(lack);
        return;
      }
      await directory.kill();
      const restarted = await made.restart(directory);
      expect(restarted.address).toBe(directory.address);
      expect(await status(`${restarted.url}/healthz`)).toBe(200);
    });

    test('says why an instance did not come back', async () => {
      const { start, driver: made } = await standInRun();
      const peer = await start('peer-1', { PEER_USER: 'lives-once' }, [bytesFile('lives', 0)]);
      await peer.kill();
      await expect(made.restart(peer)).rejects.toMatchObject({
        code: 'instance-exited',
        message: expect.stringMatching(/exit code 4[\s\S]*once is enough/),
      });
    });

    test('tells how much an instance uses', async () => {
      const { start } = await standInRun();
      const peer = await start('peer-1');
      const first = await peer.usage();
      expect(first?.memoryBytes).toBeGreaterThan(5 * MIB);
      expect(first?.memoryBytes).toBeLessThan(512 * MIB);
      await status(`${peer.url}/burn`);
      const second = await peer.usage();
      expect((second?.cpuSeconds ?? 0) - (first?.cpuSeconds ?? 0)).toBeGreaterThan(0.15);
    });

    test('says why an instance ended before it was ready, and when one ends by itself', async () => {
      const { start, logsDir, driver: made } = await standInRun();
      await expect(start('bad', { PEER_USER: 'exits-early' })).rejects.toMatchObject({
        code: 'instance-exited',
        message: expect.stringMatching(/exit code 3[\s\S]*I can not go on: the reason/),
      });
      const peer = await start('peer-1');
      await status(`${peer.url}/exit`);
      expect(await peer.ended).toMatch(/exit code 7/);
      expect(await made.end(true)).toEqual([]);
      expect(await readFile(join(logsDir, 'bad.log'), 'utf8')).toContain('I can not go on: the reason');
      expect(await readFile(join(logsDir, 'peer-1.log'), 'utf8')).toContain('the stand-in speaks');
    });

    test('gives up on an instance that does not get ready, and keeps its log', async () => {
      const { start, logsDir, driver: made } = await standInRun({ readyTimeoutMs: 4000 });
      const startedAt = performance.now();
      await expect(start('lame', { PEER_USER: 'never-ready' })).rejects.toMatchObject({
        code: 'not-ready',
        message: expect.stringMatching(/lame.*healthz.*4000 ms/),
      });
      expect(performance.now() - startedAt).toBeLessThan(10_000);
      expect(await made.end(true)).toEqual([]);
      expect(await readFile(join(logsDir, 'lame.log'), 'utf8')).toContain('the stand-in speaks');
    });

    test('ends every wait when the run is interrupted', async () => {
      const abort = new AbortController();
      const { start, driver: made } = await standInRun({ signal: abort.signal });
      const endless: ShareFile = { name: 'endless', sizeBytes: 1e12, open: () => new Readable({ read() {} }) };
      const starts = [start('lame', { PEER_USER: 'never-ready' }), start('filling', {}, [endless])];
      const outcomes = Promise.allSettled(starts);
      setTimeout(() => abort.abort(), 700);
      const startedAt = performance.now();
      for (const outcome of await outcomes) expect(outcome).toMatchObject({ reason: { code: 'interrupted' } });
      expect(performance.now() - startedAt).toBeLessThan(2500);
      expect(await made.end(true)).toEqual([]);
      await expect(start('late')).rejects.toMatchObject({ code: 'interrupted' });
    });

    test('refuses a share whose content is not as long as announced, or whose name is a path', async () => {
      const { start } = await standInRun();
      await expect(start('short', {}, [{ ...bytesFile('a', 10), sizeBytes: 11 }])).rejects.toThrow(/11 bytes/);
      await expect(start('long', {}, [{ ...bytesFile('a', 10), sizeBytes: 9 }])).rejects.toThrow(/9 bytes/);
      await expect(start('path', {}, [bytesFile('../a', 10)])).rejects.toMatchObject({ code: 'bad-name' });
    });

    test('keeps two runs at one time apart', async () => {
      const [one, two] = await Promise.all([standInRun(), standInRun()]);
      const [, left] = await Promise.all([one.start('peer-1'), two.start('peer-1')]);
      expect(await one.driver.end(false)).toEqual([]);
      expect(await status(`${left.url}/healthz`)).toBe(200);
      expect(await status(`${two.directory.url}/healthz`)).toBe(200);
    });

    test('ends twice, and faster when asked the second time', async () => {
      const { start, driver: made } = await standInRun();
      await start('stubborn', { PEER_USER: 'stubborn' });
      const startedAt = performance.now();
      const orderly = made.end(true);
      const atOnce = made.end(false);
      expect(await Promise.all([orderly, atOnce])).toEqual([[], []]);
      expect(performance.now() - startedAt).toBeLessThan(4500);
      expect(await made.end(true)).toEqual([]);
    });

    test('says whom it had to kill at the end', async () => {
      const kills: string[] = [];
      const { start, driver: made } = await standInRun({ onKill: (who) => kills.push(who) });
      await Promise.all([start('polite'), start('stubborn', { PEER_USER: 'stubborn' })]);
      expect(await made.end(true)).toEqual([]);
      expect(kills).toEqual(['stubborn']);
    });

    test('ends while it starts', async () => {
      const { start, driver: made } = await standInRun();
      const starts = Promise.allSettled(['a', 'b', 'c', 'd'].map((peer) => start(peer)));
      await new Promise((resolve) => setTimeout(resolve, 150));
      expect(await made.end(false)).toEqual([]);
      await starts;
    });
  });
}

function bytesFile(name: string, sizeBytes: number): ShareFile {
  const content = randomBytes(sizeBytes);
  return { name, sizeBytes, open: () => Readable.from(sizeBytes ? [content] : []) };
}

function oddFiles(): ShareFile[] {
  return [
    bytesFile('with spaces.bin', 3 * MIB + 1),
    bytesFile('empty', 0),
    bytesFile('-rf', 1),
    bytesFile('line\nbreak', 700),
    bytesFile('%41,b;c"d\'', 513),
    bytesFile('\u00e9 NFC', 10),
    bytesFile('e\u0301 NFD', 11),
    bytesFile('日本語'.repeat(28), 512),
    bytesFile('.hidden', 5),
  ];
}

async function expected(files: readonly ShareFile[]): Promise<StoredFile[]> {
  const stored = files.map(async ({ name, sizeBytes, open }) => {
    const hash = createHash('sha256');
    for await (const chunk of open()) hash.update(chunk);
    return { name, sizeBytes, sha256: hash.digest('hex') };
  });
  return (await Promise.all(stored)).sort(byName);
}

async function sorted(files: AsyncIterable<StoredFile>): Promise<StoredFile[]> {
  const all = await Array.fromAsync(files);
  // A peer that runs may hold its share by a socket.
  return all.filter(({ kind }) => kind !== 'socket').sort(byName);
}

const byName = (a: StoredFile, b: StoredFile) => (a.name < b.name ? -1 : 1);

async function status(url: string, timeoutMs = 5000): Promise<number> {
  const answer = await fetch(url, { signal: AbortSignal.timeout(timeoutMs), headers: { connection: 'close' } });
  await answer.arrayBuffer();
  return answer.status;
}

async function getJson(url: string): Promise<unknown> {
  return (await fetch(url, { headers: { connection: 'close' } })).json();
}

async function control(peer: Instance, verb: string, body: object): Promise<{ status: number; body: unknown }> {
  const answer = await fetch(`${peer.url}/control/${verb}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${PEER.PEER_CONTROL_TOKEN}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  return { status: answer.status, body: await answer.json() };
}
