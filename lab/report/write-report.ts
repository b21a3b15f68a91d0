import type { Expectation } from '../checks/expectation.ts';
import { readHistory } from '../checks/history.ts';
import { judgeRun } from '../checks/verdict.ts';
import type { ResultsFolder } from '../history/results-folder.ts';
import { junitXml } from './junit.ts';
import { type Result, resultSchema } from './result-schema.ts';
import { summaryMarkdown } from './summary-markdown.ts';

/** Judges what is in a results folder and writes result.json, junit.xml and summary.md beside it. */
export async function writeReport(folder: ResultsFolder, expectations: readonly Expectation[]): Promise<Result> {
  const history = await readHistory(folder);
  const result = resultSchema.parse(judgeRun(history, expectations));
  folder.write('result.json', `${JSON.stringify(result, null, 2)}\n`);
  folder.write('junit.xml', junitXml(result, history.facts.steps, history.events));
  folder.write('summary.md', summaryMarkdown(result));
  return result;
}
