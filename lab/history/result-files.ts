import type { z } from 'zod';
import {
  answerRecord,
  faultRecord,
  fileRecord,
  indexLook,
  operationEvent,
  piecesRecord,
  runFacts,
  sampleRecord,
  storedRecord,
} from './events.ts';
import { runEvent } from './run-event.ts';

/**
 * THE TABLE OF RESULT FILES: all that a run leaves in `results/<run-id>/`. The writer, the reader, what is trimmed after a lab was killed,
 * and docs/results.md come from it.
 */
export interface ResultFileSpec {
  /** What it is, for people. */
  readonly is: string;
  /**
   * `appended`: a line at a time; a lab that is killed may leave half of the last one. `replaced`: as a whole, by a rename, so it is there
   * with all of its content or not at all. `copied`: by the system under test or the driver, in whatever state it is.
   */
  readonly change: 'appended' | 'replaced' | 'copied';
  readonly by: 'the recorder' | 'the lab' | 'the report' | 'the driver' | 'the watchdog';
  /** Shape of the whole, or of each line. */
  readonly json?: z.ZodType;
  readonly line?: z.ZodType;
  /** It is not written any more once the run has ended, and a report relies on it: run.json says how long it was then. */
  readonly sealed?: true;
}

const recorded = { change: 'appended', by: 'the recorder', sealed: true } as const;
const reported = { change: 'replaced', by: 'the report' } as const;

export const RESULT_FILES = {
  'result.json': {
    ...reported,
    is: 'every figure, check and expectation, and the verdict ([JSON Schema](result.schema.json))',
  },
  'summary.md': { ...reported, is: 'the same for people' },
  'junit.xml': { ...reported, is: 'the same for CI systems' },
  'report.html': { ...reported, is: 'the same to look at: one file that opens in a browser, offline' },
  'events.ndjson': {
    ...recorded,
    is: 'the operations: one line each, with start, end, peer, outcome, bytes and sources',
    line: operationEvent,
  },
  'answers.ndjson': { ...recorded, is: 'what the directory answered to index and search', line: answerRecord },
  'looks.ndjson': {
    ...recorded,
    is: 'what the index named when the lab itself asked for it: before peers logged out or ended, at the end, and after peers had ended',
    line: indexLook,
  },
  'faults.ndjson': {
    ...recorded,
    is: 'each injected fault: what was requested, what was achieved, and how it was proved',
    line: faultRecord,
  },
  'shares.ndjson': { ...recorded, is: 'what the lab put into the shares, with hashes', line: fileRecord },
  'stored.ndjson': { ...recorded, is: 'what was on the disks at the end, with hashes', line: storedRecord },
  'timeline.ndjson': {
    ...recorded,
    is: 'everything else, as it happened: phases, steps, instances, operations that began, trouble',
    line: runEvent,
  },
  'metrics/samples.ndjson': { ...recorded, is: 'the figures of all instances over time', line: sampleRecord },
  'pieces.ndjson': {
    ...recorded,
    is: 'which pieces peers had of what they were fetching, over time, each by its own word',
    line: piecesRecord,
  },
  'metrics/<instance>.prom': {
    is: 'the last scrape of an instance',
    change: 'copied',
    by: 'the recorder',
    sealed: true,
  },
  'logs/<instance>.log': { is: 'the log of an instance', change: 'copied', by: 'the driver', sealed: true },
  'scenario.yaml': {
    is: 'the scenario as it was run, seed included',
    change: 'replaced',
    by: 'the lab',
    sealed: true,
  },
  'run.json': {
    is: 'facts about the run as a whole; during the run, what would be true if it was cut off now',
    change: 'replaced',
    by: 'the lab',
    json: runFacts,
  },
  'watchdog.log': {
    is: 'exists only if the lab was killed: what was removed after that',
    change: 'appended',
    by: 'the watchdog',
  },
} as const satisfies Record<string, ResultFileSpec>;

type Table = typeof RESULT_FILES;
/** A file that there is one of. */
export type ResultFile = Exclude<keyof Table, `${string}<${string}`>;
/** Files of one JSON object a line, and what a line of each is. */
export type LineFile = { [F in ResultFile]: Table[F] extends { line: z.ZodType } ? F : never }[ResultFile];
export type LineOf<F extends LineFile> = z.output<Table[F]['line']>;

export const RESULT_FILE_NAMES = Object.keys(RESULT_FILES) as (keyof Table)[];
export const LINE_FILES = RESULT_FILE_NAMES.filter((name): name is LineFile => 'line' in RESULT_FILES[name]);

/** Of a peer, the directory or a host. */
const INSTANCE_NAME = /^[^/\\\0.][^/\\\0]{0,250}$/;

/** Whether a run may leave a file at this path of its folder: it leads nowhere else. */
export function isResultFile(file: string): boolean {
  return RESULT_FILE_NAMES.some((name) => {
    const [before = '', after] = name.split('<instance>');
    if (after === undefined) return file === name;
    const isAround = file.startsWith(before) && file.endsWith(after) && file.length > before.length + after.length;
    return isAround && INSTANCE_NAME.test(file.slice(before.length, -after.length));
  });
}

/** Whether a report relies on the file at this path of a results folder. */
export function isSealed(file: string): boolean {
  return RESULT_FILE_NAMES.some((name) => {
    const [before = '', after] = name.split('<instance>');
    if (!('sealed' in RESULT_FILES[name])) return false;
    return after === undefined ? file === name : file.startsWith(before) && file.endsWith(after);
  });
}
