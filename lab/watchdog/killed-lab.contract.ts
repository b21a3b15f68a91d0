import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { LAB, resultOf, startLab, writeScenario } from '../end-to-end.ts';

/** Nothing leaks, however the lab dies: the suite that killed-lab.test.ts and killed-lab.docker.test.ts run. */

/** For the watchdog to have done its work; it shares two cores with whatever else is tested. */
const CLEAN_WITHIN_MS = 60_000;
const POLL_MS = 100;
const GROUPS = 5;
const COMMAND_TIMEOUT_MS = 60_000;

/** What the lab has printed last when it is killed: what comes next is under way then. */
const MOMENTS = [
  'Scenario:',
  'Prepare (',
  'Make the files of the shares (',
  'Start the directory (',
  'Start 2 peers (',
  'Step 1/4: login all: 2 ok',
  'Step 2/4: index all: 2 ok',
  'Step 3/4: download l: *: 2 ok',
  'Collect the last figures (',
  'Read the disks (',
] as const;

const STEPS = '[{login: all}, {index: all}, {download: l}, {logout: all}]';
const SLOW_STEPS = '[{login: all}, {wait: 60s}, {logout: all}]';
const EXPECT = '[operations.login.failed == 0]';

export interface KilledLabInit {
  readonly driver: string;
  /** All on this host that carries the id of the run. */
  readonly tracesOf: (runId: string) => Promise<string[]>;
}

/**
 * The labs get a temporary folder of their own: what they, their watchdogs and their instances leave on the host is what
 * lies there, and every process whose environment names it. Other runs on this machine don't disturb.
 */
