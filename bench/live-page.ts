import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { reasonOf } from '#proto/errors.ts';
import { browserFlaw, startBrowser } from '../dev/browser.ts';
import { usageOf } from '../lab/machine/proc.ts';
import { median, Report } from './kit/report.ts';

/**
 * How fluid the live page is, and what it takes: a browser looks at a run of 200 peers that log in and fetch files all the time. Frames a second
 * in the median while they fetch; CPU time of the lab, and of the page's server beside it, in the same time.
 */

const PEERS = 200;
const WATCHED_SECONDS = 15;
const PATIENCE_MS = 120_000;
const LIMIT_FRAMES = 30;
const LIMIT_LAB_CPU = 0.15;
const LAB = fileURLToPath(new URL('../bin/lab', import.meta.url));

const SCENARIO = `
name: watched
description: What does it take to watch ${PEERS} peers?
seed: 1
peersPerInstance: 50
groups:
  seeders: {count: ${PEERS / 10}, share: {files: 2, size: 64KiB..256KiB}}
  leechers: {count: ${PEERS - PEERS / 10}}
steps:
  - login: {group: all, arrival: {rate: 20/s}}
  - download: {group: leechers, files: "*", limit: 2, arrival: {rate: 12/s}}
  - logout: {group: all, arrival: {rate: 100/s}}
expect:
  - transfers.failed == 0
`;

interface Watched {
  readonly framesPerSecond: number;
  readonly labCpu: number;
  readonly serverCpu: number;
}

async function watched(folder: string): Promise<Watched> {
  const scenario = join(folder, 'watched.yaml');
  writeFileSync(scenario, SCENARIO);
  const words = ['run', scenario, '--driver', 'process', '--results', join(folder, 'results'), '--ui'];
  const lab = spawn(LAB, words, { stdio: ['ignore', 'pipe', 'inherit'] });
  const browser = await startBrowser();
  try {
    const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
    await page.goto(await urlIn(lab));
    await page.locator('.steps li.now', { hasText: 'download' }).waitFor({ timeout: PATIENCE_MS });
    const pids = [lab.pid as number, serverOf(lab.pid as number)];
    const cpu = async () => Promise.all(pids.map(async (pid) => (await usageOf(pid))?.cpuSeconds ?? Number.NaN));
    const [before, frames] = [await cpu(), page.evaluate<number[]>(FRAMES)];
    await sleep(WATCHED_SECONDS * 1000);
    const after = await cpu();
    const [labCpu = Number.NaN, serverCpu = Number.NaN] = after.map(
      (end, n) => (end - (before[n] ?? 0)) / WATCHED_SECONDS,
    );
    return { framesPerSecond: 1000 / median(await frames), labCpu, serverCpu };
  } finally {
    await browser.close();
    lab.kill('SIGINT');
    await new Promise((resolve) => (lab.exitCode === null ? lab.once('exit', resolve) : resolve(0)));
  }
}

/** In the page: how long each frame took. */
const FRAMES = `new Promise((resolve) => {
  const took = [];
  const began = performance.now();
  let before = began;
  requestAnimationFrame(function next(now) {
    if (now > before) took.push(now - before);
    before = now;
    if (now - began > ${WATCHED_SECONDS * 1000}) resolve(took);
    else requestAnimationFrame(next);
  });
})`;

function urlIn(lab: ChildProcess): Promise<string> {
  let said = '';
  return new Promise((resolve, reject) => {
    lab.stdout?.on('data', (part) => {
      said += part;
      const [, url] = /^Live page: (\S+)$/m.exec(said) ?? [];
      if (url !== undefined) resolve(url);
    });
    lab.once('exit', () => reject(new Error(`the lab ended: ${said}`)));
  });
}

/** The page's server is a child of the lab. */
function serverOf(lab: number): number {
  const children = readFileSync(`/proc/${lab}/task/${lab}/children`, 'utf8').trim().split(/\s+/);
  const found = children.find((pid) => readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('lab/serve/main.ts'));
  if (found === undefined) throw new Error('the page has no server');
  return Number(found);
}

const report = new Report('live-page');
const flaw = browserFlaw();
const folder = mkdtempSync(join(tmpdir(), 'peerlab-bench-'));
try {
  if (flaw !== undefined) throw new Error(flaw);
  const { framesPerSecond, labCpu, serverCpu } = await watched(folder);
  report.row(`${PEERS} peers, watched for ${WATCHED_SECONDS} s`, {
    'frames a second': framesPerSecond.toFixed(1),
    'CPU of the lab': `${(100 * labCpu).toFixed(1)} %`,
    "CPU of the page's server": `${(100 * serverCpu).toFixed(1)} %`,
  });
  report.atLeast('live-page-frames-per-second', framesPerSecond, LIMIT_FRAMES);
  report.atMost('live-page-lab-cpu', labCpu, LIMIT_LAB_CPU);
} catch (error) {
  report.missing(`the live page: ${reasonOf(error)}`);
} finally {
  rmSync(folder, { recursive: true });
}
report.close();
