import { existsSync } from 'node:fs';
import { stat, statfs } from 'node:fs/promises';
import { freemem, release, tmpdir } from 'node:os';
import path from 'node:path';
import { getHeapStatistics } from 'node:v8';
import { surveyEngine } from '../drivers/docker/survey.ts';
import type { Driver } from '../drivers/driver.ts';
import { portRange } from '../drivers/process/ports.ts';
import type { Disk, Facts } from './facts.ts';
import { inotifyFacts, listeningPorts, neighbourFacts, openFileLimits, taskFacts } from './kernel.ts';
import type { Refusal } from './needs.ts';

export interface GatherInit {
  readonly driver: Driver['kind'];
  readonly asked: Driver['kind'] | 'auto';
  readonly results: string;
  readonly refusals: readonly Refusal[];
}

/** The user that our images run as: all their instances share its inotify instances. */
const IMAGE_UID = 10_001;
const TMPFS_MAGIC = 0x01021994;
const RAMFS_MAGIC = 0x858458f6;

/** Looks at the machine, and at the engine if one is asked for; changes nothing. Takes a second at most, mostly the engine's. */
export async function gatherFacts({ driver, asked, results, refusals }: GatherInit): Promise<Facts> {
  const engine = asked === 'process' ? 'not asked for' : await surveyEngine();
  const { lowest, end } = portRange();
  const [taken, inotify, tasks, openFiles, neighbours] = await Promise.all([
    listeningPorts(lowest, end),
    inotifyFacts(driver === 'docker' ? IMAGE_UID : (process.getuid?.() ?? 0)),
    taskFacts(driver === 'process'),
    openFileLimits(),
    neighbourFacts(),
  ]);
  return {
    node: process.versions.node,
    system: { platform: process.platform, release: release() },
    engine,
    refusals,
    openFiles,
    tasks,
    inotify,
    ports: taken === undefined ? undefined : { lowest, end, taken },
    neighbours,
    // Containers are not in this program's cgroup, processes are.
    memoryBytes: driver === 'docker' ? freemem() : Math.min(freemem(), process.availableMemory()),
    heapBytes: getHeapStatistics().heap_size_limit,
    disks: {
      temporary: await diskOf(tmpdir()),
      results: await diskOf(results),
      engine: typeof engine === 'string' ? undefined : await diskOf(engine.rootFolder, false),
    },
  };
}

/** The disk of a folder, or of the nearest one above it that is there. An engine's folder may lie in a machine of its own. */
async function diskOf(folder: string, mayBeAbove = true): Promise<Disk | undefined> {
  let there = path.resolve(folder);
  while (mayBeAbove && !existsSync(there) && path.dirname(there) !== there) there = path.dirname(there);
  try {
    const [{ bavail, bsize, type }, { dev }] = await Promise.all([statfs(there), stat(there)]);
    const isMemory = type === TMPFS_MAGIC || type === RAMFS_MAGIC;
    return { folder, freeBytes: bavail * bsize, id: String(dev), isMemory };
  } catch {
    return undefined;
  }
}
