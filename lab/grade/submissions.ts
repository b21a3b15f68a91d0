import { existsSync, lstatSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { PeerLabError, reasonOf } from '#proto/errors.ts';

/** What a class has handed in: a folder for each, named as the one who submitted is. */
export interface Submission {
  readonly name: string;
  readonly folder: string;
  readonly submittedAt: Date;
}

/** A file here names the command of this submission, instead of the rubric's: a program and its arguments, no shell. */
export const COMMAND_FILE = 'peer.command';
const MAX_COMMAND_BYTES = 4096;
const MAX_SUBMISSIONS = 1000;
/** Of the newest file; more than this no one writes by hand. */
const MAX_FILES = 20_000;

/**
 * @param times when each was submitted, by name; without it the newest file of a submission says so
 * @throws PeerLabError `usage`: no such folder, or nothing in it
 */
export function findSubmissions(folder: string, times: ReadonlyMap<string, Date> | undefined): Submission[] {
  const all = listed(folder)
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
    .map(({ name }) => name)
    .sort();
  if (all.length === 0)
    throw new PeerLabError('usage', {
      about: folder,
      expected: 'a folder for each submission',
      got: 'no folder in it',
    });
  if (all.length > MAX_SUBMISSIONS)
    throw new PeerLabError('usage', { about: folder, expected: `at most ${MAX_SUBMISSIONS}`, got: String(all.length) });
  return all.map((name) => {
    const one = path.resolve(folder, name);
    return { name, folder: one, submittedAt: times?.get(name) ?? newestIn(one) };
  });
}

/** Lines of `name,time`, the time in ISO 8601 with its zone. @throws PeerLabError `usage` */
export function readTimes(file: string): Map<string, Date> {
  const times = new Map<string, Date>();
  const invalid = (got: string) =>
    new PeerLabError('usage', { about: file, expected: 'lines like ann,2026-12-01T18:00:00+01:00', got });
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw invalid(reasonOf(error));
  }
  for (const line of text.split(/\r?\n/).filter((line) => line.trim() !== '')) {
    const at = line.lastIndexOf(',');
    const time = new Date(line.slice(at + 1).trim());
    if (at < 1 || Number.isNaN(time.getTime())) throw invalid(`"${line.slice(0, 80)}"`);
    times.set(line.slice(0, at).trim(), time);
  }
  return times;
}

/** @returns the words of the command, split at spaces */
export function commandOf({ folder }: Pick<Submission, 'folder'>, usual: string): string[] {
  const file = path.join(folder, COMMAND_FILE);
  const isThere = existsSync(file) && lstatSync(file).isFile() && lstatSync(file).size <= MAX_COMMAND_BYTES;
  const own = isThere ? readFileSync(file, 'utf8').trim() : '';
  return (own || usual).split(/\s+/);
}

function listed(folder: string) {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch (error) {
    throw new PeerLabError('usage', { about: folder, expected: 'the folder of a class', got: reasonOf(error) });
  }
}

/** Links are looked at, and not followed. */
function newestIn(folder: string): Date {
  let newestMs = 0;
  let left = MAX_FILES;
  const look = (at: string) => {
    for (const entry of readdirSync(at, { withFileTypes: true })) {
      if (left-- <= 0) return;
      const one = path.join(at, entry.name);
      if (entry.isDirectory()) look(one);
      else newestMs = Math.max(newestMs, lstatSync(one).mtimeMs);
    }
  };
  look(folder);
  return new Date(newestMs);
}
