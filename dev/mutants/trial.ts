import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { EXIT } from '#proto/errors.ts';
import { type Result, resultSchema, type Verdict } from '../../lab/checks/result-schema.ts';

/** What a run must say. */
export interface Demand {
  /** `refused`: a mistake in the scenario, and nothing was started. `leaked`: something was left behind, and the run did not say so. */
  readonly verdict: Verdict | 'refused' | 'leaked';
  /** A built-in check, or an expectation as it is written: it must be among those that are broken (or inconclusive, if the run is). */
  readonly because?: string;
  /** One that must not be among them. */
  readonly spared?: string;
}

/** A scenario as it is run: a name in the library or the path of a file below the root, and who plays the peers. */
export interface Trial {
  readonly scenario: string;
  readonly peer?: string;
  /** The kind of a driver, for what the process driver can't do; where it can't be had there is no such trial. */
  readonly driver?: string;
  /** What a copy says in which nothing is broken. */
  readonly unbroken: Demand;
}

/** What came of a run. */
export interface Outcome {
  readonly verdict: Demand['verdict'] | 'none';
  /** In one line: the run's own words, or the last ones of a lab that broke down. */
  readonly reason: string;
  /** Names of the checks that failed (or said as little as the run), and the expectations that were broken. */
  readonly broken: readonly string[];
  readonly seconds: number;
}

export interface RunInit {
  /** A copy of the tree. */
  readonly tree: string;
  /** For temporary files of the run, and of no other. */
  readonly tmp: string;
  /** For its results; what an earlier attempt left there is removed. */
  readonly results: string;
  readonly signal: AbortSignal;
}

/** The longest of the scenarios takes a tenth of it. */
const DEADLINE_MS = 120_000;
/** The lab ends in order on the first SIGINT and at once on the second; it has so long for each. */
const ENDING_MS = 10_000;
/** A machine that was too busy gives no answer: it is asked again, so often at most in all. */
const ATTEMPTS = 2;
/** As lab/drivers/process names it. */
const RUN_FOLDER = /^peerlab-[0-9a-f]{10}$/;
const MAX_OUTPUT_CHARS = 64 * 1024;

export function meets({ verdict, broken }: Outcome, { because, spared, ...demand }: Demand): boolean {
  if (spared !== undefined && broken.includes(spared)) return false;
  return verdict === demand.verdict && (because === undefined || broken.includes(because));
}

/** Runs a trial in a tree, the services built from what is there. */
export async function runTrial(trial: Trial, init: RunInit): Promise<Outcome> {
  for (let attempt = 1; ; attempt++) {
    const outcome = await runOnce(trial, init);
    const unanswered = outcome.verdict === 'inconclusive' && trial.unbroken.verdict !== 'inconclusive';
    if (!unanswered || attempt === ATTEMPTS || init.signal.aborted) return outcome;
  }
}

async function runOnce({ scenario, peer, driver }: Trial, { tree, tmp, results, signal }: RunInit): Promise<Outcome> {
  await rm(results, { recursive: true, force: true });
  const args = [
    'run',
    scenario,
    '--driver',
    driver ?? 'process',
    '--results',
    results,
    ...(peer ? ['--peer-image', peer] : []),
  ];
  const began = performance.now();
  const { code, output } = await runLab(args, { tree, tmp, signal });
  const seconds = (performance.now() - began) / 1000;
  const result = readResult(results);
  const [left] = await takeLeftBehind(tmp);
  if (left !== undefined && result?.leftovers.length === 0)
    return { verdict: 'leaked', reason: `${left} is still there, and the run says nothing of it`, broken: [], seconds };
  // The exit code alone proves nothing: a program that breaks down ends with 1, too.
  if (result && code === EXIT[result.verdict]) {
    return { verdict: result.verdict, reason: result.reason, broken: brokenIn(result), seconds };
  }
  const words = output.trim().split('\n').slice(0, 3).join(' ');
  return {
    verdict: code === EXIT.usage && !result ? 'refused' : 'none',
    reason: code === EXIT.usage ? words : `exit code ${code}, ${result?.verdict ?? 'no result'}: ${words}`,
    broken: [],
    seconds,
  };
}

/** Removes the folders that a run made and left, and names them. */
async function takeLeftBehind(tmp: string): Promise<string[]> {
  const left = (await readdir(tmp)).filter((name) => RUN_FOLDER.test(name));
  for (const name of left) await rm(path.join(tmp, name), { recursive: true, force: true });
  return left;
}

function readResult(results: string): Result | undefined {
  try {
    return resultSchema.parse(JSON.parse(readFileSync(path.join(results, 'latest', 'result.json'), 'utf8')));
  } catch {
    return undefined;
  }
}

function brokenIn({ verdict: said, checks, expectations }: Result): string[] {
  return [
    ...checks
      .filter(({ verdict }) => verdict !== 'pass' && (verdict === 'fail' || verdict === said))
      .map(({ name }) => name),
    ...expectations.filter(({ ok }) => ok === false).map(({ expression }) => expression),
  ];
}

/** The tree's own lab, without bin/lab: that one would install packages, and here they are borrowed. */
function runLab(
  args: string[],
  { tree, tmp, signal }: Omit<RunInit, 'results'>,
): Promise<{ code: number | null; output: string }> {
  const child = spawn(process.execPath, [path.join(tree, 'lab', 'main.ts'), ...args], {
    cwd: tree,
    env: { ...process.env, TMPDIR: tmp },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  const hear = (part: Buffer) => {
    output = (output + part).slice(-MAX_OUTPUT_CHARS);
  };
  child.stdout.on('data', hear);
  child.stderr.on('data', hear);

  const timers: NodeJS.Timeout[] = [];
  const end = () => {
    child.kill('SIGINT');
    timers.push(setTimeout(() => child.kill('SIGINT'), ENDING_MS));
    timers.push(setTimeout(() => child.kill('SIGKILL'), 2 * ENDING_MS));
  };
  timers.push(setTimeout(end, DEADLINE_MS));
  signal.addEventListener('abort', end, { once: true });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      for (const timer of timers) clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve({ code, output });
    });
  });
}
