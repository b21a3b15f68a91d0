import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { EXIT, PeerLabError, toPeerLabError } from '#proto/errors.ts';
import { driverOf } from '../lab/drivers/table.ts';
import { inPool } from '../lab/limit.ts';
import { findPostgres } from '../lab/machine/postgres.ts';
import { applyEdits, type Mutant, staleEdits } from './mutants/mutant.ts';
import { trialOf } from './mutants/probes.ts';
import { type Judged, lastLine, markdownTable, terminalTable } from './mutants/report.ts';
import { MUTANTS } from './mutants/table.ts';
import { copyCheckout, copyTree } from './mutants/tree.ts';
import { meets, type Outcome, runTrial, type Trial } from './mutants/trial.ts';

/**
 * Breaks the product on purpose, one rule at a time, and sees whether a scenario notices (docs/mutants.md).
 *
 *   node dev/mutants.ts [name …] [--write] [--jobs n]
 *
 * The mutants of these names, otherwise all, `n` at one time; --write puts the table into the docs.
 *
 * Exit codes: 0 all killed, 1 some survived or are stale, 64 wrong usage, 75 the unbroken copy does not do what it
 * must (then the rest would prove nothing), 130 interrupted.
 */

const ROOT = path.resolve(import.meta.dirname, '..');
const DOCS = path.join(ROOT, 'docs', 'mutants.md');
const DOCS_HEADING = '## The last run\n';

/** A run mostly waits: two at one time keep two processors busy. */
const DEFAULT_JOBS = 2;

const say = (text: string) => process.stdout.write(`${text}\n`);
const interrupted = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.on(signal, () => interrupted.abort(new PeerLabError('interrupted')));

const work = await mkdtemp(path.join(tmpdir(), 'peerlab-mutants-'));
try {
  process.exitCode = await main();
} catch (thrown) {
  const error = toPeerLabError(thrown);
  const stack = error.code === 'internal' && thrown instanceof Error ? `${thrown.stack}\n` : '';
  process.stderr.write(`${error.message}\n${error.hint}\n${stack}`);
  process.exitCode = error.kind.exit ?? EXIT.inconclusive;
} finally {
  await rm(work, { recursive: true, force: true, maxRetries: 3 });
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { write: { type: 'boolean' }, jobs: { type: 'string', default: String(DEFAULT_JOBS) } },
  });
  const jobs = jobsOf(values.jobs);
  const mutants = await runnable(chosen(positionals));
  const stale = new Map(mutants.map((mutant) => [mutant, staleEdits(mutant, ROOT)]));
  for (const [{ name }, flaws] of stale) for (const flaw of flaws) say(`stale: ${name}: ${flaw}`);

  const base = path.join(work, 'unbroken');
  await copyCheckout(ROOT, base);
  const trials = new Map(mutants.map(({ scenario }) => [scenario, trialNamed(scenario)]));
  if (!(await controlHolds(trials, base, jobs))) return EXIT.inconclusive;

  const judged: Judged[] = [];
  await inPool(mutants.entries(), jobs, async ([index, mutant]) => {
    if (interrupted.signal.aborted) return;
    const flaws = stale.get(mutant) ?? [];
    const one: Judged =
      flaws.length > 0
        ? { mutant, verdict: 'stale', reason: flaws.join('; '), seconds: 0 }
        : await judge(mutant, trials.get(mutant.scenario) as Trial, base);
    if (interrupted.signal.aborted) return;
    say(`${one.verdict.padEnd(9)} ${mutant.name}, ${mutant.scenario} (${one.seconds.toFixed(1)} s)`);
    judged[index] = one;
  });
  // Only here, when every run has ended in order.
  interrupted.signal.throwIfAborted();
  if (values.write) await writeDocs(judged);
  say(`\n${terminalTable(judged)}\n${lastLine(judged)}`);
  return judged.every(({ verdict }) => verdict === 'killed') ? EXIT.pass : EXIT.fail;
}

