import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { EXIT, PeerLabError, reasonOf } from '#proto/errors.ts';
import type { DriverDescription } from '../drivers/description.ts';
import type { Driver } from '../drivers/driver.ts';
import { beginPage } from '../page/write-page.ts';
import type { Out } from '../report/terminal.ts';
import { exitOf, onStop } from '../stop.ts';
import { Watchdog } from '../watchdog/watchdog.ts';
import { checkAll, type Finding, verdictOf } from './conformance.ts';
import { ConformanceProgress } from './print.ts';
import { writeReports } from './reports.ts';
import type { RuleId } from './rules.ts';
import { Stage } from './stage.ts';

export interface ConformanceInit {
  readonly driver: DriverDescription;
  readonly ids: readonly RuleId[];
  readonly results: string;
  /** What is checked, for people; and as the driver takes it, if it is not PeerLab's own. */
  readonly tested: string;
  readonly peerImage?: string | undefined;
  readonly directoryImage?: string | undefined;
  readonly out: Out;
  /** Told of all rules at the end. */
  readonly judged?: (findings: readonly Finding[]) => void;
}

/**
 * One check of a peer, as a user sees it: from an empty folder to the printed verdict, Ctrl-C included. @returns the exit code
 * @throws PeerLabError `results-unusable`
 */
export async function perform({
  driver: description,
  ids,
  results,
  tested,
  out,
  judged,
  ...programs
}: ConformanceInit) {
  const runId = randomBytes(5).toString('hex');
  const folder = path.resolve(results, `conformance-${runId}`);
  const logsDir = path.join(folder, 'logs');
  makeFolder(logsDir);
  const tell = (line: string) => out.write(`${line}\n`);
  const watchdog = new Watchdog({ runId, driver: description.kind, scenario: 'conformance', results: folder });
  let driver: Driver | undefined;
  using stop = onStop({
    tell: (what) => tell(`\n${what}`),
    atOnce: async () => watchdog.done((await driver?.end(false)) ?? []),
  });
  const signal = AbortSignal.any([stop.signal, watchdog.lost]);
  const { peerImage, directoryImage } = programs;
  const page = beginPage();
  watchdog.start();
  driver = description.create({
    ...{ runId, logsDir, signal },
    ...(peerImage !== undefined && { peerImage }),
    ...(directoryImage !== undefined && { directoryImage }),
  });
  const progress = new ConformanceProgress(out);
  let findings: Finding[] = [];
  let left: string[] = [];
  try {
    await driver.prepare(tell);
    const stage = new Stage(driver, signal);
    await stage.setUp();
    findings = await checkAll(stage, withHealth(ids), signal, (finding) => progress.tell(finding));
  } finally {
    left = await driver.end(!signal.aborted);
    await watchdog.done(left);
  }
  for (const line of left) tell(`Left behind: ${line}`);
  const verdict = verdictOf(findings);
  const flaw = await writeReports({ folder, runId, tested, driver: description.kind, verdict, findings }, page);
  if (flaw !== undefined) tell(`report.html was not made: ${flaw}`);
  progress.end(verdict, findings, folder);
  judged?.(findings);
  if (stop.signal.aborted) return exitOf(stop.signal.reason);
  return left.length > 0 && verdict === 'pass' ? EXIT.inconclusive : EXIT[verdict];
}

/** Whatever is asked for, a peer that does not get ready is told so. */
function withHealth(ids: readonly RuleId[]): readonly RuleId[] {
  return ids.includes('control.health') ? ids : ['control.health', ...ids];
}

function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true });
  } catch (error) {
    throw new PeerLabError('results-unusable', { about: folder, got: reasonOf(error), cause: error });
  }
}
