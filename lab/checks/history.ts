import {
  type AnswerRecord,
  answerRecord,
  type FaultRecord,
  type FileRecord,
  faultRecord,
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
  readonly answers: readonly AnswerRecord[];
  /** What the scenario did to instances. */
  readonly faults: readonly FaultRecord[];
  /** What the lab put into the shares, and what the disks had at the end. */
  readonly shares: readonly FileRecord[];
  readonly stored: readonly FileRecord[];
  /** The last scrape of each instance. */
  readonly metrics: ReadonlyMap<string, readonly Sample[]>;
  readonly logs: LogCounts;
}

/** Lines of each instance's log: by level, and by the texts that expectations look for. */
export interface LogCounts {
  readonly levels: ReadonlyMap<string, ReadonlyMap<number, number>>;
  readonly texts: ReadonlyMap<string, ReadonlyMap<string, number>>;
}

/** `texts`: what to look for in the logs while they are read once. */
export async function readHistory(folder: ResultsFolder, texts: readonly string[]): Promise<History> {
  const metrics = new Map<string, readonly Sample[]>();
  for await (const { instance, text } of folder.lastScrapes()) metrics.set(instance, parsePrometheusText(text));
  return {
    facts: folder.readJson('run.json', runFacts),
    events: await Array.fromAsync(folder.readLines('events.ndjson', operationEvent)),
    answers: await Array.fromAsync(folder.readLines('answers.ndjson', answerRecord)),
    faults: await Array.fromAsync(folder.readLines('faults.ndjson', faultRecord)),
    shares: await Array.fromAsync(folder.readLines('shares.ndjson', fileRecord)),
    stored: await Array.fromAsync(folder.readLines('stored.ndjson', fileRecord)),
    metrics,
    logs: await countLogs(folder, texts),
  };
}

const LOG_LINE = /^\{"level":(?<level>\d+)(?:,"time":"[^"]*","name":"peer","peer":"(?<peer>[a-z0-9-]+)")?/;

async function countLogs(folder: ResultsFolder, texts: readonly string[]): Promise<LogCounts> {
  const levels = new Map<string, Map<number, number>>();
  const found = new Map<string, Map<string, number>>();
  const bump = <K>(counts: Map<string, Map<K, number>>, instance: string, key: K) => {
    const own = counts.get(instance) ?? new Map<K, number>();
    counts.set(instance, own.set(key, (own.get(key) ?? 0) + 1));
  };
  for await (const { instance: log, line } of folder.logLines()) {
    const { level, peer } = LOG_LINE.exec(line)?.groups ?? {};
    // The log of a host is of many: a line names its peer.
    const instance = peer ?? log;
    if (level) bump(levels, instance, Number(level));
    for (const text of texts) if (line.includes(text)) bump(found, instance, text);
  }
  return { levels, texts: found };
}

export function isTransfer(event: OperationEvent): boolean {
  return event.operation === 'download' || event.operation === 'upload';
}

/** The peer at which a transfer's bytes arrived. */
export function receiverOf(event: OperationEvent): string {
  return event.operation === 'upload' ? (event.to ?? event.peer) : event.peer;
}
