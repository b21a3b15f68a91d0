import type { DriverDescription } from '../drivers/description.ts';
import type { Plan } from '../scenario/plan.ts';
import { candidatesOf, surveyDrivers } from './candidates.ts';
import { type Diagnosis, diagnose } from './diagnosis.ts';
import { gatherFacts } from './gather.ts';
import { firstCapable, needsOf, refusalsOf } from './needs.ts';
import { sizesOf } from './sizes.ts';
import { checksFor } from './table.ts';

export interface ExamineInit {
  /** The plan with this number of peers; without a number, with that of the file. */
  readonly planFor: (peers?: number) => Plan;
  /** How many peers it is about, when not as many as the file says. */
  readonly peers?: number | undefined;
  /** The kind of a driver, or `auto`. */
  readonly asked: string;
  /** Where results would go. */
  readonly results: string;
}

/** Looks whether a plan would run well on this machine, without starting or changing anything. */
export async function examine({ planFor, peers, asked, results }: ExamineInit): Promise<Diagnosis> {
  const needs = needsOf(planFor());
  const surveys = await surveyDrivers(asked);
  const candidates = candidatesOf(asked, surveys);
  const chosen = firstCapable(candidates, needs) ?? candidates[0];
  // One that can't be had is looked at all the same: there may be more that it lacks.
  const driver = chosen?.driver ?? (surveys[0]?.driver as DriverDescription);
  const refusals = chosen ? refusalsOf(needs, chosen.can) : [];
  const { facts, checks } = await gatherFacts(driver, results);
  const sizeAt = sizesOf(planFor);
  const { kind, footprint } = driver;
  return diagnose({
    checks: checksFor({ asked, surveys, refusals, checks }),
    facts,
    patient: { size: sizeAt(peers), driver: kind, footprint },
    sizeAt,
  });
}
