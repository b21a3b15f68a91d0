import type { EngineSurvey } from '../drivers/docker/survey.ts';
import type { Refusal } from './needs.ts';

/** THE FACTS: all that the checks know of this machine, gathered once (gather.ts). `undefined`: not to be found out here. */
export interface Facts {
  readonly node: string;
  readonly system: { readonly platform: string; readonly release: string };
  /** The engine, or why there is none. */
  readonly engine: EngineSurvey | string;
  /** What the driver can't do of what the scenario needs. */
  readonly refusals: readonly Refusal[];
  readonly openFiles: { readonly soft: number; readonly hard: number } | undefined;
  /** Threads and processes that may still be made before the nearest limit, and which limit that is. */
  readonly tasks: { readonly left: number; readonly limit: string } | undefined;
  readonly inotify: { readonly instances: number; readonly inUse: number } | undefined;
  /** Ports of 127.0.0.1 below those of outgoing connections, and those listened on among them. */
  readonly ports: { readonly lowest: number; readonly end: number; readonly taken: number } | undefined;
  /** Entries that the kernel's table of neighbours (ARP) may have in all network namespaces together, and has. */
  readonly neighbours: { readonly limit: number; readonly inUse: number } | undefined;
  /** Memory that can be had now without swapping, the limits of this program's cgroup included. */
  readonly memoryBytes: number;
  /** How large the lab's heap may grow. */
  readonly heapBytes: number;
  readonly disks: {
    readonly temporary: Disk | undefined;
    readonly results: Disk | undefined;
    readonly engine: Disk | undefined;
  };
}

export interface Disk {
  readonly folder: string;
  readonly freeBytes: number;
  /** Which disk it is: folders on one disk share what is free. */
  readonly id: string;
  /** A file system that lives in memory: its files count as such. */
  readonly isMemory: boolean;
}
