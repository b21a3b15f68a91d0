import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { needsOf, refusalsOf } from '../doctor/needs.ts';
import { processCapabilities } from '../drivers/process/capabilities.ts';
import { startLab } from '../end-to-end.ts';
import { findScenario, libraryNames } from '../scenario/find.ts';
import { makePlan } from '../scenario/plan.ts';
import type { Scenario } from '../scenario/read.ts';

const DO_NOTHING = `${process.execPath} ${path.join(import.meta.dirname, 'do-nothing-peer.ts')}`;
/** At one time, since much of a run is waiting. Each plays its part of the library one by one: starting a lab costs more than many a run. */
const LABS = 3;
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
  const folder = mkdtempSync(path.join(tmpdir(), 'do-nothing-'));
  const playPart = async (part: number) => {
    const suite = path.join(folder, `part-${part}.yaml`);
    const names = scenarios.filter((_, index) => index % LABS === part);
    writeFileSync(suite, `name: part-${part}\ndescription: Does nobody notice?\nscenarios: [${names.join(', ')}]\n`);
    const lab = startLab(['suite', suite, '--driver', 'process', '--peer-image', DO_NOTHING]);
    const { output } = await lab.ended;
    // The last lines: a scenario each.
    const lines = output.match(
      /^\S [\w-]+ +(?:failed|inconclusive|ok|known failure|unexpected pass|skipped|not run) .*$/gm,
    );
    process.stdout.write(`${lines?.join('\n') ?? output}\n`);
    return lines ?? [];
  };
  const lines = (await Promise.all(Array.from({ length: LABS }, (_, part) => playPart(part)))).flat();
  const seenThrough = lines.filter((line) => /^\S [\w-]+ +(?:failed|inconclusive) /.test(line));
  expect(scenarios.length).toBeGreaterThan(0);
  expect(seenThrough.map((line) => line.split(' ')[1]).sort()).toEqual([...scenarios].sort());
});
