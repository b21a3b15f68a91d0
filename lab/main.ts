import { readFileSync } from 'node:fs';
import { Writable } from 'node:stream';
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { z } from 'zod';
import { EXIT, PeerLabError, reasonOf, unforeseen } from '#proto/errors.ts';
import { printable, printableAll, printableJson } from '#proto/printable.ts';
import { counted } from '#proto/units.ts';
import { resultSchema } from './checks/result-schema.ts';
import { testedIn } from './checks/tested.ts';
import { defineConformance } from './conformance/command.ts';
import { conformanceSchema } from './conformance/reports.ts';
import { type Candidate, candidatesFor } from './doctor/candidates.ts';
import { examine } from './doctor/doctor.ts';
import { chooseCapable, firstCapable, type Need, needsOf, refusalsOf, refusalText } from './doctor/needs.ts';
import { printDiagnosis } from './doctor/print.ts';
import { findPrograms } from './doctor/programs.ts';
import { buildServices } from './drivers/artifacts.ts';
import { DRIVERS, KINDS } from './drivers/table.ts';
import { defineGrade } from './grade/command.ts';
import { graderBy } from './grade/grader.ts';
import { ResultsFolder } from './history/results-folder.ts';
import { ScenarioInvalid } from './language/mistake.ts';
import { ownProgramOf, type PlannedPeer } from './language/world.ts';
import { listScenarios } from './list.ts';
import { defineNewPeer } from './new-peer/new-peer.ts';
import { beginPage, writeRunPage } from './page/write-page.ts';
import { type Played, type PlayInit, play } from './play.ts';
import { leftOutLines, testedLine } from './report/format.ts';
import { spreadTable } from './report/spread.ts';
import { mayMove, type Out, printSummary, printVerdict } from './report/terminal.ts';
import { reportAgain } from './report-again.ts';
import { baselineOf } from './scenario/baseline.ts';
import { findScenario, libraryNames } from './scenario/find.ts';
import { scenarioJsonSchema } from './scenario/json-schema.ts';
import { makePlan, type Plan } from './scenario/plan.ts';
import type { Scenario } from './scenario/read.ts';
import { MAX_PEERS_PER_INSTANCE } from './scenario/schema.ts';
import { type Variables, variableValue } from './scenario/variables.ts';
import { PageBesideRun } from './serve/beside-run.ts';
import { serve } from './serve/serve.ts';
import { defineSimulate } from './simulate/command.ts';
import { exitOf, guardProcess, outputSettled, untilStopped } from './stop.ts';
import { runSuite } from './suite/run-suite.ts';
import { findSuite, type SuiteEntry, suiteSchema } from './suite/suite.ts';
import { type Reported, reportSuiteAgain } from './suite/suite-report.ts';
import { isSuiteFolder, suiteResultSchema } from './suite/suite-result.ts';
import { printSuite, printSuiteVerdict } from './suite/suite-text.ts';
import { settleDeadRuns } from './watchdog/dead-runs.ts';
import { collectGarbage } from './watchdog/gc.ts';

/** The CLI. */

interface DriverOptions {
  /** The kind of a driver, or `auto`. */
  driver: string;
  results: string;
  peerImage?: string;
  directoryImage?: string;
}

/** For whom it is told what happens. */
interface Shown {
  ui?: boolean;
  json?: boolean;
  quiet?: boolean;
}

interface RunOptions extends DriverOptions, Shown {
  seed?: number;
  peers?: number;
  peersPerInstance?: number;
  var: Variables;
  repeat: number;
  baseline?: boolean;
}

type DoctorOptions = Pick<RunOptions, 'driver' | 'results' | 'peers' | 'peersPerInstance' | 'var'>;

interface ServeOptions {
  results: string;
  host?: string;
  port?: number;
}

interface SuiteOptions extends DriverOptions, Shown {
  jobs: number;
  peersPerInstance?: number;
}

/**
 * Says which driver was chosen in the first line, and gives what plays a plan on it.
 * @throws PeerLabError `no-program`, when one of the plans is to test what is not there: before anything is started or written
 */
async function stageFor(
  options: DriverOptions,
  { driver, why }: Candidate,
  plans: readonly Plan[],
  out: Out = process.stdout,
): Promise<
  (
    scenario: Scenario,
    plan: Plan,
    out: Out,
    how?: Pick<PlayInit, 'signal' | 'watchedAt' | 'baseline'>,
  ) => Promise<Played>