function chosen(names: readonly string[]): readonly Mutant[] {
  const unknown = names.find((name) => !MUTANTS.some((mutant) => mutant.name === name));
  if (unknown !== undefined) {
    const known = MUTANTS.map(({ name }) => name).join(', ');
    throw new PeerLabError('usage', { expected: `names of mutants: ${known}`, got: unknown });
  }
  return names.length === 0 ? MUTANTS : MUTANTS.filter(({ name }) => names.includes(name));
}

/** Those whose trial is possible here; the others are named. */
async function runnable(mutants: readonly Mutant[]): Promise<readonly Mutant[]> {
  const runnable: Mutant[] = [];
  for (const mutant of mutants) {
    const { driver } = trialNamed(mutant.scenario);
    const needed = mutant.needsPostgres ? findPostgres() : undefined;
    const found = driver === undefined ? needed : await driverOf(driver).survey();
    if (typeof found === 'string') say(`skipped: ${mutant.name}: ${found}`);
    else runnable.push(mutant);
  }
  return runnable;
}

function trialNamed(scenario: string): Trial {
  const trial = trialOf(scenario, ROOT);
  if (!trial) throw new PeerLabError('usage', { expected: 'a scenario of the library or a probe', got: scenario });
  return trial;
}

/** The unbroken copy must say what each trial demands of it: otherwise nothing that a broken one says means anything. */
async function controlHolds(trials: ReadonlyMap<string, Trial>, base: string, jobs: number): Promise<boolean> {
  let holds = true;
  const [first, ...rest] = trials;
  const hold = async ([name, trial]: [string, Trial]) => {
    if (!holds || interrupted.signal.aborted) return;
    const outcome = await attempt(trial, base);
    if (interrupted.signal.aborted) return;
    const met = meets(outcome, trial.unbroken);
    say(`${met ? 'control  ' : 'BROKEN   '} ${name}: ${outcome.verdict} (${outcome.seconds.toFixed(1)} s)`);
    if (met) return;
    holds = false;
    const { verdict, because } = trial.unbroken;
    say(`The unbroken copy was to say ${verdict}${because ? ` because of "${because}"` : ''}: ${outcome.reason}`);
  };
  // By itself, because it builds the services for all.
  if (first) await hold(first);
  await inPool(rest, jobs, hold);
  interrupted.signal.throwIfAborted();
  return holds;
}

/** @throws PeerLabError `usage` */
function jobsOf(text: string): number {
  if (/^[1-9]\d?$/.test(text)) return Number(text);
  throw new PeerLabError('usage', { about: '--jobs', expected: 'a whole number from 1 to 99', got: text });
}

async function judge(mutant: Mutant, trial: Trial, base: string): Promise<Judged> {
  const tree = path.join(work, mutant.name);
  try {
    await copyTree(base, tree);
    applyEdits(mutant, tree);
    const outcome = await attempt(trial, tree);
    const killed = meets(outcome, mutant.becomes);
    return {
      mutant,
      verdict: killed ? 'killed' : 'survived',
      reason: `${outcome.verdict}: ${outcome.reason}`,
      seconds: outcome.seconds,
    };
  } finally {
    await rm(tree, { recursive: true, force: true, maxRetries: 3 });
  }
}

/** After Ctrl-C what comes of it means nothing: whoever waits for it looks. */
async function attempt(trial: Trial, tree: string): Promise<Outcome> {
  // Apart from each other: what is still there after a run must be its own.
  const [tmp = '', results = ''] = await Promise.all(
    ['tmp-', 'results-'].map((name) => mkdtemp(path.join(work, name))),
  );
  // What a run starts as another user finds its way through these.
  for (const folder of [work, tmp]) await chmod(folder, 0o711);
  return runTrial(trial, { tree, tmp, results, signal: interrupted.signal });
}

async function writeDocs(judged: readonly Judged[]): Promise<void> {
  const text = await readFile(DOCS, 'utf8');
  const before = text.slice(0, text.indexOf(DOCS_HEADING) + DOCS_HEADING.length);
  await writeFile(DOCS, `${before}\n${markdownTable(judged)}\n\n${lastLine(judged)}\n`);
}
