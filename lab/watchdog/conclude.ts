import { existsSync, readFileSync, truncateSync } from 'node:fs';
import { PeerLabError } from '#proto/errors.ts';
import { runFacts } from '../history/events.ts';
import { type ResultFile, ResultsFolder } from '../history/results-folder.ts';

const APPENDED: readonly ResultFile[] = [
  'events.ndjson',
  'answers.ndjson',
  'shares.ndjson',
  'stored.ndjson',
  'metrics/samples.ndjson',
];
const NEWLINE = 0x0a;

/**
 * Makes the results of a run whose lab is gone fit to be reported: a line that was being written is cut off, and the facts
 * say what happened. Facts that the lab had finished stay as they are.
 * @param left what could not be removed, a line each
 */
export function conclude(results: string, left: readonly string[]): void {
  const folder = new ResultsFolder(results);
  if (!existsSync(folder.file('run.json'))) return;
  for (const name of APPENDED) endWithWholeLine(folder.file(name));
  const facts = folder.readJson('run.json', runFacts);
  if (facts.completed || facts.trouble.length > 0) return;
  const { code, message } = new PeerLabError('lab-lost');
  folder.writeFacts({ ...facts, trouble: [{ code, message }], leftovers: [...left] });
}

function endWithWholeLine(file: string): void {
  if (!existsSync(file)) return;
  const content = readFileSync(file);
  const end = content.lastIndexOf(NEWLINE) + 1;
  if (end < content.length) truncateSync(file, end);
}
