import { spawn } from 'node:child_process';
import { cpSync, lstatSync, mkdirSync, readdirSync, readFileSync, statfsSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { EXIT, reasonOf } from '#proto/errors.ts';
import { conformanceSchema } from '../conformance/reports.ts';
import { DRIVERS } from '../drivers/table.ts';
import { writeWhole } from '../history/write-whole.ts';
import { memoryOfOthers } from '../machine/proc.ts';
import { caged } from './enclosure.ts';
import { readJob, TOLD_FILE, type Told } from './job.ts';

/**
 * What runs in an enclosure: takes a submission there, builds it in a cage, and lets the lab hold it against the rules and play the
 * scenarios. It judges nothing. What it has learnt so far is always in a file: it may be ended at any moment.
 */

const MIB = 1024 * 1024;
/** The one that needs nothing but this machine. */
const DRIVER = DRIVERS.find(({ isAutomatic, carrier }) => isAutomatic && carrier === undefined)?.kind ?? '';
const LOOK_MS = 500;
/** Of the disk: below it, the submission is said to have filled it. */
const LEAST_FREE = 0.01;
const START = path.join(import.meta.dirname, '../start.ts');
/** Once more, where the lab could not see enough. */
const ATTEMPTS = 2;

const job = readJob(process.argv[2] as string);
const tmp = process.env.TMPDIR as string;
const home = path.join(tmp, 'submission');
const peer = path.join(tmp, 'peer');
const cage = { root: path.join(tmp, 'view'), home, uid: job.uid, limits: job.limits, see: job.see };
const told: Told = { results: {}, remarks: [], wentTooFar: false };

function tellSoFar(): void {
  writeWhole(path.join(job.results, TOLD_FILE), JSON.stringify(told));
}

function remark(what: string): void {
  if (!told.remarks.includes(what)) told.remarks.push(what);
  tellSoFar();
}

/** @returns the exit code; undefined when it was killed, or is not there */
function runs(command: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<number | undefined> {
  const [program = '', ...args] = command;
  process.stdout.write(`\n== ${args.includes(START) ? ['lab', ...args.slice(1)].join(' ') : job.build?.join(' ')}\n`);
  const child = spawn(program, args, {
    ...{ stdio: ['ignore', 'inherit', 'inherit'], cwd: tmp, env: { ...process.env, ...env } },
  });
  return new Promise((resolve) => {
    child.once('error', () => resolve(undefined));
    child.once('exit', (code) => resolve(code ?? undefined));
  });
}

/** Links are copied as links: in the cage they lead nowhere else. What is no file, folder or link stays where it is. */
function takeIn(): void {
  const isOrdinary = (source: string) => {
    const found = lstatSync(source);
    return found.isFile() || found.isDirectory() || found.isSymbolicLink();
  };
  cpSync(job.submission, home, { recursive: true, verbatimSymlinks: true, filter: isOrdinary });
  mkdirSync(cage.root);
  const quoted = caged(cage, job.command).map((word) => `'${word.replaceAll("'", "'\\''")}'`);
  writeFileSync(peer, `#!/bin/sh\nexec ${quoted.join(' ')}\n`, { mode: 0o755 });
}

/** @returns whether there is something to run */
async function build(): Promise<boolean> {
  if (!job.build) return true;
  const code = await runs(caged(cage, job.build), { PEERLAB_CAGE_BUILDS: '1' });
  if (code !== 0)
    remark(`"${job.build.join(' ')}" ended with ${code === undefined ? 'a signal' : `exit code ${code}`}`);
  return code === 0;
}

/** @returns the folder with what the lab wrote, relative to the results, if it wrote anything */
async function lab(name: string, ...args: string[]): Promise<string | undefined> {
  let folder: string | undefined;
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const into = path.join(job.results, `${name}-${attempt}`);
    const programs = ['--driver', DRIVER, '--peer-image', peer, '--results', into];
    const code = await runs([process.execPath, START, ...args, ...programs]);
    folder = folderIn(into) ?? folder;
    if (code === EXIT.pass || code === EXIT.fail) break;
  }
  return folder;
}

/** The one run in a results folder; `latest` is a link to it. */
function folderIn(into: string): string | undefined {
  try {
    const [one] = readdirSync(into, { withFileTypes: true }).filter((entry) => entry.isDirectory());
    return one && path.relative(job.results, path.join(into, one.name));
  } catch {
    return undefined;
  }
}

/** With such a peer, every scenario would take its time to say the same. */
function neverReady(folder: string): boolean {
  const file = path.join(job.results, folder, 'conformance.json');
  const { rules } = conformanceSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
  return rules.some(({ id, outcome }) => id === 'control.health' && outcome === 'broken');
}

/** Memory has no bound for all processes of a user without rights over control groups: who takes too much is ended. */
async function watch(signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const { bytes, pids } = await memoryOfOthers();
    if (bytes > job.limits.memoryMiB * MIB) {
      told.wentTooFar = true;
      remark(`it took more than ${job.limits.memoryMiB} MiB of memory, and was killed`);
      pids.forEach(killed);
    }
    const { bavail, blocks } = statfsSync(tmp);
    if (bavail < blocks * LEAST_FREE) {
      told.wentTooFar = true;
      remark(`it filled its ${job.limits.diskMiB} MiB of disk`);
    }
    await sleep(LOOK_MS, undefined, { signal }).catch(() => {});
  }
}

function killed(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It ended in this moment.
  }
}

async function work(): Promise<void> {
  takeIn();
  tellSoFar();
  if (!(await build())) {
    told.wentTooFar = true;
    return;
  }
  if (job.rules.length > 0) {
    const folder = await lab('rules', 'conformance', '--only', ...job.rules);
    if (folder !== undefined) told.conformance = folder;
    tellSoFar();
    if (folder !== undefined && neverReady(folder)) return remark('it did not get ready: no scenario was played');
  }
  for (const [number, scenario] of job.scenarios.entries()) {
    const folder = await lab(`scenario-${number + 1}`, 'run', scenario);
    if (folder !== undefined) told.results[scenario] = folder;
    tellSoFar();
  }
}

const done = new AbortController();
const watching = watch(done.signal);
try {
  await work();
} catch (error) {
  remark(`it could not be taken in: ${reasonOf(error)}`);
  told.wentTooFar = true;
} finally {
  done.abort();
  await watching;
  tellSoFar();
}
