import type { Plan } from '../scenario/plan.ts';
import { listsInside, type PlannedStep } from '../steps/step.ts';

/** How large a scenario is: what the checks hold against the machine. */
export interface Size {
  readonly scenario: string;
  readonly peers: number;
  /** Those of them that share a process or container, and how many of these there are. */
  readonly hostedPeers: number;
  readonly hosts: number;
  /** Operations that the lab may have under way at one time, as far as the plan says. */
  readonly operationsAtOnce: number;
  readonly operations: number;
  /** Files in all shares, copies counted. */
  readonly files: number;
  /** Of all shares at the start, and of what planned transfers add to them; a `repeat: {for: …}` counts with one round. */
  readonly shareBytes: number;
  readonly transferBytes: number;
  /** Pairs of peers between which files may be moved: at most so many, whoever turns out to be the source. */
  readonly transferPairs: number;
  /** The least memory limit of a peer that is PeerLab's own. */
  readonly leastMemoryLimitBytes: number | undefined;
  /** Peers of the largest plan that was laid out, when this one was not: it would have taken too long. */
  readonly reckonedFrom?: number;
}

/** Processes or containers that carry peers. */
export function instancesOf({ peers, hostedPeers, hosts }: Size): number {
  return peers - hostedPeers + hosts;
}

export function sizeOf(plan: Pick<Plan, 'name' | 'peers' | 'steps'>): Size {
  const { peers } = plan;
  const limits = peers.flatMap(({ memoryBytes, image }) => (memoryBytes && !image ? [memoryBytes] : []));
  return {
    scenario: plan.name,
    peers: peers.length,
    hostedPeers: peers.filter(({ host }) => host !== undefined).length,
    hosts: new Set(peers.flatMap(({ host }) => host ?? [])).size,
    operationsAtOnce: atOnceIn(plan.steps),
    operations: countIn(plan.steps),
    files: peers.reduce((sum, { share }) => sum + share.length, 0),
    shareBytes: peers.flatMap(({ share }) => share).reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    ...transfersOf(plan),
    leastMemoryLimitBytes: limits.length > 0 ? limits.reduce((a, b) => Math.min(a, b)) : undefined,
  };
}

/** A peer never has a file twice, so each counts once where it ends up; and none has more partners than there are others. */
function transfersOf({ peers, steps }: Pick<Plan, 'peers' | 'steps'>): Pick<Size, 'transferBytes' | 'transferPairs'> {
  const sizes = new Map(peers.flatMap(({ share }) => share).map(({ name, sizeBytes }) => [name, sizeBytes]));
  const landed = new Map<string, number>();
  visitSteps(steps, (step) => {
    if (step.does !== 'operations') return;
    for (const { peer, verb, request } of step.flows.flatMap(({ operations }) => operations)) {
      if (verb !== 'download' && verb !== 'upload') continue;
      const { name = '', to = peer } = request;
      landed.set(`${to}/${name}`, sizes.get(name) ?? 0);
    }
  });
  const received = Map.groupBy(landed.keys(), (key) => key.slice(0, key.indexOf('/')));
  const partners = [...received.values()].map((files) => Math.min(files.length, peers.length - 1));
  return {
    transferBytes: [...landed.values()].reduce((sum, sizeBytes) => sum + sizeBytes, 0),
    transferPairs: partners.reduce((sum, count) => sum + count, 0),
  };
}

function countIn(steps: readonly PlannedStep[]): number {
  let count = 0;
  visitSteps(steps, (step) => {
    if (step.does === 'operations') for (const { operations } of step.flows) count += operations.length;
  });
  return count;
}

/** Steps follow one another, branches go on together. */
function atOnceIn(steps: readonly PlannedStep[]): number {
  return steps.reduce((most, step) => Math.max(most, atOnceOf(step)), 0);
}

function atOnceOf(step: PlannedStep): number {
  if (step.does === 'operations') {
    return step.flows.reduce((sum, { operations }) => sum + Math.min(step.concurrency, operations.length), 0);
  }
  if (step.does === 'parallel') return step.branches.reduce((sum, branch) => sum + atOnceIn(branch), 0);
  if (step.does === 'repeat') return step.rounds.reduce((most, round) => Math.max(most, atOnceIn(round)), 0);
  return step.does === 'repeat-for' ? atOnceIn(step.first) : 0;
}

/** Each step, and those inside it. */
export function visitSteps(steps: readonly PlannedStep[], see: (step: PlannedStep) => void): void {
  for (const step of steps) {
    see(step);
    for (const list of listsInside(step)) visitSteps(list, see);
  }
}
