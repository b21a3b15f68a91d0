/** THE FACTS: what the checks know of this machine, gathered once. `undefined`: it can't be found out here. */
export interface Facts extends Ground {
  readonly node: string;
  readonly system: { readonly platform: string; readonly release: string };
  readonly openFiles: { readonly soft: number; readonly hard: number } | undefined;
  /** How large the lab's heap may grow. */
  readonly heapBytes: number;
  /** The disk of the results folder. */
  readonly results: Disk | undefined;
}

/** What a driver's instances stand on: this machine as they see it, or others. */
export interface Ground {
  /** Threads and processes that may still be made before the nearest limit, and which limit that is. */
  readonly tasks: { readonly left: number; readonly limit: string } | undefined;
  /** Of the user that instances run as. */
  readonly inotify: { readonly instances: number; readonly inUse: number } | undefined;
  /** Memory that is available now without swapping. */
  readonly memoryBytes: number | undefined;
  /** The disk that shares lie on. */
  readonly shares: Disk | undefined;
  /** What is written to that disk before anything is started, such as images that are not built yet. */
  readonly prepareBytes: number;
}

export interface Disk {
  readonly folder: string;
  readonly freeBytes: number;
  /** Which disk it is: folders on one disk share what is free. */
  readonly id: string;
  /** A file system that lives in memory: its files count as such. */
  readonly isMemory: boolean;
}
