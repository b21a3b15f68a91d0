import path from 'node:path';
import { PeerLabError } from '#proto/errors.ts';
import { nameFlaw } from '#proto/names.ts';
import { PROMISES } from '#proto/promises.ts';
import { MAX_DURATION_MS } from '#proto/units.ts';
import type { LogRules } from '../checks/logs.ts';
import type { Demand } from '../checks/verdict.ts';
import type { Flaw } from '../language/mistake.ts';
import { PlanSize } from '../language/plan-size.ts';
import { type PlannedFile, type PlannedPeer, World } from '../language/world.ts';
import { listsInside, type PlannedStep, type Step } from '../steps/step.ts';
import type { Asked, Scenario } from './read.ts';
import { type LeftOut, type LeftOutFiles, toldOf } from './real-folder.ts';
import type { Group } from './schema.ts';
import { clashes, planShares } from './shares.ts';

/** All that a run will do, decided before anything starts: a pure function of the scenario, the seed and the number of peers. */
export interface Plan {
  readonly name: string;
  readonly description: string;
  readonly knownFailure?: string;
  readonly seed: number;
  readonly leaseMs: number;
  readonly directoryEnv: Readonly<Record<string, string>>;
  readonly directoryReplicas: number;
  readonly peersPerInstance: number;
  readonly peers: readonly PlannedPeer[];
  /** Files of `from` folders that no share can hold. */
  readonly leftOut: LeftOutFiles;
  readonly steps: readonly PlannedStep[];
  readonly demands: readonly Demand[];
  readonly logs: LogRules;
}

export interface PlanOptions {
  readonly seed?: number | undefined;
  /** Peers in all; the groups keep their proportions, each at least 1. */
  readonly peers?: number | undefined;
  /** Wins over the scenario. */
  readonly peersPerInstance?: number | undefined;
}

/** @throws ScenarioInvalid with all the mistakes of the file */
export function makePlan(scenario: Scenario, options: PlanOptions = {}): Plan {
  const seed = options.seed ?? scenario.seed;
  const flaws: Flaw[] = [...scenario.flaws];
  const peersPerInstance = options.peersPerInstance ?? scenario.peersPerInstance;
  const { lease, env, replicas } = scenario.directory;
  const size = new PlanSize();
  const leftOut: LeftOut[] = [];
  const peers = inHosts(planPeers(scenario, { seed, total: options.peers, size, leftOut }, flaws), peersPerInstance);
  flaws.push(...strangers(scenario.asked, peers));
  // With a step missing, the ones after it may seem to have nothing to do, or fail to be laid out.
  const steps = scenario.flaws.length === 0 ? planSteps(scenario, new World(peers, seed, size, replicas), flaws) : [];
  if (flaws.length > 0) throw scenario.invalid(flaws);
  return {
    name: scenario.name,
    description: scenario.description,
    ...(scenario.knownFailure !== undefined && { knownFailure: scenario.knownFailure }),
    seed,
    leaseMs: lease ?? PROMISES.lease.ms,
    directoryEnv: env,
    directoryReplicas: replicas,
    peersPerInstance,
    peers,
    leftOut: toldOf(leftOut),
    steps,
    demands: scenario.demands,
    logs: scenario.logs,
  };
}

interface PeersInit {
  readonly seed: number;
  /** Peers in all, when that is asked for. */
  readonly total: number | undefined;
  readonly size: PlanSize;
  readonly leftOut: LeftOut[];
}

/** What is too large is told with its place, and nothing more is laid out. */
function placed<T>(scenario: Scenario, path: readonly PropertyKey[], flaws: readonly Flaw[], work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof PeerLabError) || error.code !== 'plan-too-large') throw error;
    throw scenario.invalid([...flaws, { path, message: error.message }]);
  }
}