export function describeKilledLab({ driver, tracesOf }: KilledLabInit): void {
  const folder = path.join(tmpdir(), `killed-lab-${driver}-${process.pid}`);
  const lab = (...args: string[]) => startLab([...args, '--driver', driver], { TMPDIR: folder });
  const command = async (...args: string[]): Promise<{ code: number; output: string }> => {
    const options = { env: { ...process.env, TMPDIR: folder }, timeout: COMMAND_TIMEOUT_MS };
    return promisify(execFile)(LAB, args, options).then(
      ({ stdout }) => ({ code: 0, output: stdout }),
      ({ code, stdout, stderr }) => ({ code, output: `${stdout}${stderr}` }),
    );
  };
  beforeAll(() => void mkdirSync(folder));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  /** Everything of the labs that the host has now, apart from the record of runs. */
  const snapshot = () => [
    ...processesNaming(folder),
    ...readdirSync(folder).filter((name) => /^peerlab-(?!runs-)/.test(name)),
  ];
  const cleanHost = async (runId: string) => {
    const giveUpAt = performance.now() + CLEAN_WITHIN_MS;
    while (snapshot().length > 0 && performance.now() < giveUpAt) await sleep(POLL_MS);
    expect([...snapshot(), ...(await tracesOf(runId))]).toEqual([]);
  };

  const killAfter = async (moment: string) => {
    const started = lab(writeScenario(STEPS, EXPECT));
    await started.says(moment);
    started.child.kill('SIGKILL');
    const { run } = await started.ended;
    return { moment, run };
  };

  test.each(inGroups(MOMENTS))(
    'killed after $moments.0 and $moments.1: nothing is left, results can be reported',
    async ({ moments }) => {
      const killed = await Promise.all(moments.map(killAfter));
      for (const { moment, run } of killed) {
        // Killed before there were facts to write: then nothing had been made either.
        if (moment === MOMENTS[0] && !existsSync(path.join(run ?? '', 'run.json'))) continue;
        await cleanHost(path.basename(run as string));
        expect(await command('report', run as string), moment).toMatchObject({ code: 75 });
        expect(resultOf(run)).toMatchObject({ verdict: 'inconclusive', reason: expect.stringContaining('[lab-lost]') });
        expect(readFileSync(path.join(run as string, 'watchdog.log'), 'utf8')).toContain('nothing of the run is left');
      }
    },
  );

  test('of two runs one is killed: the other passes untouched, and the next command says once what happened', async () => {
    const killed = lab(writeScenario(SLOW_STEPS, EXPECT));
    const other = lab(writeScenario('[{login: all}, {wait: 6s}, {index: all}, {download: l}]', '[transfers.ok == 2]'));
    await Promise.all([killed.says('Step 1/3: login all: 2 ok'), other.says('Step 1/4: login all: 2 ok')]);
    killed.child.kill('SIGKILL');
    const { run } = await killed.ended;
    const runId = path.basename(run as string);
    expect(await other.ended).toMatchObject({ code: 0 });
    await cleanHost(runId);
    for (const log of ['directory', 's-1', 'l-1']) {
      expect(readFileSync(path.join(run as string, 'logs', `${log}.log`), 'utf8')).toContain('ready');
    }
    expect(readFileSync(path.join(run as string, 'events.ndjson'), 'utf8')).toContain('"operation":"login"');
    const { output } = await command('gc');
    expect(output).toContain(`Run ${runId} (try, ${driver})`);
    expect(output).toContain(run);
    expect((await command('gc')).output).not.toContain(runId);
  });

  test('the watchdog is killed: the run ends, cleans up and is inconclusive', async () => {
    const { says, ended, results } = lab(writeScenario(SLOW_STEPS, EXPECT));
    await says('Step 1/3: login all: 2 ok');
    process.kill(watchdogOf(results), 'SIGKILL');
    const { code, run } = await ended;
    expect(code).toBe(75);
    expect(resultOf(run)).toMatchObject({
      verdict: 'inconclusive',
      reason: expect.stringContaining('[watchdog-lost]'),
      leftovers: [],
    });
    await cleanHost(path.basename(run as string));
  });

  test('watchdog and lab are killed: gc removes what is left, and nothing of a run that lives', async () => {
    const living = lab(
      writeScenario('[{login: all}, {wait: 10s}, {index: all}, {download: l}]', '[transfers.ok == 2]'),
    );
    const dead = lab(writeScenario(SLOW_STEPS, EXPECT));
    await Promise.all([living.says('Step 1/4: login all: 2 ok'), dead.says('Step 1/3: login all: 2 ok')]);
    // The lab stands still first, so that it can't do anything about the end of its watchdog.
    dead.child.kill('SIGSTOP');
    process.kill(watchdogOf(dead.results), 'SIGKILL');
    dead.child.kill('SIGKILL');
    const { run } = await dead.ended;
    const runId = path.basename(run as string);
    expect(await tracesOf(runId)).not.toEqual([]);
    const gc = await command('gc');
    expect(gc).toMatchObject({ code: 0, output: expect.stringContaining(`Run ${runId} (try, ${driver})`) });
    expect(await tracesOf(runId)).toEqual([]);
    expect(await command('report', run as string)).toMatchObject({ code: 75 });
    expect(await living.ended).toMatchObject({ code: 0 });
    await cleanHost(runId);
  });
}

/** Two at a time: the machine is busy with some while others only wait. Neighbours in the list come into different groups. */
function inGroups(moments: readonly string[]): { moments: string[] }[] {
  return Array.from({ length: GROUPS }, (_, group) => ({
    moments: moments.filter((_, index) => index % GROUPS === group),
  }));
}

/** Processes, this one apart, whose environment names the folder: a line each, for a message to show. */
function processesNaming(folder: string): string[] {
  return pids().flatMap((pid) => {
    const [environ, command] = [procFile(pid, 'environ'), procFile(pid, 'cmdline')];
    return environ.includes(folder) ? [`process ${pid}: ${command.replaceAll('\0', ' ').slice(0, 120)}`] : [];
  });
}

/** The pid of the watchdog of the run with these results. */
function watchdogOf(results: string): number {
  const found = pids().filter((pid) => {
    const command = procFile(pid, 'cmdline');
    return command.includes('lab/watchdog/main.ts') && command.includes(results);
  });
  expect(found).toHaveLength(1);
  return found[0] as number;
}

function pids(): number[] {
  if (!existsSync('/proc/self')) return [];
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => pid !== process.pid);
}

function procFile(pid: number, name: string): string {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'latin1');
  } catch {
    return '';
  }
}
