import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdtemp, readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { processesWith } from '../../machine/proc.ts';
import type { Instance } from '../driver.ts';
import { createProcessDriver } from './process-driver.ts';
import { processSweeper } from './sweeper.ts';

/** Several directories of one run: one address, one state, and nothing left of them. */

async function start() {
  const runId = `t${randomBytes(5).toString('hex')}`;
  const logsDir = await mkdtemp(join(tmpdir(), 'logs-'));
  const driver = createProcessDriver({ runId, logsDir, signal: new AbortController().signal });
  onTestFinished(async () => void (await driver.end(false)));
  await driver.prepare(() => {});
  const names = ['directory-1', 'directory-2'];
  const replicas = await driver.startReplicas?.(names.map((name) => ({ name, env: { DIRECTORY_LEASE: '1m' } })));
  return { driver, runId, logsDir, replicas: replicas as Instance[] };
}

async function post(url: string, path: string, body: object, token?: string) {
  const headers = { ...(token && { authorization: `Bearer ${token}` }), connection: 'close' };
  const answer = await fetch(`${url}${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
  return { status: answer.status, body: (await answer.json()) as { token?: string } };
}

const login = (url: string, user: string, port: number) =>
  post(url, '/login', { user, password: user, ip: '127.0.0.1', port, files: [] });

const onlineAt = async ({ url }: Instance) =>
  Number(/^peerlab_directory_peers_online (\d+)/m.exec(await (await fetch(`${url}/metrics`)).text())?.[1]);

/** Pieces of System V shared memory whose makers are gone: a server that was killed leaves one. */
function orphanedMemory(): number {
  const [, ...lines] = readFileSync('/proc/sysvipc/shm', 'utf8').trim().split('\n');
  return lines.filter((line) => line.trim().split(/\s+/)[6] === '0').length;
}

test('one address leads to those that are ready, and what one was told all know; nothing is left at the end', async () => {
  const memoryBefore = orphanedMemory();
  const { driver, runId, logsDir, replicas } = await start();
  const [first, second] = replicas as [Instance, Instance];
  expect(first.address).toBe(second.address);
  expect(new Set([first.url, second.url, first.address]).size).toBe(3);
  const { token } = (await login(first.address, 'ann', 7001)).body;
  // Each connection goes to another one: a token holds at all.
  for (let i = 0; i < 6; i++) expect((await post(first.address, '/heartbeat', {}, token)).status).toBe(200);
  const { token: bob } = (await login(first.address, 'bob', 7002)).body;
  await expect.poll(async () => Promise.all(replicas.map(onlineAt))).toEqual([2, 2]);

  await first.kill();
  for (let i = 0; i < 6; i++) expect((await post(second.address, '/heartbeat', {}, token)).status).toBe(200);
  expect((await post(second.address, '/logout', {}, bob)).status).toBe(200);
  const back = await driver.restart(first);
  expect(back.address).toBe(first.address);
  expect(await onlineAt(back)).toBe(1);
  await second.kill();
  // At once, though the front has not looked again since the first one came back.
  expect((await post(back.address, '/heartbeat', {}, token)).status).toBe(200);

  expect(await driver.end(true)).toEqual([]);
  expect(await readdir(logsDir)).toEqual(
    expect.arrayContaining(['database.log', 'directory-1.log', 'directory-front.log']),
  );
  expect((await processesWith('PEERLAB_RUN')).filter(({ value }) => value === runId)).toEqual([]);
  expect(orphanedMemory()).toBe(memoryBefore);
});

test('what a lab that is gone has left of them is swept, the memory that they shared too', async () => {
  const memoryBefore = orphanedMemory();
  const { runId } = await start();
  expect((await processSweeper.find(runId)).length).toBeGreaterThanOrEqual(4);
  expect(await processSweeper.sweep(runId)).toEqual([]);
  expect(await processSweeper.find(runId)).toEqual([]);
  expect(orphanedMemory()).toBe(memoryBefore);
});
