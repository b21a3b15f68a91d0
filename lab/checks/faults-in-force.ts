import { counted } from '#proto/units.ts';
import type { FaultRecord } from '../history/events.ts';
import { type Check, noneWrong } from './check.ts';

/** How much longer than asked for a fault may have lasted: a loaded machine comes late, and a run that waited longer is another one. */
const MAX_OVERTIME_SECONDS = 2;

export const faultsInForce: Check = {
  name: 'faults in force',
  question: 'Did the lab itself see that every fault was in force, and gone again?',
  decides: true,
  look: 'faults.ndjson',
  judge({ faults }) {
    const doubts = faults.flatMap((fault) => {
      const doubt = doubtOf(fault);
      return doubt === undefined ? [] : [`${fault.kind} of ${fault.who} at ${fault.from.toFixed(2)} s: ${doubt}`];
    });
    const proofs = faults.reduce((sum, fault) => sum + fault.proofs.length, 0);
    const judged = noneWrong(
      doubts,
      faults.length === 0
        ? 'the scenario has none'
        : `${counted(faults.length, 'fault')}, ${counted(proofs, 'probe')} saw what they should`,
    );
    return { ...judged, verdict: doubts.length === 0 ? 'pass' : 'inconclusive' };
  },
};

/** Why the fault can't be taken for one; undefined when it is proved. */
function doubtOf(fault: FaultRecord): string | undefined {
  const { proofs, inForce, until, requestedSeconds, overtakenBy } = fault;
  if (inForce === undefined) return 'it was never done';
  const bad = proofs.find(({ ok }) => !ok);
  if (bad) return `${bad.when} it, a probe expected "${bad.wanted}", and saw "${bad.seen}"`;
  const healed = until !== undefined ? (['after'] as const) : [];
  for (const when of ['before', 'during', ...healed] as const) {
    if (!proofs.some((proof) => proof.when === when)) return `there was no probe ${when} it`;
  }
  if (requestedSeconds === undefined || overtakenBy !== undefined) return undefined;
  if (until === undefined) return 'it was never undone';
  const achieved = until - inForce;
  if (achieved >= requestedSeconds && achieved <= requestedSeconds + MAX_OVERTIME_SECONDS) return undefined;
  return `it should have lasted ${requestedSeconds} s, and lasted ${achieved.toFixed(2)} s`;
}
