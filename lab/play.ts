import { randomBytes } from 'node:crypto';
import { EXIT, unforeseen } from '#proto/errors.ts';
import type { Result } from './checks/result-schema.ts';
import { disturbedBy, drainedBy } from './doctor/needs.ts';
import type { DriverDescription } from './drivers/description.ts';
import type { Driver, DriverInit } from './drivers/driver.ts';
import type { RunFacts } from './history/events.ts';
import { ResultsFolder } from './history/results-folder.ts';
import { beginPage, writeRunPage } from './page/write-page.ts';
import { type Out, printSummary, TerminalProgress } from './report/terminal.ts';
import { writeReport } from './report/write-report.ts';
import { run } from './run/run.ts';
import { scenarioAsRun } from './scenario/as-run.ts';
import type { Plan } from './scenario/plan.ts';
import type { Scenario } from './scenario/read.ts';
import { CopyPost } from './status/copy-post.ts';
import { PagePost } from './status/page-post.ts';
import { exitOf, onStop } from './stop.ts';
import { Watchdog } from './watchdog/watchdog.ts';

export interface PlayInit {
  readonly scenario: Scenario;
  readonly plan: Plan;
  /** The driver that carries the run. */
  readonly driver: DriverDescription;
  readonly results: string;
  readonly peerImage?: string | undefined;
  readonly directoryImage?: string | undefined;
  readonly out: Out;
  /** The run that this one is to be compared with. */
  readonly baseline?: RunFacts['baseline'];
  /** Where the run can be watched, if somebody asked for that. */
  readonly watchedAt?: (runId: string) => string;
  /** Ends the run early, as Ctrl-C does: the deadline of a suite. */
  readonly signal?: AbortSignal;
}

export interface Played {
  readonly result: Result;
  readonly folder: ResultsFolder;
  /** The exit code that this run asks for. */
  readonly exit: number;
  readonly interrupted: boolean;
  /** Why the driver can't run it, which showed only when it was prepared. */
  readonly refused?: string;
}

/**
 * One run as a user sees it: from the plan to the printed summary, Ctrl-C included.
 * @throws PeerLabError when there is nothing to report from: `results-unusable`, `results-lost`, `disk-full`
 */
export async function play({
  scenario,
  plan,
  driver: description,
  results,
  peerImage,
  directoryImage,
  out,
  baseline,
  watchedAt,
  signal,
}: PlayInit): Promise<Played> {
  const runId = randomBytes(5).toString('hex');
  const tell = (line: string) => out.write(`${line}\n`);
  const page = PagePost.of(process.env, tell);
  const folder = ResultsFolder.create(results, runId, tell);
  if (watchedAt) tell(`Live page: ${watchedAt(runId)}`);
  const reportPage = beginPage();
  const copy = CopyPost.of(process.env, folder, tell);
  folder.write('scenario.yaml', scenarioAsRun(scenario, plan, countsOf(plan), folder.path));
  const watchdog = new Watchdog({ runId, driver: description.kind, scenario: plan.name, results: folder.path });
  let driver: Driver | undefined;
  using stop = onStop({
    tell: (what) => tell(`\n${what}`),
    atOnce: async () => watchdog.done((await driver?.end(false)) ?? []),
  });
  const ends = AbortSignal.any([stop.signal, watchdog.lost, ...(signal ? [signal] : [])]);
  const create = (told: Pick<DriverInit, 'onKill' | 'onTrouble'>): Driver => {
    driver = description.create({
      ...told,
      runId,
      logsDir: folder.logs,
      signal: ends,
      ...(peerImage !== undefined && { peerImage }),
      ...(directoryImage !== undefined && { directoryImage }),
      disturbs: disturbedBy(plan),
      drains: drainedBy(plan),
      peers: plan.peers.map(({ name }) => name),
    });
    return driver;
  };
  copy?.start();
  const facts = await run({
    runId,
    plan,
    driver: create,
    folder,
    ...(baseline && { baseline }),
    listeners: [new TerminalProgress(out), ...(page ? [page] : [])],
    beforeMaking: () => watchdog.start(),
    signal: ends,
  });
  // Also when the watchdog was lost, or something went wrong, while the run was cleaned up: nobody saw that yet.
  if (ends.aborted && facts.trouble.length === 0) {
    const { code, message } = unforeseen(ends.reason);
    facts.trouble.push({ code, message });
  }
  try {
    folder.writeFacts(facts);
  } finally {
    await watchdog.done(facts.leftovers);
  }
  const result = await writeReport(folder, plan);
  await writeRunPage({ folder, result, page: reportPage, tell });
  await page?.judged(result);
  await copy?.finish();
  await printSummary(result, folder, out);
  const refused = refusalIn(facts);
  const exit = stop.signal.aborted ? exitOf(stop.signal.reason) : refused ? EXIT.usage : EXIT[result.verdict];
  return { result, folder, exit, interrupted: exit === EXIT.interrupted, ...(refused !== undefined && { refused }) };
}

/** What its driver can't do after all, which showed only where it was prepared: nothing that is tested had been started. */
function refusalIn({ trouble: [trouble], peers }: RunFacts): string | undefined {
  return trouble?.code === 'not-capable' && peers.every(({ address }) => address === undefined)
    ? trouble.message
    : undefined;
}

/** Peers of each group, as planned. */
function countsOf({ peers }: Plan): Map<string, number> {
  return new Map([...Map.groupBy(peers, ({ group }) => group)].map(([group, some]) => [group, some.length]));
}
