import { PeerLabError } from '#proto/errors.ts';
import { pieceSizeOf } from '#proto/hash-tree.ts';
import { counted, EXPECTED, parseByteRate } from '#proto/units.ts';
import type { PlannedFile, PlannedPeer } from '../language/world.ts';
import { makePlan, type Plan, scale } from '../scenario/plan.ts';
import type { Scenario } from '../scenario/read.ts';
import { listsInside, type PlannedStep } from '../steps/step.ts';
import type { Model, ModelPeer } from './model.ts';

/** What of a scenario can be simulated, and what was left out. */
export interface Crowd extends Pick<Model, 'peers' | 'sizeBytes' | 'pieceSizeBytes' | 'seederLeaves' | 'seed'> {
  readonly leftOut: readonly string[];
}

export interface CrowdOptions {
  readonly seed?: number | undefined;
  /** Peers in all. Those who have the file from the start stay as many as the scenario has. */
  readonly peers?: number | undefined;
}

/**
 * The crowd of a scenario that has one file which others fetch: sizes, limits, arrivals by its own plan.
 * @throws PeerLabError `usage` when it is not of this kind
 */
export function crowdOf(scenario: Scenario, { seed, peers }: CrowdOptions): Crowd {
  const first = makePlan(scenario, { seed });
  const plan = peers === undefined ? first : makePlan(scaled(scenario, first, peers), { seed });
  const wishes = wishesOf(plan.steps);
  const file = theFile(plan, wishes);
  const holders = new Set(plan.peers.filter((peer) => has(peer, file.name)).map(({ name }) => name));
  const takingPart = plan.peers.filter(({ name }) => holders.has(name) || wishes.has(name));
  return {
    peers: takingPart.map((peer) => modelPeer(peer, holders.has(peer.name), wishes.get(peer.name)?.atMs ?? 0)),
    sizeBytes: file.sizeBytes,
    pieceSizeBytes: pieceSizeOf(file.sizeBytes),
    seederLeaves: endsOf(plan.steps).some((name) => holders.has(name)),
    seed: plan.seed,
    leftOut: leftOutOf(plan, holders),
  };
}

/** The scenario with more or fewer of those who fetch. */
function scaled(scenario: Scenario, plan: Plan, total: number): Scenario {
  const file = theFile(plan, wishesOf(plan.steps));
  const giving = new Set(plan.peers.filter((peer) => has(peer, file.name)).map(({ group }) => group));
  const groups = Object.entries(scenario.groups);
  const given = groups.filter(([name]) => giving.has(name));
  const fetching = groups.filter(([name]) => !giving.has(name));
  const seeders = given.reduce((sum, [, { count }]) => sum + count, 0);
  if (total < seeders + fetching.length)
    throw wrong(`--peers: at least ${seeders + fetching.length}, one of each group`, `${total}`);
  const counts = scale(
    fetching.map(([, { count }]) => count),
    total - seeders,
  );
  const changed = fetching.map(([name, group], i) => [name, { ...group, count: counts[i] as number }]);
  return { ...scenario, groups: { ...scenario.groups, ...Object.fromEntries(changed) } };
}

interface Wish {
  readonly files: Set<string>;
  /** When it begins with the first. */
  readonly atMs: number;
}

/** Who fetches what, and when: only what the scenario waits for counts, steps themselves take no time. */
function wishesOf(steps: readonly PlannedStep[]): Map<string, Wish> {
  const wishes = new Map<string, Wish>();
  const walk = (some: readonly PlannedStep[], beginMs: number) => {
    let atMs = beginMs;
    for (const step of some) {
      if (step.does === 'wait') atMs += step.ms;
      if (step.does === 'parallel')
        for (const [i, branch] of step.branches.entries()) walk(branch, atMs + (step.atMs[i] ?? 0));
      else for (const list of listsInside(step)) walk(list, atMs);
      if (step.does !== 'operations') continue;
      for (const flow of step.flows)
        for (const { verb, request } of flow.operations) {
          if (verb !== 'download') continue;
          const known = wishes.get(flow.peer) ?? { files: new Set(), atMs: atMs + flow.atMs };
          known.files.add(request.name as string);
          wishes.set(flow.peer, known);
        }
    }
  };
  walk(steps, 0);
  return wishes;
}

function theFile({ name, peers }: Plan, wishes: ReadonlyMap<string, Wish>): PlannedFile {
  const names = new Set([...wishes.values()].flatMap(({ files }) => [...files]));
  const [only, another] = names;
  const file = peers.flatMap(({ share }) => share).find((one) => one.name === only);
  if (file && another === undefined && file.sizeBytes > 0) return file;
  throw wrong('a scenario in which others fetch one file', `"${name}", with ${counted(names.size, 'file')} to fetch`);
}

const has = ({ share }: PlannedPeer, name: string) => share.some((file) => file.name === name);

function modelPeer({ group, env, double, image }: PlannedPeer, isSeeder: boolean, arrivesMs: number): ModelPeer {
  const own = double ?? image;
  if (own !== undefined) throw wrong("peers that are PeerLab's own", `${group}: ${own}`);
  return {
    group,
    upload: rateOf(env, 'PEER_UPLOAD_LIMIT') ?? missing(group),
    download: rateOf(env, 'PEER_DOWNLOAD_LIMIT'),
    isSeeder,
    arrivesMs,
    reciprocity: env.PEER_RECIPROCITY === '1' || env.PEER_RECIPROCITY === 'true',
  };
}

function rateOf(env: Readonly<Record<string, string>>, name: string): number | undefined {
  const text = env[name];
  if (text === undefined) return undefined;
  const rate = parseByteRate(text);
  if (rate === undefined) throw wrong(`${name}: ${EXPECTED.rate}`, text);
  return rate;
}

function missing(group: string): never {
  throw wrong(
    `a limit on what each peer sends, for without one the machine is the limit: env PEER_UPLOAD_LIMIT`,
    `group "${group}" without`,
  );
}

/** Peers that the scenario ends. */
function endsOf(steps: readonly PlannedStep[]): string[] {
  return everyStep(steps).flatMap((step) =>
    step.does === 'fault' && (step.fault.kind === 'stop' || step.fault.kind === 'kill')
      ? step.who.map(({ peer }) => peer)
      : [],
  );
}

/** Steps that change what happens to the crowd, and that the simulation knows nothing of. */
function leftOutOf({ steps }: Plan, holders: ReadonlySet<string>): string[] {
  const labels = everyStep(steps).flatMap((step) => {
    if (step.does === 'heal' || step.does === 'start') return [step.label];
    if (step.does !== 'fault') return [];
    const leaves = step.fault.kind === 'stop' || step.fault.kind === 'kill';
    return leaves && step.who.every(({ peer }) => holders.has(peer)) ? [] : [step.label];
  });
  return [...new Set(labels)];
}

function everyStep(steps: readonly PlannedStep[]): PlannedStep[] {
  return steps.flatMap((step) => [step, ...listsInside(step).flatMap(everyStep)]);
}

function wrong(expected: string, got: string): PeerLabError {
  return new PeerLabError('usage', { expected, got });
}
