import type { CheckResult, ExpectationResult, Result, Verdict } from '../report/result-schema.ts';
import { type Expectation, judge } from './expectation.ts';
import { figuresOf } from './figures.ts';
import type { History } from './history.ts';
import { CHECKS } from './table.ts';

/**
 * The whole judgement of a run: pure, from its history. Trouble of the lab, the engine or the machine makes any answer
 * untrustworthy and comes first; then what is wrong; then what could not be judged. Only a run in which something was done,
 * everything was judged and nothing is wrong passes.
 */
export function judgeRun(history: History, expectations: readonly Expectation[]): Result {
  const { facts } = history;
  const figures = figuresOf(history);
  const checks = CHECKS.map((check) => ({ name: check.name, ...(facts.completed ? check.judge(history) : CUT_OFF) }));
  const judged = expectations
    .map((expectation) => judge(expectation, figures))
    .map((one) => (facts.completed ? one : { ...one, ok: null }));
  const { runId, scenario, description, driver, seed, startedAt, artifacts, leftovers } = facts;
  const { verdict, reason } = conclude(history, checks, judged);
  return {
    runId,
    scenario,
    description,
    driver,
    seed,
    verdict,
    reason,
    startedAt,
    ...figures,
    checks,
    expectations: judged,
    artifacts,
    leftovers,
  };
}

/** What every check says of a run that did not get to its end. */
const CUT_OFF: Omit<CheckResult, 'name'> = {
  verdict: 'inconclusive',
  reason: 'not judged: the run ended early',
  details: [],
};

function conclude(
  { facts, events }: History,
  checks: CheckResult[],
  expectations: ExpectationResult[],
): { verdict: Verdict; reason: string } {
  const [trouble] = facts.trouble;
  if (trouble) return { verdict: 'inconclusive', reason: `${trouble.message} [${trouble.code}]` };

  const failedCheck = checks.find(({ verdict }) => verdict === 'fail');
  if (failedCheck) return { verdict: 'fail', reason: `${failedCheck.name}: ${failedCheck.reason}` };
  const broken = expectations.filter(({ ok }) => ok === false);
  const [first] = broken;
  if (first)
    return {
      verdict: 'fail',
      reason: `${broken.length} of ${expectations.length} expectations broken: ${first.expression}, but it was ${first.actual}`,
    };

  const openCheck = checks.find(({ verdict }) => verdict === 'inconclusive');
  if (openCheck) return { verdict: 'inconclusive', reason: `${openCheck.name}: ${openCheck.reason}` };
  const open = expectations.find(({ ok }) => ok === null);
  if (open) return { verdict: 'inconclusive', reason: `the figure of "${open.expression}" is missing` };
  if (expectations.length === 0 || events.length === 0)
    return { verdict: 'inconclusive', reason: 'nothing was checked' };
  if (facts.leftovers.length > 0) return { verdict: 'inconclusive', reason: `cleanup left ${facts.leftovers[0]}` };
  return {
    verdict: 'pass',
    reason: `${expectations.length} expectations kept, ${checks.length} built-in checks passed`,
  };
}
