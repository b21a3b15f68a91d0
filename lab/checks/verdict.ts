import { counted } from '#proto/units.ts';
import type { Observation } from '../history/events.ts';
import { type Expectation, holds } from './expectation.ts';
import { failedOperations, failureBehind, failureKinds } from './failures.ts';
import { figuresOf } from './figures.ts';
import type { History } from './history.ts';
import { likelyRules } from './likely-rules.ts';
import { countedByRule } from './logs.ts';
import { readingOf } from './reading.ts';
import type { CheckResult, ExpectationResult, Result } from './result-schema.ts';
import { CHECKS } from './table.ts';
import { testedIn } from './tested.ts';
import { type Wait, waitsIn } from './waits.ts';

/** An expectation of the scenario's list, and when it counts. */
export interface Demand extends Expectation {
  /** After the last step, the expectation has this time to become true. */
  readonly withinMs?: number;
  /** It is held all the time, and the run ends as soon as it is broken. */
  readonly abort?: boolean;
}

const DECIDING: ReadonlyMap<string, string | undefined> = new Map(
  CHECKS.filter(({ decides }) => decides).map(({ name, look }) => [name, look]),
);
const CAUSES: ReadonlySet<string> = new Set(CHECKS.filter(({ isCause }) => isCause).map(({ name }) => name));

type Conclusion = Pick<Result, 'verdict' | 'reason' | 'look'>;

/**
 * The whole judgement of a run: pure, from its history. Trouble of the lab, the engine or the machine makes any answer
 * untrustworthy and comes first, and so does a fault that was not in force; then what is wrong; then what could not be judged. Only a run in which something was done,
 * everything was judged and nothing is wrong passes.
 */
export function judgeRun(history: History, demands: readonly Demand[]): Result {
  const { facts } = history;
  const figures = figuresOf(history);
  const checks = CHECKS.map((check) => ({ name: check.name, ...(facts.completed ? check.judge(history) : CUT_OFF) }));
  const expectations = [...demands.map((demand) => judgeDemand(demand, history, figures)), ...judgeSteps(history)];
  const conclusion = conclude(history, checks, expectations);
  const failed = failedOperations(failureKinds(history.events), facts.peers, history.failureLines);
  const waits = waitsIn(history.events);
  const [longest] = waits;
  const byRule = countedByRule(history.logs, history.logRules);
  const {
    runId,
    scenario,
    description,
    driver,
    seed,
    startedAt,
    artifacts,
    leftovers,
    knownFailure,
    leftOut,
    machine,
  } = facts;
  return {
    runId,
    scenario,
    description,
    driver,
    seed,
    ...withWait(conclusion, longest),
    ...rulesBehind(conclusion, history, checks),
    ...(knownFailure !== undefined && { knownFailure }),
    startedAt,
    ...figures,
    ...(failed.length > 0 && { failedOperations: failed }),
    ...(waits.length > 0 && { waits }),
    checks,
    expectations,
    ...(byRule.length > 0 && { logsByRule: byRule }),
    ...(facts.stood && { logsElsewhere: facts.stood }),
    ...(leftOut !== undefined && { leftOut }),
    tested: testedIn(facts.peers, facts.tested ?? []),
    ...(machine && { machine }),
    artifacts,
    leftovers,
  };
}

function judgeDemand(demand: Demand, history: History, figures: ReturnType<typeof figuresOf>): ExpectationResult {
  const { facts } = history;
  const { expression, withinMs, abort } = demand;
  const observed = facts.observations.findLast(
    (one) => one.expression === expression && one.by === (withinMs === undefined ? 'abort' : 'end'),
  );
  if ((withinMs !== undefined || abort) && observed && (withinMs !== undefined || observed.ok === false))
    return seen(expression, observed);
  const reading = readingOf(demand.figure, { ...history, peers: facts.peers, figures });
  const actual = 'value' in reading ? reading.value : undefined;
  const ok = facts.completed ? holds(demand, actual) : null;
  const example = failureBehind(demand.figure, history.events, facts.peers);
  return {
    expression,
    actual: actual ?? null,
    ok,
    ...('missing' in reading && reading),
    ...(ok === false && example !== undefined && { example }),
  };
}

