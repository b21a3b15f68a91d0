import { randomBytes } from 'node:crypto';
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { ERRORS, EXIT, PeerLabError, reasonOf } from '#proto/errors.ts';
import { buildServices } from './drivers/artifacts.ts';
import { createDockerDriver } from './drivers/docker/docker-driver.ts';
import { findEngine } from './drivers/docker/engine.ts';
import { buildImages } from './drivers/docker/images.ts';
import type { Driver, DriverInit } from './drivers/driver.ts';
import { createProcessDriver } from './drivers/process/process-driver.ts';
import { ResultsFolder } from './history/results-folder.ts';
import { printSummary, TerminalProgress } from './report/terminal.ts';
import { writeReport } from './report/write-report.ts';
import { onInterrupt } from './run/interrupt.ts';
import { run } from './run/run.ts';
import { scenarioAsRun } from './scenario/as-run.ts';
import { findScenario, libraryNames } from './scenario/find.ts';
import { ScenarioInvalid } from './scenario/mistake.ts';
import { makePlan, type Plan } from './scenario/plan.ts';

/** The CLI, and the only file that names concrete drivers. */

const DRIVERS: Record<Driver['kind'], (init: DriverInit) => Driver> = {
  process: createProcessDriver,
  docker: createDockerDriver,
};

interface RunOptions {
  driver: Driver['kind'] | 'auto';
  seed?: number;
  peers?: number;
  results: string;
  peerImage?: string;
  directoryImage?: string;
}

async function chooseDriver(wanted: RunOptions['driver']): Promise<{ kind: Driver['kind']; why: string }> {
  if (wanted === 'process') return { kind: 'process', why: 'as asked; peers are processes of this machine' };
  const engine = await findEngine();
  if (typeof engine !== 'string') {
    return { kind: 'docker', why: `${wanted === 'auto' ? 'an engine answers' : 'as asked'}: Docker ${engine.version}` };
  }
  if (wanted === 'docker') throw new PeerLabError('no-engine', { got: engine });
  return { kind: 'process', why: engine };
}

/** Peers of each group, as planned. */
function countsOf({ peers }: Plan): Map<string, number> {
  return new Map([...Map.groupBy(peers, ({ group }) => group)].map(([group, some]) => [group, some.length]));
}

async function runCommand(name: string, options: RunOptions): Promise<number> {
  const scenario = findScenario(name);
  const plan = makePlan(scenario, options);
  const { kind, why } = await chooseDriver(options.driver);
  const out = process.stdout;
  out.write(`Driver: ${kind} (${why})\n`);
  out.write(`Scenario: ${plan.name}, ${plan.peers.length} peers, seed ${plan.seed}. ${plan.description.trim()}\n`);

  const runId = randomBytes(5).toString('hex');
  const folder = ResultsFolder.create(options.results, runId);
  folder.write('scenario.yaml', scenarioAsRun(scenario, plan.seed, countsOf(plan), folder.path));
  let driver: Driver | undefined;
  using interrupt = onInterrupt(
    (what) => out.write(`\n${what}\n`),
    async () => driver?.end(false),
  );
  const { peerImage, directoryImage } = options;
  driver = DRIVERS[kind]({
    runId,
    logsDir: folder.logs,
    signal: interrupt.signal,
    ...(peerImage && { peerImage }),
    ...(directoryImage && { directoryImage }),
  });
  const facts = await run({
    runId,
    plan,
    driver,
    folder,
    progress: new TerminalProgress(out),
    signal: interrupt.signal,
  });
  folder.write('run.json', `${JSON.stringify(facts, null, 2)}\n`);
  const result = await writeReport(folder, plan.demands);
  printSummary(result, folder, out);
  return interrupt.signal.aborted ? EXIT.interrupted : EXIT[result.verdict];
}

