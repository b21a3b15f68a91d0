import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';

/**
 * What Node compiled is kept for the next start (NODE_COMPILE_CACHE). A service that sets flags of V8 may spoil that: what it writes is refused,
 * and each process writes everything again when it ends. On a busy disk that took longer than an end may take.
 */

const ROOT = path.resolve(import.meta.dirname, '..');

/** Starts a service, waits until it is ready, and ends it in order. */
async function live(service: string, env: Record<string, string>): Promise<void> {
  const child = spawn(process.execPath, [path.join(ROOT, 'images', service, 'main.ts')], {
    env: { PATH: process.env.PATH, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit');
  let said = '';
  await new Promise<void>((resolve, reject) => {
    child.stdout.on('data', (text) => {
      said += text;
      if (said.includes('"msg":"ready"')) resolve();
    });
    child.once('exit', () => reject(new Error(`it ended before it was ready: ${said}`)));
  });
  child.kill('SIGTERM');
  expect(await ended).toEqual([0, null]);
}

/** The files of a cache, each with the time of its last writing. */
function filesOf(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => ({ name, stats: statSync(path.join(folder, name)) }))
    .filter(({ stats }) => stats.isFile())
    .map(({ name, stats }) => `${name} ${stats.mtimeMs} ${stats.ino}`)
    .sort();
}

test('a directory and a peer that start again write nothing of what Node compiled', { timeout: 60_000 }, async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'compile-cache-'));
  const [cache, share] = [path.join(folder, 'cache'), path.join(folder, 'share')];
  mkdirSync(share);
  const both = async () => {
    await live('directory', { NODE_COMPILE_CACHE: cache, DIRECTORY_PORT: '0' });
    await live('peer', {
      ...{ NODE_COMPILE_CACHE: cache, PEER_USER: 'ann', PEER_PASSWORD: 'secret', PEER_SHARE_DIR: share },
      ...{ PEER_DIRECTORY_URL: 'http://127.0.0.1:9', PEER_CONTROL_TOKEN: 't', PEER_PORT: '0', PEER_CONTROL_PORT: '0' },
    });
    return filesOf(cache);
  };
  const first = await both();
  expect(first.length).toBeGreaterThan(100);
  expect(await both()).toEqual(first);
});
