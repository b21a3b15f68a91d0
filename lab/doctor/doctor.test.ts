import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';

const LAB = path.resolve(import.meta.dirname, '..', '..', 'bin', 'lab');
const NOWHERE = { DOCKER_HOST: 'unix:///nowhere/docker.sock' };

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'doctor-test-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function lab(args: string[], env: Record<string, string> = {}): Promise<{ code: number; output: string }> {
  return new Promise((resolve) => {
    const options = { env: { ...process.env, ...env }, cwd: folder, timeout: 30_000 };
    execFile(LAB, args, options, (error, stdout, stderr) =>
      resolve({ code: error ? Number(error.code) : 0, output: stdout + stderr }),
    );
  });
}

function limitedScenario(): string {
  const file = path.join(folder, 'limited.yaml');
  writeFileSync(
    file,
    'name: limited\ndescription: do limits hold?\ngroups: {a: {count: 2, limits: {memory: 128MiB}}}\nsteps: [{login: all}]\nexpect: [operations.login.failed == 0]\n',
  );
  return file;
}

test('the doctor says of this machine, for processes, a line for each check and how many peers fit', async () => {
  const { code, output } = await lab(['doctor', '--driver', 'process']);
  expect(code, output).toBe(0);
  expect(output).toMatch(/^basic with 4 peers, driver process\n/);
  const always = ['node', 'kernel', 'abilities', 'open files', 'processes', 'inotify', 'ports', 'memory', 'plan'];
  for (const name of [...always, 'disk of shares', 'disk of results'])
    expect(output).toMatch(new RegExp(`^ {2}[✔?] ${name} `, 'm'));
  for (const name of ['engine', 'images', 'address pools', 'bridge', 'neighbours', 'memory limits'])
    expect(output).not.toMatch(new RegExp(`^ {2}[✔?] ${name} `, 'm'));
  expect(output).toMatch(/^(fits|tight: .*)\n.*\d+ peers like these would fit/m);
});

test('ten thousand peers do not fit: exit 1, with a reason and a fix each, and without laying out such a plan', async () => {
  const { code, output } = await lab(['doctor', 'basic', '--driver', 'process', '--peers', '10000']);
  expect(code, output).toBe(1);
  expect(output).toMatch(/^basic with 10000 peers \(estimated from a plan with \d+\)/);
  expect(output).toMatch(/✘ memory .*\n +→ end other programs, or use fewer peers/);
  expect(output).toMatch(/^does not fit: .*memory/m);
});

test('where docker is asked for and no engine answers it says so, and auto takes processes', async () => {
  const docker = await lab(['doctor', '--driver', 'docker'], NOWHERE);
  expect({ code: docker.code, output: docker.output }).toMatchObject({ code: 1 });
  expect(docker.output).toMatch(/✘ engine .*no Docker engine answers.*\n +→ start a Docker engine/);
  const auto = await lab(['doctor'], NOWHERE);
  expect({ code: auto.code, output: auto.output }).toMatchObject({ code: 0 });
  expect(auto.output).toMatch(/driver process\n[\s\S]*\? engine .*\n +→ another driver does without/);
});

test('a scenario that needs what nothing here can do is refused before anything is started or written: exit 64', async () => {
  const results = path.join(folder, 'results');
  for (const [driver, env] of [
    ['process', {}],
    ['auto', NOWHERE],
  ] as const) {
    const { code, output } = await lab(['run', limitedScenario(), '--driver', driver, '--results', results], env);
    expect(code, output).toBe(64);
    expect(output).toMatch(/group "a" needs a memory limit of 128 MiB.*What would help: a Docker engine/);
    expect(output).not.toMatch(/^Driver:/m);
    expect(existsSync(results)).toBe(false);
  }
  const { code, output } = await lab(['doctor', limitedScenario(), '--driver', 'process']);
  expect(code, output).toBe(1);
  expect(output).toMatch(
    /✘ abilities .*needed: a memory limit of 128 MiB for each peer \(group "a"\)\n +→ a Docker engine can/,
  );
});
