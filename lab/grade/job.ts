import { readFileSync } from 'node:fs';
import type { RuleId } from '../conformance/rules.ts';
import type { Limits } from './rubric.ts';

/** What is handed into an enclosure, and what comes out: two files in the results folder of a submission. */

export const JOB_FILE = 'job.json';
export const TOLD_FILE = 'told.json';

export interface Job {
  /** The folder that was handed in. */
  readonly submission: string;
  readonly results: string;
  readonly command: readonly string[];
  readonly build: readonly string[] | undefined;
  readonly uid: number | undefined;
  readonly limits: Limits;
  readonly see: readonly string[];
  /** Empty: none is looked at. */
  readonly rules: readonly RuleId[];
  readonly scenarios: readonly string[];
}

export interface Told {
  /** Folders of results below that of the submission: of the rules, and by scenario. */
  conformance?: string;
  results: Record<string, string>;
  remarks: string[];
  /** It took more than it may, so what was not seen is its own doing. */
  wentTooFar: boolean;
}

export function readJob(file: string): Job {
  return JSON.parse(readFileSync(file, 'utf8'));
}
