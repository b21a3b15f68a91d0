import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Folders in which images are laid out. The name holds the pid of the lab that does it: nobody else needs to be asked. */

const STAGING = /^peerlab-(?:images|base|faults)-(\d+)-/;

export function makeStaging(what: 'images' | 'base' | 'faults'): Promise<string> {
  return mkdtemp(join(tmpdir(), `peerlab-${what}-${process.pid}-`));
}

/** Removes those whose makers are gone. @returns their paths */
export async function sweepStaging(): Promise<string[]> {
  const removed: string[] = [];
  for (const name of await readdir(tmpdir())) {
    const pid = STAGING.exec(name)?.[1];
    const folder = join(tmpdir(), name);
    if (pid === undefined || isThere(Number(pid))) continue;
    const isRemoved = await rm(folder, { recursive: true, force: true, maxRetries: 3 }).then(
      () => true,
      () => false, // It is another user's.
    );
    if (isRemoved) removed.push(folder);
  }
  return removed;
}

function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}