> {
  const { results, peerImage, directoryImage } = options;
  const programs = await findPrograms(driver, options, plans);
  out.write(`Driver: ${driver.kind} (${printable(why)})\n`);
  await settleDeadRuns((line) => out.write(`${line}\n`));
  return (scenario, plan, out, how = {}) => {
    const { name, description } = printableAll({ name: plan.name, description: plan.description.trim() });
    out.write(`Scenario: ${name}, ${counted(plan.peers.length, 'peer')}, seed ${plan.seed}. ${description}\n`);
    tellLeftOut(plan, out);
    const tested = testedIn(plan.peers.map(playerOf), programs);
    out.write(`${testedLine(printableAll(tested))}\n`);
    return play({ results, peerImage, directoryImage, scenario, plan, driver, out, ...how });
  };
}

/** Files of the scenario's own folders that no share can hold: the rest is played. */
function tellLeftOut({ leftOut }: Plan, out: Out = process.stdout): void {
  for (const line of leftOutLines(leftOut)) out.write(`${printable(line)}\n`);
}

/** A peer, as the history will have it. */
const playerOf = (peer: PlannedPeer) => ({ group: peer.group, program: ownProgramOf(peer) });

async function runCommand(name: string, options: RunOptions): Promise<number> {
  const scenario = findScenario(name, options.var);
  const plan = makePlan(scenario, options);
  const baseline = options.baseline ? baselineOf(scenario) : undefined;
  const out = outFor(options);
  const chosen = chooseCapable(await candidatesFor(options.driver), needsOf(plan, options));
  const playOn = await stageFor(options, chosen, [plan], out);
  const page = await pageBeside(options, out);
  if (page && out !== process.stdout) process.stderr.write(`Live page: ${page.urlOf('latest')}\n`);
  const watched = page && { watchedAt: (runId: string) => page.urlOf(runId) };
  const first = baseline && (await playOn(baseline, makePlan(baseline, options), out, watched));
  const compared = first && { baseline: baselineFacts(first) };
  const runs: Played[] = [];
  for (let n = 0; n < options.repeat && !first?.interrupted; n++) {
    const played = await playOn(scenario, plan, out, { ...watched, ...compared });
    runs.push(played);
    if (options.json) process.stdout.write(`${printableJson(JSON.stringify(played.result))}\n`);
    else if (options.quiet) printVerdict(played.result, played.folder, process.stdout);
    if (played.interrupted) break;
  }
  if (options.repeat > 1 && !options.json) process.stdout.write(`\n${spreadTable(runs.map(({ result }) => result))}`);
  const exit = first?.interrupted ? first.exit : worst(runs.map(({ exit }) => exit));
  await endPage(page, exit, out);
  return exit;
}

/** What a run without swarming took. One that is not good says nothing. */
function baselineFacts({ result }: Played): NonNullable<PlayInit['baseline']> {
  const { runId, verdict, reason, swarm } = result;
  const lastSeconds = verdict === 'pass' ? swarm?.lastSeconds : undefined;
  if (lastSeconds !== undefined) return { runId, lastSeconds };
  const why = verdict === 'pass' ? 'it has no crowd' : `it is no pass: ${reason}`;
  return { runId, missing: `the baseline, run ${runId}, tells nothing: ${why}` };
}

/** What is for machines, or short, is told at the end; what went wrong on the way is told on stderr, as always. */
function outFor({ json, quiet }: Shown): Out {
  return json || quiet ? nowhere() : process.stdout;
}

/** Where nobody sits who could end it, such as in CI, it ends with what it shows. */
async function endPage(page: PageBesideRun | undefined, exit: number, out: Out): Promise<void> {
  if (page && exit !== EXIT.interrupted && out === process.stdout && process.stdin.isTTY && mayMove(process.stdout)) {
    process.stdout.write('The live page stays until Ctrl-C.\n');
    await untilStopped();
  }
  await page?.close();
}

/** For what nobody wants to read. */
function nowhere(): Out {
  return new Writable({ write: (_part, _encoding, done) => done() });
}

/** Where a remark goes that is not to get lost, and is none of what stdout is for. */
function asideOf(out: Out): Out {
  return out === process.stdout ? process.stdout : process.stderr;
}

