import { reasonOf } from '#proto/errors.ts';
import {
  type AnswerRecord,
  directoryNames,
  type FaultRecord,
  type FileRecord,
  type IndexLook,
  type OperationEvent,
  type PiecesRecord,
  type RunFacts,
  type StoredRecord,
} from '../history/events.ts';
import type { LineFile, LineOf } from '../history/result-files.ts';
import type { ResultsFolder } from '../history/results-folder.ts';
import { parsePrometheusText, type Scrape } from '../metrics/prometheus-text.ts';
import { failureKinds, LogSearch } from './failures.ts';
import { countLogs, type LogCounts, type LogRules } from './logs.ts';

/** All that is known of a run, read from its results folder: what every check is a pure function of. */
export interface History {
  readonly facts: RunFacts;
  readonly events: readonly OperationEvent[];
  readonly answers: readonly AnswerRecord[];
  /** What the index named when the lab itself asked. */
  readonly looks: readonly IndexLook[];
  /** What the scenario did to instances. */
  readonly faults: readonly FaultRecord[];
  /** What the lab put into the shares, and what the disks had at the end. */
  readonly shares: readonly FileRecord[];
  readonly stored: readonly StoredRecord[];
  /** Which pieces peers had of what they were fetching, by their own word. */
  readonly pieces: readonly PiecesRecord[];
  /** The last scrape of each instance that ran; undefined for one that never answered. */
  readonly metrics: ReadonlyMap<string, Scrape | undefined>;
  readonly logs: LogCounts;
  readonly logRules: LogRules;
  /** What is not as it was when the run had ended, a sentence each. */
  readonly damage?: readonly string[];
  /** Of failed operations by id: the line of its peer's log that seems to speak of it. */
  readonly failureLines: ReadonlyMap<number, number>;
}

export interface Reading {
  /** What to look for in the logs while they are read once. */
  readonly texts?: readonly string[] | undefined;
  readonly logRules?: LogRules | undefined;
  /** Of files that were read before, a sentence each. */
  readonly damage?: readonly string[] | undefined;
}

/**
 * Reads what is there, and says what is not.
 * @throws PeerLabError `bad-results` when it is not the folder of a run, `results-damaged` when nothing is known of it
 */
export async function readHistory(
  folder: ResultsFolder,
  { texts = [], logRules = {}, damage: known = [] }: Reading,
): Promise<History> {
  const facts = folder.readFacts();
  const damage = [...known, ...changedFiles(facts, folder.sizes())];
  /** What can be read. */
  const read = async <F extends LineFile>(name: F): Promise<LineOf<F>[]> => {
    const records: LineOf<F>[] = [];
    try {
      for await (const record of folder.readLines(name)) records.push(record);
    } catch (error) {
      damage.push(reasonOf(error));
    }
    return records;
  };
  const events = await read('events.ndjson');
  const examples = failureKinds(events).map(({ example }) => example);
  const search = new LogSearch(examples, facts);
  const logs = await countLogs(folder, texts, logRules, (peer, line, number) => search.see(peer, line, number));
  return {
    facts,
    events,
    answers: await read('answers.ndjson'),
    looks: await read('looks.ndjson'),
    faults: await read('faults.ndjson'),
    shares: await read('shares.ndjson'),
    stored: await read('stored.ndjson'),
    pieces: await read('pieces.ndjson'),
    metrics: await readMetrics(folder, facts),
    logs: { ...logs, ...(facts.stood && { elsewhere: facts.stood }) },
    logRules,
    failureLines: search.lines,
    damage,
  };
}

/** Files that are not as long as they were at the end of the run. */
function changedFiles({ files = {} }: RunFacts, now: Record<string, number>): string[] {
  return Object.entries(files)
    .filter(([file, bytes]) => now[file] !== bytes)
    .map(([file, bytes]) => `${file} had ${bytes} bytes when the run ended, and has ${now[file] ?? 'none'}`);
}

async function readMetrics(
  folder: ResultsFolder,
  { peers, directoryReplicas }: RunFacts,
): Promise<Map<string, Scrape | undefined>> {
  // Who has an address ran.
  const ran = [
    ...directoryNames(directoryReplicas),
    ...peers.filter(({ address }) => address !== undefined).map(({ name }) => name),
  ];
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
