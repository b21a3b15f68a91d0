import path from 'node:path';
import { nameFlaw } from '#proto/names.ts';
import type { Expectation } from '../checks/expectation.ts';
import type { PlannedStep, Step } from '../steps/step.ts';
import type { Flaw } from './mistake.ts';
import type { Scenario } from './read.ts';
import { clashes, planShares } from './shares.ts';
import { type PlannedPeer, World } from './world.ts';

/** All that a run will do, decided before anything starts: a pure function of the scenario, the seed and the number of peers. */
export interface Plan {
  readonly name: string;
  readonly description: string;
  readonly seed: number;
  readonly leaseMs?: number;
  readonly directoryEnv: Readonly<Record<string, string>>;
  readonly peers: readonly PlannedPeer[];
  readonly steps: readonly PlannedStep[];
  readonly expectations: readonly Expectation[];
}

export interface PlanOptions {
  readonly seed?: number | undefined;
  /** Peers in all; the groups keep their proportions, each at least 1. */
  readonly peers?: number | undefined;
}

/** @throws ScenarioInvalid with all the mistakes of the file */
export function makePlan(scenario: Scenario, options: PlanOptions = {}): Plan {
  const seed = options.seed ?? scenario.seed;
  const flaws: Flaw[] = [...scenario.flaws];
  const peers = planPeers(scenario, seed, options.peers, flaws);
  const world = new World(peers, seed);
  // With a step missing, the ones after it may seem to have nothing to do.
  const idle: Flaw[] = [];
  const steps = scenario.steps.map((step, index) => planStep(step, index, world, idle));
  if (scenario.flaws.length === 0) flaws.push(...idle);
  if (flaws.length > 0) throw scenario.invalid(flaws);
  const { lease, env } = scenario.directory;
  return {
    name: scenario.name,
    description: scenario.description,
    seed,
    ...(lease === undefined ? {} : { leaseMs: lease }),
    directoryEnv: env,
    peers,
    steps,
    expectations: scenario.expectations,
  };
}

function planPeers(scenario: Scenario, seed: number, total: number | undefined, flaws: Flaw[]): PlannedPeer[] {
  const groups = Object.entries(scenario.groups);
  const counts = scale(
    groups.map(([, { count }]) => count),
    total,
  );
  const peers = groups.flatMap(([name, group], g) => {
    const count = counts[g] ?? group.count;
    const shares = planShares(group, count, { group: name, seed, folder: path.dirname(scenario.file) }, flaws);
    return shares.map((share, i) => ({ name: `${name}-${i + 1}`, group: name, share, env: group.env }));
  });
  for (const name of clashes(peers.map(({ share }) => share)).slice(0, 5)) {
    flaws.push({
      path: ['groups'],
      message: `two different files are both named "${name}": give one a \`name\` of its own`,
    });
  }
  const bad = peers.flatMap(({ share }) => share).find(({ name }) => nameFlaw(name));
  if (bad) flaws.push({ path: ['groups'], message: `expected names that a share can hold, got ${nameFlaw(bad.name)}` });
  return peers;
}

function planStep(step: Step, index: number, world: World, flaws: Flaw[]): PlannedStep {
  const planned = step.kind.plan(step.spec, world, `steps.${index}`);
  if (planned.operations.length === 0 && planned.waitMs === undefined) {
    flaws.push({
      path: ['steps', index, step.kind.verb],
      message: `nobody has anything to do in this step: ${step.kind.idle}`,
    });
  }
  return planned;
}

/** Largest remainders (Hamilton's method), each at least 1. */
export function scale(counts: readonly number[], total: number | undefined): number[] {
  if (total === undefined) return [...counts];
  const sum = counts.reduce((a, b) => a + b, 0);
  const exact = counts.map((count) => (count * total) / sum);
  const scaled = exact.map((share) => Math.max(1, Math.floor(share)));
  const byRemainder = exact
    .map((share, i) => ({ i, remainder: share - Math.floor(share) }))
    .sort((a, b) => b.remainder - a.remainder);
  for (let turn = 0; scaled.reduce((a, b) => a + b, 0) < total; turn++) {
    const { i } = byRemainder[turn % byRemainder.length] as { i: number };
    scaled[i] = (scaled[i] ?? 0) + 1;
  }
  // Groups lifted to 1 may have made it too many: the largest give way.
  while (scaled.reduce((a, b) => a + b, 0) > total && Math.max(...scaled) > 1) {
    const largest = Math.max(...scaled);
    scaled[scaled.indexOf(largest)] = largest - 1;
  }
  return scaled;
}
