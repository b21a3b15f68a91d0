import type { PreflightCheck } from '../machine/check.ts';
import { inotify, openFiles, tasks } from './check-limits.ts';
import { abilities, carriers, kernel, node } from './check-programs.ts';
import { memory, memoryLimits, plan, resultsDisk, shareDisk } from './check-space.ts';

export interface Preflight {
  /** The driver that was asked for, or `auto`; and what came of looking for drivers. */
  readonly asked: string;
  readonly surveys: Parameters<typeof carriers>[1];
  /** What the driver can't do of what the scenario needs. */
  readonly refusals: Parameters<typeof abilities>[0];
  /** The driver's own checks. */
  readonly checks: readonly PreflightCheck[];
}

/** Every check, in the order of the report. */
export function checksFor({ asked, surveys, refusals, checks }: Preflight): readonly PreflightCheck[] {
  return [
    node,
    kernel,
    ...carriers(asked, surveys),
    abilities(refusals),
    ...checks,
    openFiles,
    tasks,
    inotify,
    memory,
    memoryLimits,
    plan,
    shareDisk,
    resultsDisk,
  ];
}
