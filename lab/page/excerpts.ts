import type { Excerpt } from '../../page/report/data.ts';
import { LogSearch } from '../checks/failures.ts';
import { countLogs } from '../checks/logs.ts';
import type { Result } from '../checks/result-schema.ts';
import type { OperationEvent, RunFacts } from '../history/events.ts';
import type { ResultsFolder } from '../history/results-folder.ts';

/** Lines before and after the one that seems to speak of an operation. */
const AROUND = 2;
const MAX_LINE_CHARS = 600;

interface Wanted {
  readonly operation: number;
  /** Whose log it is. */
  readonly instance: string;
  /** The line that seems to speak of it. */
  readonly line: number;
}

/** What the logs say of the failed operations that the result names, and of the slowest. */
export async function excerptsOf(
  folder: ResultsFolder,
  facts: RunFacts,
  { failedOperations = [] }: Result,
  slowest: readonly OperationEvent[],
): Promise<Excerpt[]> {
  const failed = failedOperations.flatMap(({ example: { log, line } }): Wanted[] =>
    line === undefined ? [] : [{ operation: -1, instance: /^logs\/(.*)\.log$/.exec(log)?.[1] ?? '', line }],
  );
  const wanted = [...failed, ...(await linesOf(slowest, folder, facts))];
  return wanted.length === 0 ? [] : read(folder, wanted);
}

async function linesOf(
  operations: readonly OperationEvent[],
  folder: ResultsFolder,
  facts: RunFacts,
): Promise<Wanted[]> {
  const search = new LogSearch(operations, facts);
  await countLogs(folder, [], {}, (peer, line, number) => search.see(peer, line, number));
  const logOf = new Map(facts.peers.map(({ name, host }) => [name, host ?? name]));
  return operations.flatMap(({ id, peer }) => {
    const line = search.lines.get(id);
    return line === undefined ? [] : [{ operation: id, instance: logOf.get(peer) ?? peer, line }];
  });
}

async function read(folder: ResultsFolder, wanted: readonly Wanted[]): Promise<Excerpt[]> {
  const found = wanted.map((one) => ({ ...one, first: Math.max(1, one.line - AROUND), lines: [] as string[] }));
  for await (const { instance, line, number } of folder.logLines()) {
    for (const one of found) {
      if (one.instance === instance && number >= one.first && number <= one.line + AROUND)
        one.lines.push(line.slice(0, MAX_LINE_CHARS));
    }
  }
  return found.map(({ operation, instance, line, first, lines }) => ({
    ...{ operation, log: `logs/${instance}.log`, line, first, lines },
  }));
}
