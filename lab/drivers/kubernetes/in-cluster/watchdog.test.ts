import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';

const WATCHDOG = path.join(import.meta.dirname, 'watchdog.ts');
const LEASE_SECONDS = 2;
const noOpenssl = spawnSync('openssl', ['version']).status === 0 ? undefined : 'no openssl here';

/** An API server that has one Lease, and a watchdog of that Lease. */
async function watched() {
  const folder = mkdtempSync(path.join(tmpdir(), 'watchdog-'));
  const [key, cert] = [path.join(folder, 'key'), path.join(folder, 'ca.crt')];
  const made = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '1'];
  const names = ['-subj', '/CN=api', '-addext', 'subjectAltName=IP:127.0.0.1'];
  expect(spawnSync('openssl', [...made, ...names, '-keyout', key, '-out', cert]).status).toBe(0);
  writeFileSync(path.join(folder, 'token'), 'its token');
  const server = {
    ...{ renewTime: '1', isThere: true, deletes: [] as number[], reads: 0, began: performance.now() },
    /** Names of nodes, and the runs that they carry; and what was asked of them. */
    nodes: {} as Record<string, string>,
    nodeCalls: [] as string[],
  };
  const api = https.createServer({ key: readFileSync(key), cert: readFileSync(cert) }, (request, response) => {
    if (!server.isThere) return void request.socket.destroy();
    expect(request.headers.authorization).toBe('Bearer its token');
    const node = /^\/api\/v1\/nodes\/(.+)$/.exec(request.url ?? '')?.[1];
    if (node !== undefined) {
      server.nodeCalls.push(`${request.method} ${node}, ${server.deletes.length} deleted`);
      return void response.end(JSON.stringify({ metadata: { labels: { 'peerlab.run': server.nodes[node] } } }));
    }
    if (request.method === 'DELETE') server.deletes.push(performance.now());
    else server.reads++;
    const annotations = { 'peerlab.nodes': Object.keys(server.nodes).join(',') };
    response.end(JSON.stringify({ metadata: { annotations }, spec: { renewTime: server.renewTime } }));
  });
  api.listen(0, '127.0.0.1');
  await once(api, 'listening');
  const env = {
    ...{ PATH: process.env.PATH, KUBERNETES_SERVICE_HOST: '127.0.0.1' },
    KUBERNETES_SERVICE_PORT: String((api.address() as AddressInfo).port),
  };
  const child = spawn(process.execPath, [WATCHDOG, 'peerlab-run-some', 'lab', String(LEASE_SECONDS), folder], { env });
  onTestFinished(() => {
    child.kill('SIGKILL');
    api.closeAllConnections();
    api.close();
    rmSync(folder, { recursive: true });
  });
  await expect.poll(() => server.reads, { timeout: 10_000 }).toBeGreaterThan(0);
  return server;
}

const skipped = noOpenssl ? ` (skipped: ${noOpenssl})` : '';

test.skipIf(noOpenssl)(
  `a Lease that is renewed keeps its run; one that is not ends it${skipped}`,
  async () => {
    const server = await watched();
    for (let n = 0; n < 8; n++) {
      await sleep((LEASE_SECONDS * 1000) / 4);
      server.renewTime = String(n);
    }
    expect(server.deletes).toEqual([]);
    await expect.poll(() => server.deletes.length, { timeout: 10_000 }).toBeGreaterThan(0);
  },
  30_000,
);

test.skipIf(noOpenssl)(
  `after an outage of the server a lab has its full time again${skipped}`,
  async () => {
    const server = await watched();
    server.isThere = false;
    // Nobody could renew it meanwhile.
    await sleep(LEASE_SECONDS * 2000);
    server.isThere = true;
    const backAt = performance.now();
    await expect.poll(() => server.deletes.length, { timeout: 10_000 }).toBeGreaterThan(0);
    expect((server.deletes[0] as number) - backAt).toBeGreaterThan(LEASE_SECONDS * 1000 - 300);
  },
  30_000,
);

test.skipIf(noOpenssl)(
  `before it ends a run it puts the nodes back in service that carry the run, and no others${skipped}`,
  async () => {
    const server = await watched();
    server.nodes = { 'node-1': 'some', 'node-2': 'other' };
    await expect.poll(() => server.deletes.length, { timeout: 10_000 }).toBeGreaterThan(0);
    expect(server.nodeCalls.slice(0, 3)).toEqual(
      ['GET node-1', 'PATCH node-1', 'GET node-2'].map((call) => `${call}, 0 deleted`),
    );
  },
  30_000,
);
