import { setTimeout as sleep } from 'node:timers/promises';
import { reasonOf } from '#proto/errors.ts';
import type { Sweeper } from '../drivers/sweeper.ts';
import { driverOf } from '../drivers/table.ts';

const PAUSE_MS = 500;

export interface CleanUpInit {
  /** The kind of the run's driver. */
  readonly driver: string;
  readonly runId: string;
  readonly logsDir?: string;
  /** No new attempt is begun after so long: an engine may need a while to come back. */
  readonly patienceMs: number;
  /** Is told what was done, a line each. */
  readonly tell: (line: string) => void;
}

/**
 * Removes all that carries a run's id, and looks again until nothing has appeared for as long as something might: the
 * dead lab may have asked the engine for more. Never throws.
 * @returns what is still there, a line each
 */
export async function cleanUp({ driver, runId, logsDir, patienceMs, tell }: CleanUpInit): Promise<string[]> {
  const sweeper = driverOf(driver).sweeper;
  const began = performance.now();
  let quietSince: number | undefined;
  for (;;) {
    const { found, left } = await removeOnce(sweeper, runId, logsDir, tell);
    if (found > 0 || left.length > 0) quietSince = undefined;
    else quietSince ??= performance.now();
    if (quietSince !== undefined && performance.now() - quietSince >= sweeper.settleMs) return [];
    if (performance.now() - began > patienceMs) return left;
    await sleep(PAUSE_MS);
  }
}

async function removeOnce(
  sweeper: Sweeper,
  runId: string,
  logsDir: string | undefined,
  tell: (line: string) => void,
): Promise<{ found: number; left: string[] }> {
  try {
    const found = await sweeper.find(runId);
    if (found.length === 0) return { found: 0, left: [] };
    const left = await sweeper.sweep(runId, logsDir);
    const remaining = new Set((await sweeper.find(runId)).map(({ what }) => what));
    for (const { what } of found) if (!remaining.has(what)) tell(`removed ${what}`);
    for (const line of left) tell(line);
    return { found: found.length, left };
  } catch (error) {
    const why = `things with the id ${runId} may still be there: ${reasonOf(error)}`;
    tell(why);
    return { found: 0, left: [why] };
  }
}
