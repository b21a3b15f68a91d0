import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { Cluster } from './cluster.ts';
import { KubernetesRun } from './kubernetes-run.ts';

const PEERS = 20;
/** In a whole run; what the run itself costs, whatever its size, is among them. */
const CALLS_PER_PEER = 6;

test('a run asks the server little, and the more peers it has, the less for each', async () => {
  const logsDir = mkdtempSync(path.join(tmpdir(), 'calls-'));
  onTestFinished(() => rmSync(logsDir, { recursive: true }));
  const cluster = await Cluster.named();
  const runId = `calls${randomBytes(5).toString('hex')}`;
  const run = new KubernetesRun({ runId, logsDir, signal: new AbortController().signal }, cluster);
  onTestFinished(async () => expect(await run.end(false)).toEqual([]));
  await run.prepare(() => {});
  const directory = await run.startDirectory({ name: 'directory', env: {} });
  const before = cluster.calls;
  const names = Array.from({ length: PEERS }, (_, i) => `peer-${i + 1}`);
  const env = { PEER_PASSWORD: 'secret', PEER_CONTROL_TOKEN: 'token' };
  await Promise.all(
    names.map((name) => run.startPeer({ name, env: { ...env, PEER_USER: name }, directory, share: [] })),
  );
  // One for each pod; the lease is renewed meanwhile, and the watch may begin anew.
  expect(cluster.calls - before).toBeLessThanOrEqual(PEERS + 10);
  expect(await run.end(true)).toEqual([]);
  expect(cluster.calls).toBeLessThanOrEqual(PEERS * CALLS_PER_PEER);
}, 240_000);
