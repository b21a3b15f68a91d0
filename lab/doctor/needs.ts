import prettyBytes from 'pretty-bytes';
import { PeerLabError } from '#proto/errors.ts';
import { PROMISES } from '#proto/promises.ts';
import { counted } from '#proto/units.ts';
import type { Capabilities, Capability, Disturbed, Lack, Wants } from '../drivers/capabilities.ts';
import { isDirectory } from '../history/events.ts';
import type { PlannedPeer } from '../language/world.ts';
import type { Plan } from '../scenario/plan.ts';
import { listsInside, type PlannedStep } from '../steps/step.ts';
import type { Candidate } from './candidates.ts';
import type { OwnPrograms } from './programs.ts';
import { visitSteps } from './size.ts';

/** Something that a scenario needs of a driver: who needs it, and how people say it. */
export type Need = {
  [C in Capability]: { readonly where: string; readonly what: C; readonly wanted: Wants[C]; readonly text: string };
}[Capability];

/** A need that a driver can't meet. */
export interface Refusal extends Lack {
  readonly where: string;
  readonly need: string;
}

/** As much of a plan as needs come from. */
type Needing = Pick<Plan, 'peers' | 'steps'> & Partial<Pick<Plan, 'leaseMs' | 'directoryEnv' | 'directoryReplicas'>>;

/**
 * What a plan needs beyond what every driver can do, each once for every group and step.
 * @param own the user's own programs, which all peers and the directory should run
 */
export function needsOf(plan: Needing, own: OwnPrograms = {}): Need[] {
  const { peers, steps } = plan;
  const groups = Map.groupBy(peers, ({ group }) => group);
  const hosted = new Set(peers.filter(({ host }) => host !== undefined).map(({ name }) => name));
  const ofPeers = [...groups].flatMap(([group, [first]]) => (first ? needsOfPeer(`group "${group}"`, first) : []));
  const ofSteps = new Map(steps.flatMap(needsOfStep).map((need) => [need.where, need]));
  const needs = [...ofPeers, ...ofSteps.values()];
  const inHosts = hosted.size === 0 ? [] : needsInHosts(needs, plan, hosted, own.peerImage);
  return [...needsOfPrograms(own), ...needsOfWhole(plan), ...needsOfDrains(plan), ...needs, ...inHosts];
}

/** What a driver lacks that does not start everything itself. */
function needsOfWhole({
  peers,
  leaseMs = PROMISES.lease.ms,
  directoryEnv = {},
  directoryReplicas = 1,
}: Needing): Need[] {
  const needs: Need[] = [
    { where: 'the scenario', what: 'peers', wanted: peers.length, text: counted(peers.length, 'peer') },
  ];
  const hosted = Map.groupBy(peers, ({ host }) => host);
  hosted.delete(undefined);
  const most = Math.max(0, ...[...hosted.values()].map(({ length }) => length));
  if (most > 0)
    needs.push({ where: 'the scenario', what: 'hosts', wanted: most, text: `${counted(most, 'peer')} in one` });
  if (directoryReplicas > 1) {
    const text = `${directoryReplicas} replicas`;
    needs.push({ where: 'the directory', what: 'replicas', wanted: directoryReplicas, text });
  }
  const settings = [
    ...(leaseMs === PROMISES.lease.ms ? [] : [`a lease of ${leaseMs / 1000} s`]),
    ...Object.entries(directoryEnv).map(([name, value]) => `${name}=${value}`),
  ];
  if (settings.length > 0) {
    const wanted = settings.join(', ');
    needs.push({ where: 'the directory', what: 'directory-settings', wanted, text: `settings of its own (${wanted})` });
  }
  return needs;
}

function needsOfPrograms({ peerImage, directoryImage }: OwnPrograms): Need[] {
  const need = (where: string, wanted: string | undefined): Need[] =>
    wanted === undefined ? [] : [{ where, what: 'own-peer', wanted, text: `a program of your own, "${wanted}"` }];
  return [...need('--peer-image', peerImage), ...need('--directory-image', directoryImage)];
}

/** What hosted peers would need of their own, or a fault that would hit one of them alone. */
function needsInHosts(
  needs: readonly Need[],
  { peers, steps }: Pick<Plan, 'peers' | 'steps'>,
  hosted: ReadonlySet<string>,
  peerImage: string | undefined,
): Need[] {
  const groups = new Set(peers.filter(({ name }) => hosted.has(name)).map(({ group }) => `group "${group}"`));
  const own = needs.filter(({ where }) => groups.has(where));
  const image = `its own peer "${peerImage}"`;
  const asked = peerImage === undefined ? [] : [...groups].map((where) => ({ where, what: 'own-peer', text: image }));
  const befalling = new Map<string, { where: string; what: string; text: string }>();
  visitSteps(steps, (step) => {
    if (step.does !== 'fault') return;
    const victim = step.who.find(({ peer }) => hosted.has(peer));
    const { kind } = step.fault;
    const text = `"${kind}" of ${victim?.peer} alone`;
    if (victim) befalling.set(step.id, { where: `step ${step.id}`, what: kind, text });
  });
  return [...own, ...asked, ...befalling.values()].map(({ where, what, text }) => ({
    ...{ where, what: 'while-hosted' as const, wanted: what },
    text: `${text}, although hosted`,
  }));
}

