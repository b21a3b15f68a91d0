import path from 'node:path';
import { expect, test } from 'vitest';
import { EXIT } from '#proto/errors.ts';
import { needsOf, refusalsOf } from '../doctor/needs.ts';
import { processCapabilities } from '../drivers/process/capabilities.ts';
import { startLab } from '../end-to-end.ts';
import { createLimit } from '../limit.ts';
import { findScenario, libraryNames } from '../scenario/find.ts';
import { makePlan } from '../scenario/plan.ts';
import type { Scenario } from '../scenario/read.ts';

const DO_NOTHING = `${process.execPath} ${path.join(import.meta.dirname, 'do-nothing-peer.ts')}`;
/** Much of a run is waiting. */
const RUNS_AT_A_TIME = 3;
/** Of all together: some minutes beside another test file on two cores. It ends a test that hangs, and measures nothing. */
const DEADLINE_MS = 900_000;

const plans = libraryNames()
  .map((name) => ({ name, scenario: findScenario(name) }))
  .filter(({ scenario }) => !scenario.tags.some((tag) => tag === 'long' || tag === 'large'));
const needs = (scenario: Scenario) => refusalsOf(needsOf(makePlan(scenario)), processCapabilities());
const refused = plans.filter(({ scenario }) => needs(scenario).length > 0).map(({ name }) => name);
const title = `no scenario of the library passes with a peer that does nothing (the process driver can not run: ${refused.join(', ')})`;

test(title, { timeout: DEADLINE_MS }, async () => {
  const scenarios = plans.map(({ name }) => name).filter((name) => !refused.includes(name));
  const limit = createLimit(RUNS_AT_A_TIME);
  const failed = async (name: string) => {
    const { code, output } = await startLab([name, '--driver', 'process', '--peer-image', DO_NOTHING]).ended;
    const reason = /^(?:PASS|FAIL|INCONCLUSIVE): .*$/m.exec(output)?.[0] ?? output;
    process.stdout.write(`  ${name}: exit ${code}, ${reason}\n`);
    return code === EXIT.fail || code === EXIT.inconclusive;
  };
  const outcomes = await Promise.all(scenarios.map((name) => limit(() => failed(name))));
  expect(scenarios.length).toBeGreaterThan(0);
  expect(scenarios.filter((_, i) => !outcomes[i])).toEqual([]);
});