/** That nobody can watch a run is no reason not to play it. */
async function pageBeside({ ui, results }: Shown & DriverOptions, out: Out): Promise<PageBesideRun | undefined> {
  if (!ui) return undefined;
  try {
    return await PageBesideRun.start(results);
  } catch (error) {
    asideOf(out).write(`There is no live page: ${printable(reasonOf(error))}\n`);
    return undefined;
  }
}

async function serveCommand({ results, host, port }: ServeOptions): Promise<number> {
  const page = await serve({ results, host, port });
  process.stdout.write(`Runs in ${results} are at ${page.url}\nCtrl-C ends this page; runs go on.\n`);
  await untilStopped();
  await page.close();
  return EXIT.pass;
}

/** Interrupted before failed before inconclusive before refused before passed. */
function worst(exits: readonly number[]): number {
  return [EXIT.interrupted, EXIT.fail, EXIT.inconclusive, EXIT.usage].find((code) => exits.includes(code)) ?? EXIT.pass;
}

async function doctorCommand(name: string, options: DoctorOptions): Promise<number> {
  const scenario = findScenario(name, options.var);
  const { driver: asked, results, peers, peersPerInstance } = options;
  const planFor = (peers?: number) => makePlan(scenario, { peers, peersPerInstance });
  const diagnosis = await examine({ planFor, peers, asked, results });
  printDiagnosis(diagnosis, process.stdout);
  return diagnosis.prediction === 'does not fit' ? EXIT.fail : EXIT.pass;
}

/** What the driver can't do is skipped, with the reason: the rest of the suite is worth as much without it. */
async function suiteCommand(name: string, options: SuiteOptions): Promise<number> {
  const suite = findSuite(name, options);
  const all = await candidatesFor(options.driver);
  const needs: Need[] = suite.entries.flatMap(({ plan }) => needsOf(plan, options));
  const chosen = firstCapable(all, needs) ?? all[0];
  const refusalOf = ({ plan }: SuiteEntry) =>
    refusalsOf(needsOf(plan, options), chosen.can).map(refusalText).join('; ') || undefined;
  const playable = suite.entries.filter((entry) => refusalOf(entry) === undefined);
  const out = outFor(options);
  const plans = playable.map(({ plan }) => plan);
  const playOn = await stageFor(options, chosen, plans, out);
  const page = await pageBeside(options, out);
  if (page) asideOf(out).write(`Live page: ${page.url}\n`);
  const watched = page && { watchedAt: (runId: string) => page.urlOf(runId) };
  const played = await runSuite({
    ...{ suite, results: options.results, out, jobs: options.jobs, refusal: refusalOf },
    play: ({ scenario, plan }, to, signal) => playOn(scenario, plan, to, { signal, ...watched }),
  });
  tellSuite(played, options);
  await endPage(page, played.exit, out);
  return played.exit;
}

function tellSuite(reported: Reported, { json, quiet }: Shown): void {
  if (json) process.stdout.write(`${printableJson(JSON.stringify(reported.result))}\n`);
  else if (quiet) printSuiteVerdict(reported, process.stdout);
  else printSuite(reported, process.stdout);
}

async function reportCommand(path: string): Promise<number> {
  if (isSuiteFolder(path)) {
    const reported = await reportSuiteAgain(path);
    printSuite(reported, process.stdout);
    return EXIT[reported.result.verdict];
  }
  const folder = ResultsFolder.open(path);
  const page = beginPage();
  const result = await reportAgain(folder);
  await writeRunPage({ folder, result, page, tell: (line) => process.stdout.write(`${line}\n`) });
  await printSummary(result, folder, process.stdout);
  return EXIT[result.verdict];
}

function validateCommand(names: string[], options: { var: Variables }): number {
  let failed = false;
  for (const name of names.length > 0 ? names : libraryNames()) {
    try {
      const plan = makePlan(findScenario(name, options.var));
      process.stdout.write(
        `${name}: ok, ${counted(plan.peers.length, 'peer')}, ${counted(plan.steps.length, 'step')}\n`,
      );
      tellLeftOut(plan);
    } catch (error) {
      failed = true;
      complain(error);
    }
  }
  return failed ? EXIT.usage : EXIT.pass;
}

