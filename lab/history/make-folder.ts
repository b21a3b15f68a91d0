import { lstatSync, mkdirSync, renameSync, rmSync, type Stats, statSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { PeerLabError } from '#proto/errors.ts';
import { writeFailure } from './write-failure.ts';

/** Where results are put: every state that such a place can be in, in words. */

/** Makes a folder, and those above it. @throws PeerLabError `results-unusable`, `disk-full` */
export function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true });
  } catch (error) {
    const got = flawOnTheWay(path.resolve(folder));
    if (got === undefined) throw writeFailure(error, folder, 'results-unusable');
    throw new PeerLabError('results-unusable', { about: folder, got, cause: error });
  }
}

/** What stands in the way of a folder: itself, or the nearest of those above it that is there. */
function flawOnTheWay(folder: string): string | undefined {
  for (let at = folder; at !== path.dirname(at); at = path.dirname(at)) {
    if (isThere(at)) return folderFlaw(at);
  }
  return undefined;
}

/** Why this is not a folder, in words; undefined when it is one. */
export function folderFlaw(at: string): string | undefined {
  if (!isThere(at)) return `there is no ${at}`;
  const kind = statOf(at);
  if (kind === undefined) return `${at} is a link that leads nowhere`;
  return kind.isDirectory() ? undefined : `${at} is not a folder`;
}

function isThere(at: string): boolean {
  try {
    return lstatSync(at) !== undefined;
  } catch {
    return false;
  }
}

function statOf(at: string): Stats | undefined {
  try {
    return statSync(at);
  } catch {
    return undefined;
  }
}

/**
 * Only a link is ever replaced, and at once: whoever reads `latest` meanwhile finds the old one or the new one.
 * @throws when something else is there, or links can't be made
 */
export function pointLatestAt(latest: string, runId: string): void {
  if (isThere(latest) && !lstatSync(latest).isSymbolicLink()) throw new Error('it is there, and is not a link');
  const fresh = `${latest}.${runId}`;
  symlinkSync(runId, fresh);
  try {
    renameSync(fresh, latest);
  } catch (error) {
    rmSync(fresh, { force: true });
    throw error;
  }
}
