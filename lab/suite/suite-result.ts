import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { EXIT, PeerLabError } from '#proto/errors.ts';
import type { Result, Verdict } from '../checks/result-schema.ts';

/**
 * `suite.json`: what became of each scenario of a suite. With the `result.json` of the runs, all reports of the suite are made from it.
 */

const suiteLine = z.object({
  name: z.string(),
  outcome: z
    .enum(['ok', 'known failure', 'failed', 'unexpected pass', 'inconclusive', 'skipped', 'not run'])
    .meta({ description: 'A known failure failed, as its scenario says; an unexpected pass should have failed so.' }),
  reason: z.string(),
  seconds: z.number().nonnegative().meta({ unit: 'seconds' }),
  runId: z
    .string()
    .regex(/^[0-9a-f]+$/)
    .optional()
    .meta({ description: 'Its run has its folder beside that of the suite. Absent if there was no run.' }),
});

export const suiteResultSchema = z.object({
  name: z.string(),
  description: z.string(),
  verdict: z.enum(['pass', 'fail', 'inconclusive']),
  lines: z.array(suiteLine),
});

export type SuiteResult = z.infer<typeof suiteResultSchema>;
export type SuiteLine = z.infer<typeof suiteLine>;
export type SuiteOutcome = SuiteLine['outcome'];

const FILE = 'suite.json';

export function suiteFile(folder: string): string {
  return path.join(folder, FILE);
}

/** Whether this is the folder of a suite. */
export function isSuiteFolder(folder: string): boolean {
  return existsSync(suiteFile(folder));
}

/** @throws PeerLabError `results-damaged` */
export function readSuiteResult(folder: string): SuiteResult {
  const about = suiteFile(folder);
  try {
    return suiteResultSchema.parse(JSON.parse(readFileSync(about, 'utf8')));
  } catch (cause) {
    throw new PeerLabError('results-damaged', { about, cause });
  }
}

/** What is skipped says nothing, and of nothing no suite passes. */
export function verdictOf(lines: readonly SuiteLine[]): Verdict {
  if (lines.some(({ outcome }) => outcome === 'failed' || outcome === 'unexpected pass')) return 'fail';
  const run = lines.filter(({ outcome }) => outcome !== 'skipped');
  const isWell = run.length > 0 && run.every(({ outcome }) => outcome === 'ok' || outcome === 'known failure');
  return isWell ? 'pass' : 'inconclusive';
}

export function exitOf(lines: readonly SuiteLine[]): number {
  return EXIT[verdictOf(lines)];
}

/** What a run is to its suite. */
export function lineOf(result: Result, seconds: number): SuiteLine {
  const { scenario: name, reason, runId, knownFailure } = result;
  const common = { name, reason, seconds, runId };
  if (result.verdict === 'inconclusive') return { ...common, outcome: 'inconclusive' };
  if (knownFailure === undefined) return { ...common, outcome: result.verdict === 'pass' ? 'ok' : 'failed' };
  if (result.verdict === 'fail') return { ...common, outcome: 'known failure', reason: knownFailure };
  return {
    ...common,
    outcome: 'unexpected pass',
    reason: `it passed, but is marked as a known failure: ${knownFailure}`,
  };
}