const SCHEMAS: Record<string, () => unknown> = {
  scenario: scenarioJsonSchema,
  suite: () => z.toJSONSchema(suiteSchema, { io: 'input', unrepresentable: 'any' }),
  result: () => z.toJSONSchema(resultSchema),
  'suite-result': () => z.toJSONSchema(suiteResultSchema),
  conformance: () => z.toJSONSchema(conformanceSchema),
};

const wholeNumber = (min: number, max: number) => (text: string) => {
  if (/^\d{1,10}$/.test(text) && Number(text) >= min && Number(text) <= max) return Number(text);
  throw new InvalidArgumentError(`expected a whole number from ${min} to ${max}`);
};

function setVariable(text: string, known: Variables): Variables {
  const [, name, value] = /^([a-zA-Z]\w*)=(.*)$/s.exec(text) ?? [];
  if (name === undefined || value === undefined) throw new InvalidArgumentError('expected name=value');
  return { ...known, [name]: variableValue(value) };
}

/** The name of an image, or a command. Without it PeerLab's own program is tested, so a variable that is empty must not mean that. */
function ownProgram(text: string): string {
  if (text.trim() === '') throw new InvalidArgumentError('expected the name of an image, or a command');
  return text;
}

const peersOption = ['--peers <n>', 'peers in all; the groups keep their proportions', wholeNumber(1, 10_000)] as const;
const hostingOption = [
  '--peers-per-instance <n>',
  'how many peers share one process or container; wins over the scenario',
  wholeNumber(1, MAX_PEERS_PER_INSTANCE),
] as const;
const resultsOption = ['--results <folder>', 'where results go', 'results'] as const;

function driverOption(): Option {
  return new Option(
    '--driver <driver>',
    'what carries the peers; auto takes docker where an engine answers; standing borrows peers that stand already, kubernetes takes a cluster',
  )
    .choices(['auto', ...KINDS])
    .default('auto');
}

function withDriver(command: Command): Command {
  return command
    .addOption(driverOption())
    .option(...resultsOption)
    .option('--peer-image <image>', 'bring your own peer: an image, or a command for the process driver', ownProgram)
    .option(
      '--directory-image <image>',
      'bring your own directory: an image, or a command for the process driver',
      ownProgram,
    );
}

function labVersion(): string {
  return JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')).version;
}