function planPeers(scenario: Scenario, { seed, total, size, leftOut }: PeersInit, flaws: Flaw[]): PlannedPeer[] {
  const groups = Object.entries(scenario.groups);
  const counts = scale(
    groups.map(([, { count }]) => count),
    total,
  );
  const inAll = counts.reduce((a, b) => a + b, 0);
  placed(scenario, ['groups'], flaws, () => size.add('peers', inAll));
  const folder = path.dirname(scenario.file);
  const peers = groups.flatMap(([name, group], g) => {
    const count = counts[g] ?? group.count;
    const context = { group: name, seed, folder, size, leftOut };
    const place = ['groups', name, 'share'];
    const shares = placed(scenario, place, flaws, () => planShares(group, count, context, flaws));
    return shares.map((share, i) => planPeer(`${name}-${i + 1}`, name, group, share));
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

/** Expectations on peers that the plan does not have: only here is it known how many a group has. */
function strangers(asked: readonly Asked[], peers: readonly PlannedPeer[]): Flaw[] {
  const byGroup = Map.groupBy(peers, ({ group }) => group);
  return asked.flatMap(({ expectation: { figure }, path }) => {
    const { scope } = figure;
    if (scope.of !== 'peers' || peers.some(({ name }) => name === scope.name)) return [];
    const group = byGroup.get(scope.name.replace(/-\d+$/, '')) ?? [];
    const known = `${group[0]?.name} to ${group.at(-1)?.name}`;
    return [{ path, message: `${figure.text}: there is no peer "${scope.name}": the plan has ${known}` }];
  });
}

/** Neighbours share a host. A peer that comes later comes by itself. */
function inHosts(peers: readonly PlannedPeer[], peersPerInstance: number): PlannedPeer[] {
  let hosted = 0;
  return peers.map((peer) => {
    if (peersPerInstance === 1 || peer.later) return peer;
    return { ...peer, host: `host${Math.floor(hosted++ / peersPerInstance) + 1}` };
  });
}

function planPeer(
  name: string,
  groupName: string,
  { user, env, image, double, limits, later }: Group,
  share: PlannedFile[],
): PlannedPeer {
  return {
    name,
    group: groupName,
    share,
    user: user ?? name,
    env,
    later,
    ...(image !== undefined && { image }),
    ...(double !== undefined && { double }),
    ...(limits.memory && { memoryBytes: limits.memory.maxBytes }),
    ...(limits.cpus !== undefined && { cpus: limits.cpus }),
    ...(limits.disk && { diskBytes: limits.disk.maxBytes }),
  };
}

function planSteps(scenario: Scenario, world: World, flaws: Flaw[]): PlannedStep[] {
  const { steps, names, deadlines } = scenario;
  const busy = new Set<string>();
  /** Some of their waits are longer than a timer can be: a slow arrival of many, an `at` before it. */
  const late = new Set<string>();
  const planAll = (some: readonly Step[], suffix: string, on: World): PlannedStep[] =>
    some.map((step) => {
      const draw = `${step.id} ${suffix}`;
      const inside = (inner: readonly Step[], more: string, fork?: World) =>
        planAll(inner, `${suffix}/${more}`, fork ?? on);
      const planned = placed(scenario, step.path, flaws, () => {
        on.countTurns(1);
        const context = { world: on, id: step.id, draw, names, deadlines, inside };
        return step.kind.plan(step.spec, context, step.inner);
      });
      if (!isIdle(planned)) busy.add(step.id);
      if (longestWaitMs(planned) > MAX_DURATION_MS) late.add(step.id);
      return planned;
    });
  const planned = planAll(steps, '', world);
  const report = (some: readonly Step[]) => {
    for (const { id, path, kind, inner } of some) {
      if (late.has(id))
        flaws.push({ path, message: `the last of them would begin, or end, after more than ${MAX_DURATION_HOURS} h` });
      if (!busy.has(id) && kind.idle)
        flaws.push({ path, message: `nobody has anything to do in this step: ${kind.idle}` });
      else for (const list of inner) report(list);
    }
  };
  report(steps);
  return planned;
}

const MAX_DURATION_HOURS = MAX_DURATION_MS / 3_600_000;

/** The longest time for which one timer of this step would run. */
function longestWaitMs(step: PlannedStep): number {
  const latest = (turns: readonly { readonly atMs: number }[]) =>
    turns.reduce((latest, { atMs }) => Math.max(latest, atMs), 0);
  if (step.does === 'operations') return latest(step.flows);
  if (step.does === 'start') return latest(step.peers);
  if (step.does === 'fault') return latest(step.who) + (step.forMs ?? 0);
  if (step.does === 'heal') return latest(step.who);
  if (step.does === 'wait') return step.ms;
  return step.does === 'parallel' ? Math.max(0, ...step.atMs) : 0;
}

function isIdle(step: PlannedStep): boolean {
  if (step.does === 'operations') return step.flows.length === 0;
  if (step.does === 'start') return step.peers.length === 0;
  if (step.does === 'fault' || step.does === 'heal') return step.who.length === 0;
  return step.does === 'parallel' && step.branches.length === 0;
}

/** The steps of a plan, those inside blocks too, each place in the file once. */
export function placesOf(steps: readonly PlannedStep[]): { id: string; label: string }[] {
  const places = new Map<string, string>();
  const visit = (some: readonly PlannedStep[]) => {
    for (const step of some) {
      if (!places.has(step.id)) places.set(step.id, step.label);
      for (const list of listsInside(step)) visit(list);
    }
  };
  visit(steps);
  return [...places].map(([id, label]) => ({ id, label }));
}

/** Largest remainders (Hamilton's method), each at least 1. */
export function scale(counts: readonly number[], total: number | undefined): number[] {
  if (total === undefined) return [...counts];
  const sum = (some: readonly number[]) => some.reduce((a, b) => a + b, 0);
  const exact = counts.map((count) => (count * total) / sum(counts));
  const scaled = exact.map((share) => Math.max(1, Math.floor(share)));
  const byRemainder = exact.map((share, i) => ({ i, rest: share - Math.floor(share) })).sort((a, b) => b.rest - a.rest);
  for (let turn = 0; sum(scaled) < total; turn++) {
    const { i } = byRemainder[turn % byRemainder.length] as { i: number };
    scaled[i] = (scaled[i] ?? 0) + 1;
  }
  // Groups lifted to 1 may have made it too many: the largest give way.
  while (sum(scaled) > total && Math.max(...scaled) > 1) {
    const largest = Math.max(...scaled);
    scaled[scaled.indexOf(largest)] = largest - 1;
  }
  return scaled;
}
