import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { StandInDirectory } from './testing/stand-in-directory.ts';
import { CONTROL_TOKEN, sha256, TestPeer, tempFolder } from './testing/test-peer.ts';

const program = (name: string) => fileURLToPath(new URL(name, import.meta.url));

function cli(env: Record<string, string>, ...args: string[]) {
  return new Promise<{ code: number; stdout: string; stderr: string }>((resolve) => {
    execFile(
      process.execPath,
      [program('./cli.ts'), ...args],
      { env: { ...env, NODE_NO_WARNINGS: '1' } },
      (error, stdout, stderr) => resolve({ code: error ? Number(error.code) : 0, stdout, stderr }),
    );
  });
}

test('the command line against running peers', async () => {
  await using directory = await StandInDirectory.start();
  await using seeder = await TestPeer.start({ PEER_DIRECTORY_URL: directory.url }, { file: 'content' });
  await using leecher = await TestPeer.start(
    { PEER_DIRECTORY_URL: directory.url, PEER_USER: 'bob' },
    { 'evil\u001b[2J': 'x' },
  );
  const env = { PEER_CONTROL_PORT: String(leecher.peer.controlPort), PEER_CONTROL_TOKEN: CONTROL_TOKEN };
  await seeder.control('login');

  expect(await cli(env, 'login')).toMatchObject({ code: 0, stdout: expect.stringContaining('logged in') });
  const index = await cli(env, 'index');
  expect(index.stdout).toMatch(new RegExp(`${seeder.address} +ann +7 +${sha256('content').slice(0, 12)} +file`));
  expect(index.stdout).not.toContain('\u001b');
  expect((await cli(env, 'search', 'file')).stdout).toContain(seeder.address);
  const download = await cli(env, 'download', 'file', '--from', seeder.address, '--sha256', sha256('content'));
  expect(download.stdout).toContain(`file: downloaded, 7 bytes from ${seeder.address}`);
  expect(await readFile(join(leecher.share, 'file'), 'utf8')).toBe('content');
  expect(JSON.parse((await cli(env, '--json', 'download', 'file')).stdout)).toMatchObject({ outcome: 'ok', bytes: 0 });
  expect((await cli(env, 'upload', 'evil\u001b[2J', seeder.address)).stdout).toContain('uploaded, 1 byte');
  expect((await cli(env, 'loadfiles')).stdout).toBe('2 files published\n');
  expect((await cli(env, 'logout')).stdout).toBe('logged out\n');

  const refused = await cli(env, 'download', 'none');
  expect(refused).toMatchObject({ code: 1, stdout: '' });
  expect(refused.stderr).toBe('this peer is not logged in at a directory\nLog in first.\n');
  expect(await cli({ ...env, PEER_CONTROL_TOKEN: 'wrong' }, 'index')).toMatchObject({ code: 1 });
  expect(await cli({}, 'index')).toMatchObject({ code: 1, stderr: expect.stringContaining('PEER_CONTROL_TOKEN') });
  expect(await cli({ ...env, PEER_CONTROL_PORT: '1' }, 'index')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('ECONNREFUSED'),
  });
}, 60_000);

test('what a hostile peer answers is shown, not obeyed', async () => {
  const evil = '\u001b]52;c;eA==\u0007\u009b2J\u202e';
  const server = createServer((request, response) => {
    const fails = request.url?.endsWith('loadfiles');
    const download = {
      name: evil,
      size: 1,
      sha256: evil,
      bytes: 1,
      sources: [{ peer: evil, bytes: 1, error: evil }],
      seconds: 0,
    };
    response.writeHead(fails ? 500 : 200);
    response.end(JSON.stringify(fails ? { error: { message: evil, hint: evil } } : download));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const env = { PEER_CONTROL_PORT: String((server.address() as AddressInfo).port), PEER_CONTROL_TOKEN: 'x' };
  try {
    for (const args of [['download', 'a'], ['--json', 'download', 'a'], ['loadfiles']]) {
      const { stdout, stderr } = await cli(env, ...args);
      expect(`${stdout}${stderr}`).toContain('52;c;eA==');
      expect(`${stdout}${stderr}`.replaceAll('\n', '')).not.toMatch(/\p{C}/u);
    }
  } finally {
    server.close();
  }
}, 30_000);

test('the service: says when it is ready, and leaves the index when it is told to stop', async () => {
  await using directory = await StandInDirectory.start();
  await using folder = await tempFolder({ file: 'content' });
  const child = spawn(process.execPath, [program('./main.ts')], {
    env: {
      ...{ PEER_USER: 'ann', PEER_PASSWORD: 'x', PEER_SHARE_DIR: folder.path, PEER_CONTROL_TOKEN: CONTROL_TOKEN },
      ...{ PEER_PORT: '0', PEER_CONTROL_PORT: '0', PEER_DIRECTORY_URL: directory.url },
    },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  try {
    const exited = once(child, 'exit');
    let ready: { msg?: string; control?: number; grpc?: string } = {};
    for await (const line of createInterface({ input: child.stdout })) {
      ready = JSON.parse(line);
      if (ready.msg === 'ready') break;
    }
    expect(ready).toMatchObject({ msg: 'ready', grpc: expect.stringMatching(/^127\.0\.0\.1:\d+$/) });
    const env = { PEER_CONTROL_PORT: String(ready.control), PEER_CONTROL_TOKEN: CONTROL_TOKEN };
    expect((await cli(env, 'login')).code).toBe(0);
    expect(directory.peers.size).toBe(1);
    child.kill('SIGTERM');
    expect(await exited).toEqual([0, null]);
    expect(directory.peers.size).toBe(0);
  } finally {
    child.kill('SIGKILL');
  }
}, 30_000);

test('wrong settings: all of them on one line, exit code 64', async () => {
  const result = await new Promise<{ code: unknown; stderr: string }>((resolve) => {
    execFile(process.execPath, [program('./main.ts')], { env: { PEER_PORT: 'x' } }, (error, _, stderr) =>
      resolve({ code: error?.code, stderr }),
    );
  });
  expect(result.code).toBe(64);
  for (const name of ['PEER_USER', 'PEER_PASSWORD', 'PEER_SHARE_DIR', 'PEER_PORT'])
    expect(result.stderr).toContain(name);
}, 30_000);