function program(exit: (code: number) => void): Command {
  const lab = new Command('lab')
    .description('PeerLab: run a peer-to-peer file-sharing system, break it, measure it, judge it.')
    .version(labVersion())
    .exitOverride();
  lab.addHelpText(
    'after',
    '\nExit codes: 0 pass, 1 fail, 64 wrong usage or invalid scenario, 75 inconclusive, 130 interrupted',
  );
  const variables = [
    '--var <name=value>',
    'set a variable of the scenario (may be given again)',
    setVariable,
    {},
  ] as const;

  withDriver(lab.command('run').description('run a scenario, judge it, and write a report'))
    .argument('<scenario>', 'a name in scenarios/, or a path to a file')
    .option('--seed <n>', 'another seed: other files, picks, arrivals and orders', wholeNumber(0, 2 ** 32 - 1))
    .option(...peersOption)
    .option(...hostingOption)
    .option(...variables)
    .option('--ui', 'a live page of the run; on a terminal it stays until Ctrl-C', false)
    .option('--json', 'on stdout only result.json, on one line; for machines', false)
    .option('--quiet', 'only the verdict, and where the results are', false)
    .option(
      '--baseline',
      'before it, the same with peers that give nothing on while they fetch; tells what swarming brings',
    )
    .option('--repeat <n>', 'run it n times, and show how much the figures differ', wholeNumber(1, 1000), 1)
    .action(async (name: string, options: RunOptions) => exit(await runCommand(name, options)));

  defineConformance(withDriver(lab.command('conformance')), exit, graderBy);
  defineNewPeer(lab.command('new-peer'), exit);
  defineGrade(lab.command('grade'), exit);

  lab
    .command('doctor')
    .description('preflight check: does a scenario fit on this machine, and what would help if not')
    .argument('[scenario]', 'a name in scenarios/, or a path to a file', 'basic')
    .addOption(driverOption())
    .option(...resultsOption)
    .option(...peersOption)
    .option(...hostingOption)
    .option(...variables)
    .action(async (name: string, options: DoctorOptions) => exit(await doctorCommand(name, options)));

  withDriver(lab.command('suite').description('run a list of scenarios; one JUnit file, one summary'))
    .argument('<suite>', 'a name in suites/, or a path to a file')
    .option(...hostingOption)
    .option(
      '--jobs <n>',
      'scenarios at one time; those with the tag "alone" run one by one, at the end',
      wholeNumber(1, 16),
      1,
    )
    .option('--ui', 'a live page of its runs; on a terminal it stays until Ctrl-C', false)
    .option('--json', 'on stdout only suite.json, on one line; for machines', false)
    .option('--quiet', 'only the verdict, what is not well, and where the results are', false)
    .action(async (name: string, options: SuiteOptions) => exit(await suiteCommand(name, options)));

  defineSimulate(lab.command('simulate'), (text) => {
    process.stdout.write(text);
    exit(EXIT.pass);
  });

  lab
    .command('report')
    .description('judge a results folder again, from its files alone, and write its reports; those of a suite, too')
    .argument('<folder>', 'such as results/latest, or results/suite-quick')
    .action(async (folder: string) => exit(await reportCommand(folder)));

  lab
    .command('serve')
    .description('the live page of running and past runs; read-only')
    .option(...resultsOption)
    .option('--port <n>', 'where it listens; without it 8470, or a free one', wholeNumber(0, 65_535))
    .option('--host <address>', 'beyond this machine only with a token, in PEERLAB_SERVE_TOKEN', '127.0.0.1')
    .action(async (options: ServeOptions) => exit(await serveCommand(options)));

  lab
    .command('validate')
    .description('check scenario files without running them; without a name, the whole library')
    .argument('[scenarios...]')
    .option(...variables)
    .action((names: string[], options: { var: Variables }) => exit(validateCommand(names, options)));

  lab
    .command('list')
    .description('list the scenarios that come with PeerLab: question, size, needs and usual duration')
    .action(() => {
      process.stdout.write(listScenarios(process.stdout));
      exit(EXIT.pass);
    });

  lab
    .command('schema')
    .description(
      'print the JSON Schema of scenario files, suites, result.json, suite.json or conformance.json, for editors and tools',
    )
    .argument('[what]', `one of ${Object.keys(SCHEMAS).join(', ')}`, 'scenario')
    .action((what: string) => {
      const schema = SCHEMAS[what];
      if (!schema)
        throw new PeerLabError('usage', { expected: `one of ${Object.keys(SCHEMAS).join(', ')}`, got: what });
      process.stdout.write(`${JSON.stringify(schema(), null, 2)}\n`);
      exit(EXIT.pass);
    });

  lab
    .command('gc')
    .argument('[ids...]', 'runs that are unknown on this machine: remove what they left as well')
    .description(
      'remove what dead runs left (the lab was killed, or the machine went down); never anything of a living run',
    )
    .option('--all', 'also remove what has the id of a run that is unknown on this machine', false)
    .action(async (ids: string[], { all }: { all: boolean }) => {
      await collectGarbage({ all, ids, tell: (line) => process.stdout.write(`${line}\n`) });
      exit(EXIT.pass);
    });

  lab
    .command('build')
    .description('build the services into dist/, if their sources changed')
    .action(async () => {
      await buildServices((what) => process.stdout.write(`${what}\n`));
      exit(EXIT.pass);
    });

  lab
    .command('images')
    .description('build the container images peerlab/directory and peerlab/peer, if what goes into them changed')
    .option('--lab', 'also peerlab/lab: the lab itself, for clusters', false)
    .action(async ({ lab }: { lab: boolean }) => {
      const driver = DRIVERS.find(({ makeImages }) => makeImages);
      await driver?.makeImages?.((what) => process.stdout.write(`${what}\n`), lab);
      exit(EXIT.pass);
    });
  return lab;
}

/** One error, as people should see it: what, where, and what to do next. Gives the exit code. */
function complain(error: unknown): number {
  if (error instanceof ScenarioInvalid) process.stderr.write(`${printableAll(error.lines()).join('\n')}\n`);
  const { message, hint } = unforeseen(error);
  process.stderr.write(`${printableAll(message)}\n${hint}\n`);
  return exitOf(error);
}

async function main(): Promise<void> {
  guardProcess(complain);
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
await outputSettled();
// What still holds the process open (kept-alive sockets) is of no use any more.
process.exit();
