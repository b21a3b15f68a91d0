import { reasonOf } from '#proto/errors.ts';
import { CHECKS } from './checks/table.ts';
import { Broken, type Evidence, NotBrought, NotSeen } from './finding.ts';
import { type Group, groupOf, RULES, type Rule, type RuleId } from './rules.ts';
import type { Stage } from './stage.ts';

export type Outcome = 'kept' | 'broken' | 'not brought' | 'not seen';

/** What came of one rule. */
export interface Finding extends Rule {
  readonly id: RuleId;
  readonly group: Group;
  readonly outcome: Outcome;
  readonly seconds: number;
  /** Of a broken rule. */
  readonly evidence?: Evidence;
  /** Why it was not seen, or not brought. */
  readonly why?: string;
}

/** Looked at before anybody logs in. */
const WITHOUT_LOGIN: ReadonlySet<RuleId> = new Set([
  ...(['settings.place', 'settings.unknown', 'control.health', 'control.token'] as const),
  ...(['control.connections', 'control.unknown', 'control.login'] as const),
]);

/**
 * Holds the peer against the rules, one after the other. Never throws: what keeps the lab from looking makes the rule `not seen`.
 * @param told told of each rule, as soon as it is known
 */
export async function checkAll(
  stage: Stage,
  ids: readonly RuleId[],
  signal: AbortSignal,
  told: (finding: Finding) => void,
): Promise<Finding[]> {
  const findings: Finding[] = [];
  // What the lab can't carry on with: no rule is looked at any more.
  let trouble: string | undefined;
  for (const id of ids) {
    const began = performance.now();
    trouble ??= signal.aborted ? reasonOf(signal.reason) : undefined;
    const how = trouble === undefined ? await check(stage, id) : ({ outcome: 'not seen', why: trouble } as const);
    const seconds = (performance.now() - began) / 1000;
    const { hint } = how.evidence ?? {};
    const finding = { id, group: groupOf(id), ...(RULES[id] as Rule), ...how, ...(hint && { hint }), seconds };
    findings.push(finding);
    told(finding);
  }
  return findings;
}

/** Nobody did anything wrong yet. */
const LACKS = 'The rule can be looked at when the peer has this verb or method.';

type How = Pick<Finding, 'outcome' | 'evidence' | 'why'>;

async function check(stage: Stage, id: RuleId): Promise<How> {
  try {
    await started(stage, id);
    if (!WITHOUT_LOGIN.has(id)) await loggedIn(stage);
    await CHECKS[id](stage);
  } catch (error) {
    if (error instanceof Broken) await stage.settled();
    return howOf(error, id, stage.end);
  }
  if (stage.end === undefined || groupOf(id) === 'end') return { outcome: 'kept' };
  const evidence = { asked: RULES[id].is, expected: 'the program to go on', came: stage.end };
  return { outcome: 'broken', evidence };
}

/** A peer that does not get ready breaks `control.health`; of the rest nothing can be said. */
async function started(stage: Stage, id: RuleId): Promise<void> {
  await stage.startChecked().catch((error) => {
    throw error instanceof Broken && id !== 'control.health' ? new NotSeen(error.message) : error;
  });
}

/** A peer that can't log in breaks `control.login`; of the rest nothing can be said. */
async function loggedIn(stage: Stage): Promise<void> {
  if (stage.loggedInMs !== undefined) return;
  const answer = await stage.control('login', {}).catch((error) => ({ failure: { message: reasonOf(error) } }));
  if ('failure' in answer) throw new NotSeen(`the peer could not log in: ${answer.failure.message}`);
}

function howOf(error: unknown, id: RuleId, end: string | undefined): How {
  const { level, is } = RULES[id];
  const died = end === undefined || groupOf(id) === 'end' ? '' : `; the program ended: ${end}`;
  if (error instanceof Broken) {
    const { evidence } = error;
    return { outcome: 'broken', evidence: { ...evidence, came: `${evidence.came}${died}` } };
  }
  if (error instanceof NotBrought) {
    if (level === 'should') return { outcome: 'not brought', why: error.message };
    return {
      outcome: 'broken',
      evidence: {
        asked: `what the rule needs: ${is}`,
        expected: 'a peer that has it',
        came: error.message,
        hint: LACKS,
      },
    };
  }
  return { outcome: 'not seen', why: reasonOf(error) };
}

/** A rule that must be kept decides; what should be is advice. */
export function verdictOf(findings: readonly Finding[]): 'pass' | 'fail' | 'inconclusive' {
  const musts = findings.filter(({ level }) => level === 'must');
  if (musts.some(({ outcome }) => outcome === 'broken')) return 'fail';
  return musts.every(({ outcome }) => outcome === 'kept') && musts.length > 0 ? 'pass' : 'inconclusive';
}
