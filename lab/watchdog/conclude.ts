import { existsSync } from 'node:fs';
import { PeerLabError } from '#proto/errors.ts';
import { ResultsFolder } from '../history/results-folder.ts';

/**
 * Makes the results of a run whose lab is gone fit to be reported: a line that was being written is cut off, and the facts
 * say what happened. Facts that the lab had finished stay as they are.
 * @param left what could not be removed, a line each
 */
export function conclude(results: string, left: readonly string[]): void {
  const folder = new ResultsFolder(results);
  if (!existsSync(folder.file('run.json'))) return;
  folder.trim();
  const facts = folder.readFacts();
  if (facts.completed || facts.trouble.length > 0) return;
  const { code, message } = new PeerLabError('lab-lost');
  folder.writeFacts({ ...facts, trouble: [{ code, message }], leftovers: [...left], files: folder.sizes() });
}
