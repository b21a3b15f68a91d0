/** Something on this machine that carries the id of a run. */
export interface Trace {
  readonly runId: string;
  /** For people: `container peerlab-0123456789-seeders-1`, `process 4711`. */
  readonly what: string;
}

/** How that which a driver's runs leave behind is found and removed when the lab that made it is gone: by the run's id alone. */
export interface Sweeper {
  /** For so long after the lab's end something may still appear that it had asked for. */
  readonly settleMs: number;
  /** What carries the id of this run, or of any. Rejects where there is nobody to be asked (no engine answers). */
  find(runId?: string): Promise<Trace[]>;
  /**
   * Removes all of one run, in bounded time. Logs that only the engine has are saved first, when there is a folder for them.
   * Never throws. @returns what is still there, a line each
   */
  sweep(runId: string, logsDir?: string): Promise<string[]>;
}
