import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { Instance } from '../driver.ts';
import { createKubernetesDriver } from './kubernetes-driver.ts';
import { ownImage } from './programs.ts';

const ENV = { PEER_USER: 'tester', PEER_PASSWORD: 'secret', PEER_CONTROL_TOKEN: 'token' };

async function runWith(peerImage: string) {
  const logsDir = mkdtempSync(path.join(tmpdir(), 'own-image-'));
  const runId = `own${randomBytes(5).toString('hex')}`;
  const driver = createKubernetesDriver({ runId, logsDir, signal: new AbortController().signal, peerImage });
  onTestFinished(async () => {
    expect(await driver.end(false)).toEqual([]);
    rmSync(logsDir, { recursive: true });
  });
  await driver.prepare(() => {});
  const directory = await driver.startDirectory({ name: 'directory', env: {} });
  return { driver, start: () => driver.startPeer({ name: 'peer-1', env: ENV, directory, share: [] }) };
}

test('an image is started by its own entry point, which its name does not tell', async () => {
  const { driver, start } = await runWith(ownImage('peer'));
  const peer: Instance = await start();
  expect((await fetch(`${peer.url}/healthz`)).status).toBe(200);
  await peer.stop();
  expect(await peer.ended).toMatch(/exit code 0/);
  expect(driver.artifacts.peer).toMatch(new RegExp(`^${ownImage('peer')} sha256:[0-9a-f]{64}$`));
}, 120_000);

test('an image that no node can get is named, with the command that brings ours', async () => {
  const { start } = await runWith('nowhere.invalid/peer:1');
  await expect(start()).rejects.toMatchObject({
    code: 'image-not-on-node',
    message: expect.stringContaining('nowhere.invalid/peer:1'),
    hint: expect.stringContaining('make k8s-load'),
  });
}, 120_000);
