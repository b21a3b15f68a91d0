import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, test, vi } from 'vitest';
import type { Driver, PeerSpec } from '../driver.ts';
import { createDockerDriver } from './docker-driver.ts';
import { type EngineInfo, findEngine } from './engine.ts';
import { sweep } from './sweep.ts';

const engine = await findEngine();
const isSkipped = typeof engine === 'string' && process.env.PEERLAB_REQUIRE_DOCKER !== '1';
const title = isSkipped ? `an engine that goes away (skipped: ${engine})` : 'an engine that goes away';
const PEER = { PEER_USER: 'tester', PEER_PASSWORD: 'secret', PEER_CONTROL_TOKEN: 'token' };

/**
 * A socket in front of the real engine's. testcontainers keeps the first connection that it makes for as long as the
 * program lives, so there is one proxy for all tests.
 */
class EngineProxy {
  #mode: 'forward' | 'hang' | 'gone' = 'forward';
  readonly #sockets = new Set<Socket>();

  constructor(path: string, target: string) {
    createServer((client) => {
      if (this.#mode === 'gone') return void client.destroy();
      this.#keep(client);
      if (this.#mode === 'hang') return;
      const server = connect(target);
      this.#keep(server);
      client.pipe(server);
      server.pipe(client);
    })
      .listen(path)
      .unref();
  }

  /** As after a restart: connections of before are dead. */
  forward(): void {
    if (this.#mode === 'hang') this.goAway();
    this.#mode = 'forward';
  }

  hang(): void {
    this.#mode = 'hang';
    for (const socket of this.#sockets) socket.unpipe().pause();
  }

  goAway(): void {
    this.#mode = 'gone';
    for (const socket of this.#sockets) socket.destroy();
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('error', () => {}).on('close', () => this.#sockets.delete(socket));
  }
}

describe.skipIf(isSkipped)(title, { timeout: 120_000 }, () => {
  const runs: { runId: string; logsDir: string }[] = [];
  let proxy: EngineProxy | undefined;
  let proxyFolder: string | undefined;

  async function runBehindProxy(): Promise<Driver> {
    const { endpoint } = engine as EngineInfo;
    if (!proxy) {
      proxyFolder = await mkdtemp(join(tmpdir(), 'engine-'));
      const path = join(proxyFolder, 'docker.sock');
      proxy = new EngineProxy(path, endpoint.slice('unix://'.length));
      vi.stubEnv('DOCKER_HOST', `unix://${path}`);
    }
    proxy.forward();
    const runId = `t${randomBytes(5).toString('hex')}`;
    const logsDir = await mkdtemp(join(tmpdir(), `logs-${runId}-`));
    runs.push({ runId, logsDir });
    const driver = createDockerDriver({ runId, logsDir, signal: new AbortController().signal });
    await driver.prepare(() => {});
    return driver;
  }

  afterAll(async () => {
    vi.unstubAllEnvs();
    if (proxyFolder) await rm(proxyFolder, { recursive: true, force: true });
  });

  afterEach(async () => {
    for (const { runId, logsDir } of runs.splice(0)) {
      expect(await sweep(engine as EngineInfo, runId, logsDir, AbortSignal.abort())).toEqual([]);
      await rm(logsDir, { recursive: true, force: true });
    }
  });

  test('fails what is under way, tells the end of every instance, and is named by end()', async () => {
    const driver = await runBehindProxy();
    const directory = await driver.startDirectory({ name: 'directory', env: {} });
    const spec: PeerSpec = { name: 'peer-1', env: PEER, directory, share: [] };
    const starting = driver.startPeer(spec);
    starting.catch(() => {});
    setTimeout(() => proxy?.goAway(), 200);
    await expect(starting).rejects.toMatchObject({ code: 'engine-lost' });
    expect(await directory.ended).toMatch(/engine went away/);
    await expect(directory.stop()).resolves.toBeUndefined();
    await expect(driver.startPeer({ ...spec, name: 'peer-2' })).rejects.toMatchObject({ code: 'engine-lost' });
    const startedAt = Date.now();
    expect(await driver.end(true)).toEqual([expect.stringMatching(/engine does not answer.*peerlab\.run=/)]);
    expect(Date.now() - startedAt).toBeLessThan(20_000);
  });

  test('cleans up when it is back at the end', async () => {
    const driver = await runBehindProxy();
    const directory = await driver.startDirectory({ name: 'directory', env: {} });
    proxy?.goAway();
    await directory.ended;
    proxy?.forward();
    expect(await driver.end(true)).toEqual([]);
  });

  test('that hangs holds up end() for a bounded time only', async () => {
    const driver = await runBehindProxy();
    await driver.startDirectory({ name: 'directory', env: {} });
    proxy?.hang();
    const startedAt = Date.now();
    expect(await driver.end(true)).toEqual([expect.stringMatching(/engine does not answer/)]);
    expect(Date.now() - startedAt).toBeLessThan(20_000);
  });

  test('that hangs is said not to answer when it is looked for', async () => {
    await (await runBehindProxy()).end(false);
    proxy?.hang();
    expect(await findEngine()).toMatch(/no answer .* in 3000 ms/);
    proxy?.goAway();
    expect(await findEngine()).toMatch(/no Docker engine answers/);
  });
});
