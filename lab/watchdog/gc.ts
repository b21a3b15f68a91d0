import { reasonOf } from '#proto/errors.ts';
import type { DriverDescription } from '../drivers/description.ts';
import { sweepStaging } from '../drivers/images/staging.ts';
import type { Trace } from '../drivers/sweeper.ts';
import { DRIVERS } from '../drivers/table.ts';
import { cleanUp } from './clean-up.ts';
import { settleDeadRuns } from './dead-runs.ts';
import { livingRuns, ownRecords } from './record.ts';

const PATIENCE_MS = 30_000;

export interface GcInit {
  /** Also what carries the id of a run that nobody knows: by default it is only named, as it may be somebody's elsewhere. */
  readonly all: boolean;
  /** The same for these ids only. */
  readonly ids?: readonly string[];
  readonly tell: (line: string) => void;
}

/** Removes what dead runs left behind, whatever ended them; never anything of a living run. Says a line for each thing. */
export async function collectGarbage({ all, ids = [], tell }: GcInit): Promise<void> {
  let lines = 0;
  const say = (line: string) => {
    lines++;
    tell(line);
  };
  await settleDeadRuns(say);
  const living = livingRuns();
  for (const id of ids) if (living.has(id)) say(`Run ${id} is under way: nothing of it is touched.`);
  for (const driver of DRIVERS) await collectOf(driver, (runId) => all || ids.includes(runId), say);
  for (const folder of await sweepStaging()) say(`removed folder ${folder}`);
  if (lines === 0) tell('Nothing is left of dead runs.');
}

async function collectOf(
  { kind: driver, sweeper }: DriverDescription,
  isMeant: (runId: string) => boolean,
  tell: (line: string) => void,
): Promise<void> {
  const traces = await sweeper.find().catch((error) => {
    tell(`${driver}: could not be searched: ${reasonOf(error)}`);
    return [];
  });
  for (const [runId, found] of strangers(traces)) {
    if (isMeant(runId)) await cleanUp({ driver, runId, patienceMs: PATIENCE_MS, tell });
    else
      tell(
        `${driver}: ${found.length} things have the id ${runId}, a run that is unknown here. bin/lab gc ${runId} removes them, bin/lab gc --all those of all such runs: ${found[0]?.what}, ...`,
      );
  }
}

/** Runs without a record, with what was found of them. Those that have one live, or have been dealt with. */
export function strangers(traces: readonly Trace[]): Map<string, Trace[]> {
  const known = new Set([...livingRuns(), ...ownRecords().map(({ runId }) => runId)]);
  return Map.groupBy(
    traces.filter(({ runId }) => !known.has(runId)),
    ({ runId }) => runId,
  );
}
