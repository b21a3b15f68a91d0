import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { Cluster } from './cluster.ts';
import { namespaceOf } from './names.ts';
import { removeNamespace } from './removal.ts';

/** The Lease holds for 48 s, the watchdog looks every 2.4 s, and a cluster takes 5 to 6 s for a namespace. */
const GONE_WITHIN_MS = 75_000;

/** A lab that only prepares, and then does nothing but renew its Lease. */
const LAB = `
const { createKubernetesDriver } = await import(${JSON.stringify(path.join(import.meta.dirname, 'kubernetes-driver.ts'))});
const [runId, logsDir] = process.argv.slice(1);
const driver = createKubernetesDriver({ runId, logsDir, signal: new AbortController().signal });
await driver.prepare(() => {});
process.stdout.write('prepared');
setInterval(() => {}, 1000);
`;

test('a run whose lab has gone, and everything on its machine with it, is removed by the cluster itself', async () => {
  const runId = `lost${randomBytes(5).toString('hex')}`;
  const logsDir = mkdtempSync(path.join(tmpdir(), 'lost-lab-'));
  const cluster = await Cluster.named();
  const child = spawn(process.execPath, ['--input-type=module', '-e', LAB, runId, logsDir], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(async () => {
    child.kill('SIGKILL');
    rmSync(logsDir, { recursive: true });
    await removeNamespace(cluster, namespaceOf(runId), { withinMs: 30_000 });
    cluster.close();
  });
  await once(child.stdout, 'data');
  const isThere = () =>
    cluster.ask('GET', `/api/v1/namespaces/${namespaceOf(runId)}`).then(
      () => true,
      () => false,
    );
  // Longer than the Lease holds: a lab that lives keeps its run.
  await sleep(55_000);
  expect(await isThere()).toBe(true);
  child.kill('SIGKILL');
  const killedAt = performance.now();
  while (await isThere()) {
    expect(performance.now() - killedAt).toBeLessThan(GONE_WITHIN_MS);
    await sleep(500);
  }
  // Not because somebody else removed it.
  expect(performance.now() - killedAt).toBeGreaterThan(20_000);
}, 240_000);
