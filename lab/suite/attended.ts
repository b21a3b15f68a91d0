import { readFileSync } from 'node:fs';
import path from 'node:path';
import { reasonOf } from '#proto/errors.ts';
import { type Result, resultSchema } from '../checks/result-schema.ts';
import type { OperationEvent } from '../history/events.ts';
import { ResultsFolder } from '../history/results-folder.ts';
import type { JudgedRun } from '../report/junit.ts';
import { lineOf, type SuiteLine } from './suite-result.ts';

/** What became of a scenario; `judged` when there was something to judge. */
export interface Attended {
  readonly line: SuiteLine;
  readonly judged?: JudgedRun;
}

export function notTaken(name: string, outcome: 'not run' | 'skipped', reason: string): Attended {
  return { line: { name, outcome, reason, seconds: 0 } };
}

/** What a run that was judged is to its suite. */
export async function attendedRun(result: Result, folder: ResultsFolder, seconds: number): Promise<Attended> {
  const line = lineOf(result, seconds);
  const { outcome, reason } = line;
  const judged: JudgedRun = {
    result,
    steps: folder.readFacts().steps,
    events: await failedOperations(folder),
    ...(outcome === 'known failure' && { accepted: reason }),
    ...(outcome === 'unexpected pass' && { refused: reason }),
  };
  return { line, judged };
}

/** The same from the files of the run, beside those of its suite. What can't be read any more is no pass. */
export async function attendedAgain(suite: string, line: SuiteLine): Promise<Attended> {
  const { runId, seconds } = line;
  if (runId === undefined) return { line };
  try {
    const folder = ResultsFolder.open(path.join(suite, '..', runId));
    const result = resultSchema.parse(JSON.parse(readFileSync(folder.file('result.json'), 'utf8')));
    return await attendedRun(result, folder, seconds);
  } catch (error) {
    const reason = `its results can't be read any more: ${reasonOf(error).split('\n')[0]}`;
    return { line: { ...line, outcome: 'inconclusive', reason } };
  }
}

/** All that the report of a suite says of operations: those that went well are not kept for as long as the suite runs. */
async function failedOperations(folder: ResultsFolder): Promise<OperationEvent[]> {
  const failed: OperationEvent[] = [];
  for await (const event of folder.readLines('events.ndjson')) {
    if (event.outcome === 'failed') failed.push(event);
  }
  return failed;
}
