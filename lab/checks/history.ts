import {
  type AnswerRecord,
  answerRecord,
  DIRECTORY,
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
import { parsePrometheusText, type Scrape } from '../metrics/prometheus-text.ts';
import { countLogs, type LogCounts, type LogRules } from './logs.ts';

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
  /** The last scrape of each instance that ran; undefined for one that never answered. */
  readonly metrics: ReadonlyMap<string, Scrape | undefined>;
  readonly logs: LogCounts;
  readonly logRules: LogRules;
}

export interface Reading {
  /** What to look for in the logs while they are read once. */
  readonly texts?: readonly string[] | undefined;
  readonly logRules?: LogRules | undefined;
}

export async function readHistory(folder: ResultsFolder, { texts = [], logRules = {} }: Reading): Promise<History> {
  const facts = folder.readJson('run.json', runFacts);
  return {
    facts,
    events: await Array.fromAsync(folder.readLines('events.ndjson', operationEvent)),
    answers: await Array.fromAsync(folder.readLines('answers.ndjson', answerRecord)),
    faults: await Array.fromAsync(folder.readLines('faults.ndjson', faultRecord)),
    shares: await Array.fromAsync(folder.readLines('shares.ndjson', fileRecord)),
    stored: await Array.fromAsync(folder.readLines('stored.ndjson', fileRecord)),
    metrics: await readMetrics(folder, facts),
    logs: await countLogs(folder, texts, logRules),
    logRules,
  };
}

async function readMetrics(folder: ResultsFolder, { peers }: RunFacts): Promise<Map<string, Scrape | undefined>> {
  // Who has an address ran.
  const ran = [DIRECTORY, ...peers.filter(({ address }) => address !== undefined).map(({ name }) => name)];
  const metrics = new Map<string, Scrape | undefined>(ran.map((name) => [name, undefined]));
  for await (const { instance, text } of folder.lastScrapes()) metrics.set(instance, parsePrometheusText(text));
  return metrics;
}

export function isTransfer(event: OperationEvent): boolean {
  return event.operation === 'download' || event.operation === 'upload';
}

/** The peer at which a transfer's bytes arrived. */
export function receiverOf(event: OperationEvent): string {
  return event.operation === 'upload' ? (event.to ?? event.peer) : event.peer;
}
