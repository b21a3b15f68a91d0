/** What there is to see, as the server (lab/serve/) says it. */

export type RunState = 'running' | 'judged' | 'cut-off';

export interface ListedRun {
  readonly id: string;
  readonly state: RunState;
  readonly scenario: string;
  readonly driver: string;
  readonly peers: number;
  readonly startedAt: string;
  readonly verdict?: 'pass' | 'fail' | 'inconclusive';
  readonly reason?: string;
  readonly durationSeconds?: number;
  readonly hasReport: boolean;
}

export interface Listing {
  readonly runs: readonly ListedRun[];
  readonly suites: readonly string[];
  /** Folders that are older than those. */
  readonly more: number;
}
