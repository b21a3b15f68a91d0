import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { KINDS } from '../drivers/table.ts';
import { writeWhole } from '../history/write-whole.ts';
import { isAlive } from './identity.ts';
import { announcedRuns } from './living.ts';

/** THE RECORD OF RUNS: a file for each run that has begun and has not ended in order, `<tmp>/peerlab-runs-<uid>/<run id>.json`. */

const identity = z.object({ pid: z.number().int().positive(), started: z.string() });

const runRecord = z.object({
  runId: z.string(),
  driver: z.enum(KINDS),
  scenario: z.string(),
  /** Absolute path of the results folder. */
  results: z.string(),
  begunAt: z.iso.datetime(),
  lab: identity,
  /** Absent when it could not be started. */
  watchdog: identity.optional(),
  /** What somebody did after the lab was gone: when, and what could not be removed (a line each). */
  cleaned: z.object({ at: z.iso.datetime(), left: z.array(z.string()) }).optional(),
});
export type RunRecord = z.infer<typeof runRecord>;

const FOLDER = /^peerlab-runs-\d+$/;

function ownFolder(): string {
  return join(tmpdir(), `peerlab-runs-${process.getuid?.() ?? 0}`);
}

export function writeRecord(record: RunRecord): void {
  mkdirSync(ownFolder(), { recursive: true });
  writeWhole(fileOf(record.runId), JSON.stringify(record));
}

export function dropRecord(runId: string): void {
  rmSync(fileOf(runId), { force: true });
}

/** Those of this user. */
export function ownRecords(): RunRecord[] {
  return readRecords(ownFolder());
}

/** Runs of any user of this machine whose lab lives: nobody else may touch what carries their ids. */
export function livingRuns(): ReadonlySet<string> {
  const folders = readdirSync(tmpdir()).filter((name) => FOLDER.test(name));
  const records = folders.flatMap((name) => readRecords(join(tmpdir(), name)));
  return announcedRuns().union(new Set(records.filter(({ lab }) => isAlive(lab)).map(({ runId }) => runId)));
}

function fileOf(runId: string): string {
  return join(ownFolder(), `${runId}.json`);
}

function readRecords(folder: string): RunRecord[] {
  return namesIn(folder).flatMap((name) => {
    try {
      return name.endsWith('.json') ? [runRecord.parse(JSON.parse(readFileSync(join(folder, name), 'utf8')))] : [];
    } catch {
      return []; // It was dropped in this moment, or is of another version: `gc` names what carries its id.
    }
  });
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    return [];
  }
}