function validateCommand(names: string[]): number {
  let failed = false;
  for (const name of names.length > 0 ? names : libraryNames()) {
    try {
      const plan = makePlan(findScenario(name));
      process.stdout.write(`${name}: ok, ${plan.peers.length} peers, ${plan.steps.length} steps\n`);
    } catch (error) {
      failed = true;
      complain(error);
    }
  }
  return failed ? EXIT.usage : EXIT.pass;
}

function listCommand(): number {
  for (const name of libraryNames()) {
    const { description, groups } = findScenario(name);
    const peers = Object.values(groups).reduce((sum, { count }) => sum + count, 0);
    process.stdout.write(
      `${name.padEnd(16)} ${String(peers).padStart(5)} peers  ${description.trim().split('\n')[0]}\n`,
    );
  }
  return EXIT.pass;
}

const wholeNumber = (min: number, max: number) => (text: string) => {
  if (/^\d{1,10}$/.test(text) && Number(text) >= min && Number(text) <= max) return Number(text);
  throw new InvalidArgumentError(`expected a whole number from ${min} to ${max}`);
};

function program(exit: (code: number) => void): Command {
  const lab = new Command('lab')
    .description('PeerLab: run a peer-to-peer file-sharing system, break it, measure it, judge it.')
    .exitOverride();
  lab.addHelpText(
    'after',
    '\nExit codes: 0 pass, 1 fail, 64 wrong usage or invalid scenario, 75 inconclusive, 130 interrupted',
  );

  lab
    .command('run')
    .description('play a scenario, judge it, and report')
    .argument('<scenario>', 'a name in scenarios/, or a path to a file')
    .addOption(
      new Option('--driver <driver>', 'what carries the peers; auto takes docker where an engine answers')
        .choices(['auto', 'process', 'docker'])
        .default('auto'),
    )
    .option('--seed <n>', 'decides files, picks and orders', wholeNumber(0, 2 ** 32 - 1))
    .option('--peers <n>', 'peers in all; the groups keep their proportions', wholeNumber(1, 10_000))
    .option('--results <folder>', 'where results go', 'results')
    .option('--peer-image <image>', 'bring your own peer: an image, or a command for the process driver')
    .option('--directory-image <image>', 'bring your own directory, likewise')
    .action(async (name: string, options: RunOptions) => exit(await runCommand(name, options)));

  lab
    .command('validate')
    .description('check scenario files without running them; all of the library when none is named')
    .argument('[scenarios...]')
    .action((names: string[]) => exit(validateCommand(names)));

  lab
    .command('list')
    .description('the scenarios that come with PeerLab, and the question of each')
    .action(() => exit(listCommand()));

  lab
    .command('build')
    .description('build the services into dist/, if their sources changed')
    .action(async () => {
      await buildServices((what) => process.stdout.write(`${what}\n`));
      exit(EXIT.pass);
    });

  lab
    .command('images')
    .description('build the Docker images peerlab/directory and peerlab/peer, if what goes into them changed')
    .action(async () => {
      await buildImages((what) => process.stdout.write(`${what}\n`));
      exit(EXIT.pass);
    });
  return lab;
}

/** One error, as people should see it: what, where, and what to do next. */
function complain(error: unknown): number {
  if (error instanceof ScenarioInvalid) process.stderr.write(`${error.lines().join('\n')}\n`);
  if (error instanceof PeerLabError) {
    process.stderr.write(`${error.message}\n${error.hint}\n`);
    return error.kind.exit ?? EXIT.inconclusive;
  }
  process.stderr.write(
    `${ERRORS.internal.meaning}: ${reasonOf(error)}\n${error instanceof Error ? error.stack : ''}\n`,
  );
  return EXIT.inconclusive;
}

async function main(): Promise<void> {
  try {
    await program((code) => {
      process.exitCode = code;
    }).parseAsync();
  } catch (error) {
    if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? EXIT.pass : EXIT.usage;
    else process.exitCode = complain(error);
  }
}

await main();
// What still holds the process open (kept-alive sockets) is of no use any more.
process.exit();
