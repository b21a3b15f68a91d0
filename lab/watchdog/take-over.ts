import { appendFileSync } from 'node:fs';
import { reasonOf } from '#proto/errors.ts';
import { ResultsFolder } from '../history/results-folder.ts';
import { cleanUp } from './clean-up.ts';
import { conclude } from './conclude.ts';
import { type RunRecord, writeRecord } from './record.ts';

/**
 * Ends a run whose lab is gone: removes what carries its id, makes its results fit to be reported, writes what it did to
 * `watchdog.log` in the results folder, and puts the outcome into the record of runs. Never throws.
 * @returns what is still there, a line each
 */
export async function takeOver(record: RunRecord, patienceMs: number): Promise<string[]> {
  const { runId, driver, results } = record;
  const folder = new ResultsFolder(results);
  const tell = (line: string) => note(folder, line);
  tell(`the lab (process ${record.lab.pid}) is gone, and its run ${runId} had not ended`);
  const left = await cleanUp({ driver, runId, logsDir: folder.logs, patienceMs, tell });
  try {
    conclude(results, left);
    writeRecord({ ...record, cleaned: { at: new Date().toISOString(), left } });
  } catch (error) {
    tell(`the results could not be concluded: ${reasonOf(error)}`);
  }
  tell(left.length === 0 ? 'nothing of the run is left' : `${left.length} things are left; bin/lab gc tries again`);
  return left;
}

function note(folder: ResultsFolder, line: string): void {
  try {
    appendFileSync(folder.file('watchdog.log'), `${new Date().toISOString()} ${line}\n`);
  } catch {
    // The folder was removed, or the disk is full: cleaning up matters more.
  }
}
