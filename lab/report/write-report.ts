import { readHistory } from '../checks/history.ts';
import type { LogRules } from '../checks/logs.ts';
import { type Result, resultSchema } from '../checks/result-schema.ts';
import { type Demand, judgeRun } from '../checks/verdict.ts';
import type { ResultsFolder } from '../history/results-folder.ts';
import { junitXml } from './junit.ts';
import { summaryMarkdown } from './summary-markdown.ts';

/** What of a scenario, or of its plan, a judgement needs. */
export interface Judging {
  readonly demands: readonly Demand[];
  readonly logs?: LogRules;
  /** What was wrong with the scenario that this comes from, a sentence each. */
  readonly damage?: readonly string[];
}

/** Judges what is in a results folder and writes result.json, junit.xml and summary.md beside it. */
export async function writeReport(folder: ResultsFolder, { demands, logs, damage }: Judging): Promise<Result> {
  const texts = demands.flatMap(({ figure: { what } }) =>
    what.kind === 'logs' && what.text !== undefined ? [what.text] : [],
  );
  const history = await readHistory(folder, { texts, logRules: logs, damage });
  const result = resultSchema.parse(judgeRun(history, demands));
  folder.write('result.json', `${JSON.stringify(result, null, 2)}\n`);
  folder.write('junit.xml', junitXml([{ result, steps: history.facts.steps, events: history.events }]));
  folder.write('summary.md', summaryMarkdown(result));
  return result;
}