/** What `expect` steps saw. */
function judgeSteps({ facts }: History): ExpectationResult[] {
  return facts.observations
    .filter(({ by }) => by !== 'end' && by !== 'abort')
    .map((observed) => seen(`step ${observed.by}: ${observed.expression}`, observed));
}

function seen(expression: string, { actual, ok, missing }: Observation): ExpectationResult {
  return { expression, actual, ok, ...(missing !== undefined && { missing }) };
}

/** A peer that all others waited for may be why it failed. */
function withWait(conclusion: Conclusion, wait: Wait | undefined): Conclusion {
  if (conclusion.verdict !== 'fail' || !wait) return conclusion;
  const { peer, seconds, operation } = wait;
  return {
    ...conclusion,
    reason: `${conclusion.reason}; all others waited ${seconds.toFixed(1)} s for ${peer} (${operation})`,
  };
}

/** Of a peer of somebody else, the rules of the contract that it seems to break. */
function rulesBehind({ verdict, reason }: Conclusion, { facts, events }: History, checks: CheckResult[]) {
  const check = checks.find(({ name }) => reason.startsWith(`${name}: `))?.name;
  if (verdict === 'pass' || (verdict !== 'fail' && check === undefined)) return {};
  const failures = failureKinds(events).map(({ example: { operation, error } }) => ({ operation, code: error.code }));
  const rules = likelyRules(facts, check, failures);
  return rules === undefined ? {} : { likelyRules: rules };
}

/** What every check says of a run that did not get to its end. */
const CUT_OFF: Omit<CheckResult, 'name'> = {
  verdict: 'inconclusive',
  reason: 'not judged: the run ended early',
  details: [],
};

function conclude({ facts, events }: History, checks: CheckResult[], expectations: ExpectationResult[]): Conclusion {
  const [trouble] = facts.trouble;
  if (trouble) return { verdict: 'inconclusive', reason: `${trouble.message} [${trouble.code}]`, look: 'logs/' };

  const deciding = checks.find(({ name, verdict }) => verdict === 'inconclusive' && DECIDING.has(name));
  if (deciding && facts.completed)
    return {
      verdict: 'inconclusive',
      reason: `${deciding.name}: ${deciding.reason}`,
      look: DECIDING.get(deciding.name),
    };

  const failedChecks = checks.filter(({ verdict }) => verdict === 'fail');
  const failedCheck = failedChecks.find(({ name }) => CAUSES.has(name)) ?? failedChecks[0];
  if (failedCheck)
    return {
      verdict: 'fail',
      reason: `${failedCheck.name}: ${failedCheck.reason}`,
      look: 'result.json (checks), events.ndjson',
    };
  const broken = expectations.filter(({ ok }) => ok === false);
  const [first] = broken;
  if (first) {
    const example = first.example === undefined ? '' : `. For example: ${first.example}`;
    const reason = `${broken.length} of ${expectations.length} expectations broken: ${first.expression}, but it was ${first.actual}${example}`;
    return { verdict: 'fail', reason, look: 'result.json (expectations), events.ndjson' };
  }

  const openCheck = checks.find(({ verdict }) => verdict === 'inconclusive');
  if (openCheck)
    return {
      verdict: 'inconclusive',
      reason: `${openCheck.name}: ${openCheck.reason}`,
      look: 'result.json (checks), metrics/',
    };
  const open = expectations.find(({ ok }) => ok === null);
  if (open)
    return {
      verdict: 'inconclusive',
      reason: `the figure of "${open.expression}" is missing${open.missing === undefined ? '' : `: ${open.missing}`}`,
      look: 'metrics/, events.ndjson',
    };
  if (!facts.completed || expectations.length === 0 || events.length === 0) {
    return { verdict: 'inconclusive', reason: 'nothing was checked', look: 'scenario.yaml' };
  }
  if (facts.leftovers.length > 0)
    return { verdict: 'inconclusive', reason: `cleanup left ${facts.leftovers[0]}`, look: 'run.json (leftovers)' };
  return {
    verdict: 'pass',
    reason: `${counted(expectations.length, 'expectation')} kept, ${checks.length} built-in checks passed`,
  };
}
