import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { readScenarioFile } from '../lab/scenario/find.ts';
import { knownOf } from '../lab/simulate/bounds.ts';
import { WAYS, type Way } from '../lab/simulate/choosers.ts';
import { crowdOf } from '../lab/simulate/from-plan.ts';
import { simulate } from '../lab/simulate/simulate.ts';
import { ROUNDS } from './kit/fetching.ts';
import { median, Report } from './kit/report.ts';

/**
 * Whether the simulation of a crowd tells the truth: the same scenario is run by real peers and simulated, and the time until the last has the
 * file is compared.
 *
 *     node bench/simulator.ts [rounds] [case …]
 */

interface Case {
  readonly id: string;
  readonly leechers: number;
  readonly sizeMib: number;
  readonly upload: string;
  readonly peersPerInstance: number;
}

const CASES: readonly Case[] = [
  { id: 'simulator-8', leechers: 8, sizeMib: 32, upload: '5MB/s', peersPerInstance: 1 },
  { id: 'simulator-16', leechers: 16, sizeMib: 64, upload: '5MB/s', peersPerInstance: 1 },
  { id: 'simulator-64', leechers: 64, sizeMib: 64, upload: '1MB/s', peersPerInstance: 22 },
];
/** Part of the measured time by which the simulated one may be beside it. */
const MOST_BESIDE = 0.15;
const LATENCY_MS = 5;
const LAB = fileURLToPath(new URL('../bin/lab', import.meta.url));
const RUN_TIMEOUT_MS = 600_000;
const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;

const [rounds = ROUNDS, ...wanted] = process.argv.slice(2).map((word, i) => (i === 0 ? Number(word) : word));
const report = new Report('simulator');
const folder = mkdtempSync(join(process.env.PEERLAB_BENCH_DIR ?? tmpdir(), 'peerlab-bench-'));

function scenarioOf({ id, leechers, sizeMib, upload, peersPerInstance }: Case): string {
  const file = join(folder, `${id}.yaml`);
  writeFileSync(
    file,
    `name: ${id}
description: How long does a crowd of ${leechers} need?
peersPerInstance: ${peersPerInstance}
groups:
  seeder: {share: {files: 1, size: ${sizeMib}MiB}, env: {PEER_UPLOAD_LIMIT: ${upload}}}
  crowd: {count: ${leechers}, env: {PEER_UPLOAD_LIMIT: ${upload}}}
steps:
  - login: all
  - download: {group: crowd, files: "*", as: fetch, timeout: 10m}
expect:
  - steps.fetch.transfers.ok == ${leechers}
`,
  );
  return file;
}

/** The lab's own result of a run with real peers. */
async function measured(file: string, seed: number): Promise<number> {
  const args = [
    'run',
    file,
    '--driver',
    'process',
    '--json',
    '--seed',
    `${seed}`,
    '--results',
    join(folder, 'results'),
  ];
  const options = { timeout: RUN_TIMEOUT_MS, maxBuffer: MAX_OUTPUT_BYTES };
  const { stdout } = await promisify(execFile)(LAB, args, options).catch((error) => error);
  const result = JSON.parse(stdout);
  const seconds = result.swarm?.lastSeconds;
  if (result.verdict === 'fail' || seconds === undefined) throw new Error(`${file}: ${result.reason}`);
  return seconds;
}

async function compare(one: Case): Promise<void> {
  const file = scenarioOf(one);
  const real: number[] = [];
  const simulated: number[] = [];
  const scenario = readScenarioFile(file);
  for (let seed = 1; seed <= (rounds as number); seed++) {
    real.push(await measured(file, seed));
    simulated.push(
      simulate({ ...crowdOf(scenario, { seed }), ...(WAYS[0] as Way), latencyMs: LATENCY_MS }).lastSeconds,
    );
  }
  const [was, said] = [median(real), median(simulated)];
  report.row(`${one.id}: ${one.leechers} leechers, ${one.sizeMib} MiB, ${one.upload}`, {
    'bound, s': knownOf(crowdOf(scenario, {})).boundSeconds.toFixed(2),
    'measured, s': was.toFixed(2),
    from: Math.min(...real).toFixed(2),
    to: Math.max(...real).toFixed(2),
    'simulated, s': said.toFixed(2),
  });
  report.atMost(one.id, Math.abs(said / was - 1), MOST_BESIDE);
}

try {
  for (const one of CASES) if (wanted.length === 0 || wanted.includes(one.id)) await compare(one);
  report.close();
} finally {
  rmSync(folder, { recursive: true, force: true });
}
