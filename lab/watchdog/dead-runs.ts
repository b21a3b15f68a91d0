import { isAlive } from './identity.ts';
import { dropRecord, livingRuns, ownRecords, type RunRecord } from './record.ts';
import { takeOver } from './take-over.ts';

/** Who waits for it is a person, or a run that is about to begin. */
const PATIENCE_MS = 5000;

/**
 * Says of each run whose lab is gone what became of it, a line each, and forgets it: once. What nobody has cleaned up, because
 * the watchdog is gone as well, is cleaned up here; what can't be is said again the next time.
 */
export async function settleDeadRuns(tell: (line: string) => void): Promise<void> {
  for (const record of ownRecords()) {
    if (livingRuns().has(record.runId)) continue;
    if (!record.cleaned && record.watchdog && isAlive(record.watchdog)) {
      tell(`${subjectOf(record)}; its watchdog is cleaning up`);
      continue;
    }
    const isClean = record.cleaned?.left.length === 0;
    const left = isClean ? [] : await takeOver(record, PATIENCE_MS);
    if (left.length === 0) {
      dropRecord(record.runId);
      tell(
        `${subjectOf(record)}; everything that it made is removed, and its results until then are in ${record.results}`,
      );
    } else {
      tell(`${subjectOf(record)}, and could not be cleaned up (bin/lab gc tries again): ${left[0]}`);
    }
  }
}

function subjectOf({ runId, scenario, driver, begunAt }: RunRecord): string {
  return `Run ${runId} (${scenario}, ${driver}), begun ${begunAt}, was cut off`;
}
