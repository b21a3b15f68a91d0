import type { PreflightCheck } from './check.ts';
import { addressPools, bridge, inotify, neighbours, openFiles, ports, tasks } from './check-limits.ts';
import { abilities, engine, images, kernel, node } from './check-programs.ts';
import { memory, memoryLimits, plan, resultsDisk, shareDisk } from './check-space.ts';

/** Every check, in the order of the report. */
export const CHECKS: readonly PreflightCheck[] = [
  node,
  kernel,
  engine,
  images,
  abilities,
  openFiles,
  tasks,
  inotify,
  ports,
  addressPools,
  bridge,
  neighbours,
  memory,
  memoryLimits,
  plan,
  shareDisk,
  resultsDisk,
];
