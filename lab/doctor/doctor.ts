import type { Driver } from '../drivers/driver.ts';
import type { Plan } from '../scenario/plan.ts';
import { type Diagnosis, diagnose } from './diagnosis.ts';
import { gatherFacts } from './gather.ts';
import { type Candidate, firstCapable, needsOf, refusalsOf } from './needs.ts';
import { sizesOf } from './sizes.ts';

export interface ExamineInit {
  /** The plan with so many peers; without a number, with as many as the file says. */
  readonly planFor: (peers?: number) => Plan;
  /** How many peers it is about, when not as many as the file says. */
  readonly peers?: number | undefined;
  readonly asked: Driver['kind'] | 'auto';
  /** What could carry the plan here, the better one first; or why nothing can. */
  readonly candidates: readonly Candidate<Driver['kind']>[] | string;
  /** Where results would go. */
  readonly results: string;
  /** For tests: where the facts come from. */
  readonly gather?: typeof gatherFacts;
}

/** Looks whether a plan would run well on this machine, without starting or changing anything. */
export async function examine({
  planFor,
  peers,
  asked,
  candidates,
  results,
  gather = gatherFacts,
}: ExamineInit): Promise<Diagnosis> {
  const needs = needsOf(planFor());
  const chosen = typeof candidates === 'string' ? undefined : (firstCapable(candidates, needs) ?? candidates[0]);
  const driver = chosen?.kind ?? (asked === 'auto' ? 'process' : asked);
  const refusals = chosen ? refusalsOf(needs, chosen.can) : [];
  const facts = await gather({ driver, asked, results, refusals });
  const sizeAt = sizesOf(planFor);
  return diagnose(facts, { size: sizeAt(peers), driver, asked }, sizeAt);
}
