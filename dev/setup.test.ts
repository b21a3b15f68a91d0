import { execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { filesOf } from './rooms/imports.ts';

/** bin/setup in real copies of the tree. A stub stands in for npm: it is quick, and takes the packages that are here. */

const ROOT = path.resolve(import.meta.dirname, '..');
const STUB = `#!/bin/sh
echo "$*" >> "$CALLS"
[ "$1" = ci ] || exit 1
sleep "\${SLOW:-0}"
rm -rf node_modules; mkdir node_modules
for one in "$PACKAGES"/* "$PACKAGES"/.bin; do ln -s "$one" node_modules/; done
echo '{}' > node_modules/.package-lock.json
`;

interface Checkout {
  readonly root: string;
  readonly env: NodeJS.ProcessEnv;
  /** What npm was called with, a line a call. */
  calls(): string[];
}

function checkout(name: string): Checkout {
  const folder = mkdtempSync(path.join(tmpdir(), 'setup-test-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const root = path.join(folder, name);
  for (const { file } of filesOf(ROOT)) cpSync(path.join(ROOT, file), path.join(root, file));
  const bin = path.join(folder, 'stub');
  mkdirSync(bin);
  writeFileSync(path.join(bin, 'npm'), STUB, { mode: 0o755 });
  symlinkSync(process.execPath, path.join(bin, 'node'));
  const calls = path.join(folder, 'calls');
  const env = {
    ...process.env,
    PATH: `${bin}:${process.env.PATH}`,
    CALLS: calls,
    PACKAGES: path.join(ROOT, 'node_modules'),
  };
  const read = () => (existsSync(calls) ? readFileSync(calls, 'utf8').trim().split('\n') : []);
  return { root, env, calls: read };
}

const command = ({ root, env }: Checkout, more: NodeJS.ProcessEnv = {}) =>
  promisify(execFile)(path.join(root, 'bin', 'lab'), ['schema', 'suite'], { env: { ...env, ...more } });

test.each(['C#', 'it\'s a "folder"', '100% ü', 'a:b', '$HOME;x'])('a checkout in a folder called %s', async (name) => {
  const some = checkout(name);
  expect((await command(some)).stdout).toContain('deadline');
  await command(some);
  expect(some.calls()).toHaveLength(1);
  const made = await promisify(execFile)('make', ['-s', 'list'], { cwd: some.root, env: some.env });
  expect(made.stdout).toContain('basic');
});

test('two first commands at once install once', async () => {
  const some = checkout('x');
  const both = await Promise.all([command(some, { SLOW: '1' }), command(some, { SLOW: '1' })]);
  for (const { stdout } of both) expect(stdout).toContain('deadline');
  expect(some.calls()).toHaveLength(1);
});

test('an installation without the packages of the lab heals by itself, and so does one of another lock file', async () => {
  const some = checkout('x');
  await command(some);
  rmSync(path.join(some.root, 'node_modules', 'yaml'));
  await command(some);
  expect(some.calls()).toHaveLength(2);
  const lock = path.join(some.root, 'package-lock.json');
  writeFileSync(lock, `${readFileSync(lock, 'utf8')}\n`);
  execFileSync('touch', ['-d', '2001-01-01', lock]);
  await command(some);
  expect(some.calls()).toHaveLength(3);
});

const hasFlock = (() => {
  try {
    execFileSync('flock', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
})();

test.runIf(hasFlock)('a newer lock file waits until what runs from this checkout has ended (needs flock)', async () => {
  const some = checkout('x');
  await command(some);
  const running = spawn('sh', ['-c', `root=$PWD; . ./bin/setup; echo up; read -r _`], {
    cwd: some.root,
    env: some.env,
  });
  await once(running.stdout, 'data');
  writeFileSync(path.join(some.root, 'package-lock.json'), '{}');
  const waiting = spawn(path.join(some.root, 'bin', 'lab'), ['schema'], { env: some.env });
  const [said] = await once(waiting.stderr, 'data');
  expect(String(said)).toContain('Waiting for another command of this checkout');
  expect(some.calls()).toHaveLength(1);
  running.stdin.end('\n');
  waiting.stdout.resume();
  expect(await once(waiting, 'close')).toEqual([0, null]);
  expect(some.calls()).toHaveLength(2);
});

test('the real npm installs all packages, whatever the settings say', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'setup-npm-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const write = (name: string, content: object) => {
    mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    writeFileSync(path.join(folder, name), JSON.stringify(content));
  };
  const own = { name: 'x', version: '1.0.0', devDependencies: { yaml: 'file:yaml' } };
  write('package.json', own);
  write('yaml/package.json', { name: 'yaml', version: '1.0.0' });
  const link = { resolved: 'yaml', link: true };
  write('package-lock.json', {
    ...{ name: 'x', version: '1.0.0', lockfileVersion: 3, requires: true },
    packages: { '': own, 'node_modules/yaml': link, yaml: { version: '1.0.0', dev: true } },
  });
  cpSync(path.join(ROOT, 'bin'), path.join(folder, 'bin'), { recursive: true });
  const hostile = {
    ...{ NODE_ENV: 'production', npm_config_omit: 'dev', npm_config_global: 'true', npm_config_prefix: '/nowhere' },
    ...{ npm_config_dry_run: 'true', npm_config_package_lock_only: 'true', npm_config_package_lock: 'false' },
  };
  const env = { ...process.env, ...hostile, PATH: `${path.dirname(process.execPath)}:${process.env.PATH}` };
  await promisify(execFile)('sh', ['-c', 'root=$PWD; . ./bin/setup'], { cwd: folder, env });
  expect(existsSync(path.join(folder, 'node_modules', 'yaml', 'package.json'))).toBe(true);
});
