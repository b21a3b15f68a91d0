import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { buildServices, hashOf } from './artifacts.ts';

test('builds once, also when asked many times at once', async () => {
  const reports: string[] = [];
  const all = await Promise.all(Array.from({ length: 4 }, () => buildServices((what) => reports.push(what))));
  expect(reports.length).toBeLessThanOrEqual(1);
  expect(new Set(all.map(({ hash }) => hash)).size).toBe(1);
  expect(existsSync(all[0]?.directory ?? '') && existsSync(all[0]?.peer ?? '')).toBe(true);
  const again: string[] = [];
  await buildServices((what) => again.push(what));
  expect(again).toEqual([]);
});

test('the hash depends on the inputs, not on tests', async () => {
  const [some, same, other] = await Promise.all([
    hashOf(['proto/*.ts']),
    hashOf(['proto/*.ts', 'proto/*.test.ts']),
    hashOf(['proto/*.ts'], 'more'),
  ]);
  expect(same).toBe(some);
  expect(other).not.toBe(some);
});

test('a service needs nothing but its own file, and what it reads beside itself', async () => {
  const { directory, peer } = await buildServices(() => {});
  for (const main of [directory, peer]) {
    // Far from any node_modules.
    const folder = mkdtempSync(path.join(tmpdir(), 'alone-'));
    for (const name of ['main.js', 'peer.proto']) {
      const file = path.join(path.dirname(main), name);
      if (existsSync(file)) cpSync(file, path.join(folder, name));
    }
    writeFileSync(path.join(folder, 'package.json'), '{"type": "module"}');
    const env = { PATH: process.env.PATH, DIRECTORY_PORT: 'none', PEER_PORT: 'none' };
    const { status, stderr } = spawnSync(process.execPath, [path.join(folder, 'main.js')], { env, encoding: 'utf8' });
    // All its code is loaded before settings are read.
    expect(stderr).toMatch(/(DIRECTORY|PEER)_PORT/);
    expect(status).toBe(64);
  }
});
