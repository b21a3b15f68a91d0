import type { Finding, Patient, PreflightCheck } from '../machine/check.ts';
import type { Facts } from '../machine/facts.ts';
import type { Size } from '../machine/size.ts';

/** What the doctor says of a scenario on this machine. */
export interface Diagnosis {
  readonly patient: Patient;
  readonly findings: readonly (Finding & { readonly name: string })[];
  readonly prediction: 'fits' | 'tight' | 'does not fit';
  /** About the most peers that fit, and what they run out of; absent when it is not for their number that it fails. */
  readonly most?: { readonly peers: number; readonly limit: string | undefined };
}

/** The most peers that a scenario may have. */
const MAX_PEERS = 10_000;

/** What is held against each other. */
export interface Case {
  readonly checks: readonly PreflightCheck[];
  readonly facts: Facts;
  readonly patient: Patient;
  /** The size of the scenario with this number of peers. */
  readonly sizeAt: (peers: number) => Size;
}

/** A pure function of the case. */
export function diagnose(one: Case): Diagnosis {
  const findings = findingsOf(one);
  const most = mostPeers(one);
  const states = new Set(findings.map(({ state }) => state));
  const prediction = states.has('lacking') ? 'does not fit' : states.has('tight') ? 'tight' : 'fits';
  return { patient: one.patient, findings, prediction, ...(most && { most }) };
}

function findingsOf({ checks, facts, patient }: Case): Diagnosis['findings'] {
  return checks.flatMap(({ name, judge }) => {
    const finding = judge(facts, patient);
    return finding ? [{ ...finding, name }] : [];
  });
}

/** By doubling and halving: what runs out with some peers runs out with more of them, too. */
function mostPeers(one: Case): Diagnosis['most'] {
  const { patient, sizeAt } = one;
  const lackingIn = (size: Size) =>
    findingsOf({ ...one, patient: { ...patient, size } }).find(({ state }) => state === 'lacking')?.name;
  if (lackingIn(sizeAt(1)) !== undefined) return undefined;
  let [fits, tooMany, limit] = [1, Number.POSITIVE_INFINITY, undefined as string | undefined];
  while (tooMany - fits > 1) {
    const next = tooMany < Number.POSITIVE_INFINITY ? Math.floor((fits + tooMany) / 2) : Math.min(2 * fits, MAX_PEERS);
    const lacking = lackingIn(sizeAt(next));
    if (lacking === undefined) fits = next;
    else [tooMany, limit] = [next, lacking];
    if (fits === MAX_PEERS) break;
  }
  return { peers: fits, limit };
}