/** The peers of each step that drains, who need a node for themselves. */
export function drainedBy({ steps }: Pick<Plan, 'steps'>): string[][] {
  const sets: string[][] = [];
  visitSteps(steps, (step) => {
    if (step.does === 'fault' && step.fault.kind === 'drain') sets.push(step.who.map(({ peer }) => peer));
  });
  return sets;
}

function needsOfDrains(plan: Pick<Plan, 'steps'>): Need[] {
  const wanted = drainedBy(plan).length;
  if (wanted === 0) return [];
  const text = `${counted(wanted, 'node')} to be drained, and one for everybody else`;
  return [{ where: 'the scenario', what: 'drained-nodes', wanted, text }];
}

/** What around instances a plan disturbs: networks, in these ways, and disks. */
export function disturbedBy(plan: Pick<Plan, 'peers' | 'steps'>): Disturbed[] {
  const kinds = needsOf(plan).flatMap(({ what, wanted }): Disturbed[] => {
    if (what === 'network-faults') return [wanted as Wants['network-faults']];
    return what === 'disk-limit' ? ['disk'] : [];
  });
  return [...new Set(kinds)];
}

const NETWORK_NEEDS: Record<Wants['network-faults'], string> = {
  cut: 'networks that can be cut',
  lose: 'networks that lose packets',
  limit: 'networks with a limited rate',
  delay: 'networks that delay packets',
};

const isOfNetwork = (kind: string): kind is Wants['network-faults'] => Object.hasOwn(NETWORK_NEEDS, kind);

function needsOfStep(step: PlannedStep): Need[] {
  const inner = listsInside(step).flat().flatMap(needsOfStep);
  if (step.does !== 'fault') return inner;
  const { kind } = step.fault;
  const where = `step ${step.id}`;
  if (kind === 'evict' || kind === 'drain')
    return [{ where, what: 'machine-faults', wanted: 'evict', text: 'machines that can be taken away' }];
  if (!isOfNetwork(kind)) {
    if (!step.who.some(({ peer }) => isDirectory(peer))) return inner;
    return [{ where, what: 'directory-faults', wanted: kind, text: `"${kind}" of the directory` }];
  }
  const need: Need = { where, what: 'network-faults', wanted: kind, text: NETWORK_NEEDS[kind] };
  return [need];
}

function needsOfPeer(where: string, { memoryBytes, cpus, image, diskBytes, double }: PlannedPeer): Need[] {
  const needs: Need[] = [];
  if (memoryBytes !== undefined) {
    const text = `a memory limit of ${prettyBytes(memoryBytes, { binary: true })} for each peer`;
    needs.push({ where, what: 'memory-limit', wanted: memoryBytes, text });
  }
  if (cpus !== undefined) {
    needs.push({ where, what: 'cpu-limit', wanted: cpus, text: `a limit of ${cpus} CPUs for each peer` });
  }
  if (diskBytes !== undefined) {
    const text = `a disk of ${prettyBytes(diskBytes, { binary: true })} for each share`;
    needs.push({ where, what: 'disk-limit', wanted: diskBytes, text });
  }
  if (double !== undefined) needs.push({ where, what: 'double', wanted: double, text: `the double "${double}"` });
  if (image !== undefined) needs.push({ where, what: 'own-peer', wanted: image, text: `its own peer "${image}"` });
  return needs;
}

/** Each need that can't be met. */
export function refusalsOf(needs: readonly Need[], can: Capabilities): Refusal[] {
  return needs.flatMap((need) => {
    // The union of needs pairs each capability with what it is asked for; the type checker can't follow that here.
    const lack = can[need.what](need.wanted as never);
    return lack ? [{ ...lack, where: need.where, need: need.text }] : [];
  });
}

/** The first candidate that meets all needs, if there is one. */
export function firstCapable(candidates: readonly Candidate[], needs: readonly Need[]): Candidate | undefined {
  const capable = candidates.find(({ can }) => refusalsOf(needs, can).length === 0);
  const [first] = candidates;
  if (!capable || !first || capable === first) return capable;
  return { ...capable, why: refusalsOf(needs, first.can).map(refusalText).join('; ') };
}

/** @throws PeerLabError `not-capable`, with everything that the better candidate can't do, when none can do all */
export function chooseCapable(candidates: readonly Candidate[], needs: readonly Need[]): Candidate {
  const capable = firstCapable(candidates, needs);
  if (capable) return capable;
  const [first] = candidates;
  const refused = first ? refusalsOf(needs, first.can) : [];
  throw new PeerLabError('not-capable', {
    ...(first && { about: `driver ${first.driver.kind}: ${first.why}` }),
    got: refused.map((refusal) => `\n  ${refusalText(refusal)}. What would help: ${refusal.help}`).join(''),
  });
}

export function refusalText({ where, need, why }: Refusal): string {
  return `${where} needs ${need}: ${why}`;
}
