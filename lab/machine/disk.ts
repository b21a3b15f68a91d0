import { existsSync } from 'node:fs';
import { stat, statfs } from 'node:fs/promises';
import path from 'node:path';
import type { Disk } from './facts.ts';

const TMPFS_MAGIC = 0x01021994;
const RAMFS_MAGIC = 0x858458f6;

/** The disk of a folder that is there; undefined when it is not, or can't be looked at. */
export async function diskOf(folder: string): Promise<Disk | undefined> {
  try {
    const [{ bavail, bsize, type }, { dev }] = await Promise.all([statfs(folder), stat(folder)]);
    const isMemory = type === TMPFS_MAGIC || type === RAMFS_MAGIC;
    return { folder, freeBytes: bavail * bsize, id: String(dev), isMemory };
  } catch {
    return undefined;
  }
}

/** The disk that a folder will lie on: that of the nearest folder above it that is there. */
export async function diskFor(folder: string): Promise<Disk | undefined> {
  let there = path.resolve(folder);
  while (!existsSync(there) && path.dirname(there) !== there) there = path.dirname(there);
  const disk = await diskOf(there);
  return disk && { ...disk, folder };
}
