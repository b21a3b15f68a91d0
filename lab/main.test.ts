import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { describe, expect, test } from 'vitest';
import { describeLab, leftBy, startLab, writeScenario } from './end-to-end.ts';

/** Processes of runs, by the id in their environment, and temp folders of runs. */
async function snapshot(): Promise<string[]> {
  const pids = existsSync('/proc/self') ? readdirSync('/proc').filter((pid) => /^\d+$/.test(pid)) : [];
  const processes = pids.flatMap((pid) => {
    const run = /PEERLAB_RUN=\w+/.exec(environment(pid))?.[0];
    return run ? [`process ${pid} ${run}`] : [];
  });
  const folders = readdirSync(tmpdir()).filter((name) => /^peerlab-[0-9a-f]{10}/.test(name));
  return [...processes, ...folders.map((name) => `folder ${name}`)];
}

function environment(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'latin1');
  } catch {
    return '';
  }
}

describe('process driver', () => {
  describeLab('process', snapshot);
});

test('what a run left is told from what others have', () => {
  const before = ['network bridge'];
  const after = [
    'network bridge',
    'container /peerlab-aaaaaaaaaa-s-1',
    'process 7 PEERLAB_RUN=bbbbbbbbbb',
    'network peerlab-tcccccccccc',
    'volume stray',
  ];
  expect(leftBy('/results/aaaaaaaaaa', before, after)).toEqual(['container /peerlab-aaaaaaaaaa-s-1', 'volume stray']);
  expect(leftBy(undefined, before, after)).toEqual(['volume stray']);
});

test('a scenario with mistakes: exit 64, every mistake with its place, nothing started', async () => {
  const file = writeScenario('[{logn: all}, {download: {group: nobody}}]', '[transfers.faild == 0]');
  const { code, output, run } = await startLab([file, '--driver', 'process']).ended;
  expect(code).toBe(64);
  expect(output).toContain(`${file}:6:10: unknown step "logn". Did you mean "login"?`);
  expect(output).toContain(`${file}:6:41: unknown group "nobody".`);
  expect(output).toContain(`${file}:7:10: transfers.faild: there is no figure "faild". Did you mean "failed"?`);
  expect(run).toBeUndefined();
});

test('a scenario without expect: exit 64', async () => {
  const { code, output, run } = await startLab([writeScenario('[{login: all}]', '[]'), '--driver', 'process']).ended;
  expect(code).toBe(64);
  expect(output).toContain('expected at least one expectation');
  expect(run).toBeUndefined();
});

test.each([
  [['nosuch']],
  [['basic', '--driver', 'horse']],
  [['basic', '--seed', 'x']],
  [['basic', '--peers', '0']],
  [['basic', '--nosuch']],
  [[]],
])('wrong usage %j: exit 64', async (args) => {
  const { code, run } = await startLab(args).ended;
  expect(code).toBe(64);
  expect(run).toBeUndefined();
});

test('where no engine answers, auto takes processes and says why; docker says what is missing', async () => {
  const nowhere = { DOCKER_HOST: 'unix:///nowhere/docker.sock' };
  const auto = startLab([writeScenario('[{login: all}]', '[operations.login.failed == 0]')], nowhere);
  const { code, output } = await auto.ended;
  expect(code).toBe(0);
  expect(output.split('\n')[0]).toMatch(/^Driver: process \(no Docker engine answers.*\)$/);
  const docker = await startLab(['basic', '--driver', 'docker'], nowhere).ended;
  expect(docker.code).toBe(75);
  expect(docker.output).toContain('no Docker engine answers');
});

test("a peer of one's own that does not work: inconclusive, with its last words", async () => {
  const { code, output } = await startLab([
    'basic',
    '--driver',
    'process',
    '--peer-image',
    `${process.execPath} -e console.error('my-own-fault');process.exit(3)`,
  ]).ended;
  expect(code).toBe(75);
  expect(output).toContain('my-own-fault');
});
