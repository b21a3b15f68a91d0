import type { Size } from '../machine/size.ts';
import type { Plan } from '../scenario/plan.ts';
import { listsInside, type PlannedStep } from '../steps/step.ts';

/** As much of a plan as its size comes from. */
export type Sized = Pick<Plan, 'name' | 'peers' | 'steps'> & Partial<Pick<Plan, 'directoryReplicas'>>;

/** How large a plan is. */
export function sizeOf(plan: Sized): Size {
  const { peers } = plan;
  const limits = peers.flatMap(({ memoryBytes, image }) => (memoryBytes && !image ? [memoryBytes] : []));
  return {
    scenario: plan.name,
    peers: peers.length,
    directories: plan.directoryReplicas ?? 1,
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
