import {
  type FileRecord,
  fileRecord,
  type OperationEvent,
  operationEvent,
  type RunFacts,
  runFacts,
} from '../history/events.ts';
import type { ResultsFolder } from '../history/results-folder.ts';
import { parsePrometheusText, type Sample } from '../metrics/prometheus-text.ts';

/** All that is known of a run, read from its results folder: what every check is a pure function of. */
export interface History {
  readonly facts: RunFacts;
  readonly events: readonly OperationEvent[];
  /** What the lab put into the shares, and what the disks had at the end. */
  readonly shares: readonly FileRecord[];
  readonly stored: readonly FileRecord[];
  /** The last scrape of each instance. */
  readonly metrics: ReadonlyMap<string, readonly Sample[]>;
}

export async function readHistory(folder: ResultsFolder): Promise<History> {
  const metrics = new Map<string, readonly Sample[]>();
  for await (const { instance, text } of folder.lastScrapes()) metrics.set(instance, parsePrometheusText(text));
  return {
    facts: folder.readJson('run.json', runFacts),
    events: await Array.fromAsync(folder.readLines('events.ndjson', operationEvent)),
    shares: await Array.fromAsync(folder.readLines('shares.ndjson', fileRecord)),
    stored: await Array.fromAsync(folder.readLines('stored.ndjson', fileRecord)),
    metrics,
  };
}

export function isTransfer(event: OperationEvent): boolean {
  return event.operation === 'download' || event.operation === 'upload';
}

/** The peer at which a transfer's bytes arrived. */
export function receiverOf(event: OperationEvent): string {
  return event.operation === 'upload' ? (event.to ?? event.peer) : event.peer;
}
