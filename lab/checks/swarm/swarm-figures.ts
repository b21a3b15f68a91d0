import type { OperationEvent } from '../../history/events.ts';
import type { History } from '../history.ts';
import { intersect, spanOf } from '../presence.ts';
import type { Result } from '../result-schema.ts';
import { type Crowd, type CrowdContent, crowdsOf, membersOf } from './crowds.ts';
import { type Crowdful, fluidBound, withSeedersAlone } from './fluid-bound.ts';
import { spreadOf } from './spread.ts';

type Swarm = NonNullable<Result['swarm']>;
type CrowdResult = Swarm['crowds'][number];
type Known = Pick<History, 'facts' | 'events' | 'faults' | 'shares' | 'pieces'>;

/** Which of several crowds a figure is of: the worst. */
const WORST = {
  boundSeconds: Math.max,
  lastSeconds: Math.max,
  ratio: Math.max,
  speedup: Math.min,
  offload: Math.min,
  seederCopies: Math.max,
  fairness: Math.min,
} as const;
type Name = keyof typeof WORST;
const NAMES = Object.keys(WORST) as Name[];

/** The most crowds and contents that a result holds. */
const MAX_CROWDS = 10;
const MAX_CONTENTS = 10;

/** How the lab says that the peer's own answer to a download never came. */
const UNANSWERED: ReadonlySet<string> = new Set(['no-answer', 'connection-lost', 'interrupted', 'bad-answer']);

/** Did it help that peers give to each other? Undefined where no crowd fetched anything. */
export function swarmFigures(history: Known): Swarm | undefined {
  const crowds = crowdsOf(history).map((crowd) => crowdResult(crowd, history));
  if (crowds.length === 0) return undefined;
  const worst = NAMES.flatMap((name) => {
    const values = crowds.flatMap((crowd) => crowd[name] ?? []);
    return values.length < crowds.length ? [] : [[name, WORST[name](...values)] as const];
  });
  const shown = crowds.toSorted((a, b) => b.bytes - a.bytes).slice(0, MAX_CROWDS);
  const figures: Partial<Record<Name, number>> = Object.fromEntries(worst);
  return { ...figures, ...besideBaseline(figures.lastSeconds, history), crowds: shown };
}

/** The time of the same scenario without swarming, if it was played. */
function besideBaseline(seconds: number | undefined, { facts: { baseline } }: Known): Partial<Swarm> {
  if (!baseline) return {};
  const { lastSeconds, ...run } = baseline;
  if (lastSeconds === undefined || seconds === undefined) return { baseline: run };
  return { baselineSeconds: lastSeconds, baselineSpeedup: lastSeconds / seconds, baseline: run };
}

/** Why a figure is not known. */
export function whyNoSwarmFigure(swarm: Swarm | undefined, name: string): string {
  if (!swarm) return 'no crowd of three peers or more fetched one content of two pieces or more at the same time';
  if (name.startsWith('baseline')) return swarm.baseline?.missing ?? 'it was not played with --baseline';
  return swarm.crowds.flatMap(({ missing }) => missing[name] ?? [])[0] ?? 'nothing in this run tells it';
}

function crowdResult(crowd: Crowd, history: Known): CrowdResult {
  const contents = crowd.contents.map((content) => moved(content, history));
  const missing: Record<string, string> = {};
  const figures: Partial<Record<Name, number>> = { lastSeconds: crowd.until - crowd.from };
  const links = linksOf(crowd, history);
  if ('missing' in links) for (const name of ['boundSeconds', 'ratio', 'speedup']) missing[name] = links.missing;
  else {
    const boundSeconds = fluidBound(links);
    const lastSeconds = Math.max(crowd.until - crowd.from, Number.EPSILON);
    Object.assign(figures, {
      ...{ boundSeconds, ratio: lastSeconds / boundSeconds },
      speedup: withSeedersAlone(links) / lastSeconds,
    });
  }
  const silent = crowd.contents.flatMap(({ all }) => all.filter(isUnanswered)).at(0);
  const bytes = sum(contents.map((content) => content.bytes));
  if (silent) {
    const why = `${silent.peer} did not say what it got before its download failed (${silent.error?.code})`;
    for (const name of ['offload', 'seederCopies', 'fairness']) missing[name] = why;
  } else {
    figures.offload = 1 - sum(contents.map(({ fromSeeders }) => fromSeeders)) / bytes;
    figures.seederCopies = Math.max(...contents.map(({ fromSeeders, size }) => fromSeeders / size));
    const fairness = jain(givenToGot(contents));
    if (fairness === undefined) missing.fairness = 'nobody who fetched it gave anything on';
    else figures.fairness = fairness;
  }
  return {
    ...figures,
    ...{ missing, fromSeconds: crowd.from, bytes },
    peers: new Set(crowd.contents.flatMap(({ good }) => good.map(({ peer }) => peer))).size,
    contents: contents
      .toSorted((a, b) => b.bytes - a.bytes)
      .slice(0, MAX_CONTENTS)
      .map(({ name, size, peers, seeders, spread }) => ({ name, size, peers, seeders, spread })),
  };
}

interface Moved {
  readonly name: string;
  readonly size: number;
  readonly peers: number;
  readonly seeders: number;
  readonly bytes: number;
  readonly fromSeeders: number;
  readonly got: ReadonlyMap<string, number>;
  readonly given: ReadonlyMap<string, number>;
  readonly spread: CrowdResult['contents'][number]['spread'];
}

/** What was fetched of a content, and from whom, by the answers of those who fetched. */
function moved(content: CrowdContent, { facts, pieces }: Known): Moved {
  const names = new Map(facts.peers.map(({ name, address }) => [address, name]));
  const [got, given] = [new Map<string, number>(), new Map<string, number>()];
  for (const { peer, sources } of content.all)
    for (const { peer: address, bytes } of sources) {
      add(got, peer, bytes);
      add(given, names.get(address) ?? address, bytes);
    }
  const { name, size, seeders, good } = content;
  return {
    ...{ name, size, got, given, seeders: seeders.size, peers: new Set(good.map(({ peer }) => peer)).size },
    bytes: sum(given.values()),
    fromSeeders: sum([...seeders].map((seeder) => given.get(seeder) ?? 0)),
    spread: spreadOf(content, pieces),
  };
}

/** Of each who fetched: the bytes that it gave for each that it got. */
function givenToGot(contents: readonly Moved[]): number[] {
  const [got, given] = [new Map<string, number>(), new Map<string, number>()];
  for (const content of contents) {
    for (const [peer, bytes] of content.got) add(got, peer, bytes);
    for (const [peer, bytes] of content.given) add(given, peer, bytes);
  }
  return [...got].filter(([, bytes]) => bytes > 0).map(([peer, bytes]) => (given.get(peer) ?? 0) / bytes);
}

/** Jain's index; undefined where all are 0. */
export function jain(values: readonly number[]): number | undefined {
  const squares = sum(values.map((value) => value ** 2));
  return squares === 0 ? undefined : sum(values) ** 2 / (values.length * squares);
}

/** What the links of a crowd can do, by the limits that the scenario sets. */
function linksOf(crowd: Crowd, history: Known): Crowdful | { missing: string } {
  const begins = beginsOf(crowd);
  const ofSeeders = new Set(crowd.contents.flatMap(({ seeders }) => [...seeders]));
  const needs = needsOf(crowd);
  const members = [...new Set(crowd.contents.flatMap((content) => [...membersOf(content)]))];
  const participants = members.map((name) => ({
    ...{ name, at: ofSeeders.has(name) ? 0 : (begins.get(name) ?? crowd.from) - crowd.from },
    ...{ needs: needs.get(name) ?? 0, ...limitsOf(name, crowd, history) },
  }));
  const unlimited = participants.find(({ up }) => up === Number.POSITIVE_INFINITY);
  if (unlimited) return { missing: `the scenario sets no limit on what ${unlimited.name} sends` };
  if (ofSeeders.size === 0) return { missing: 'nobody had the content before' };
  const resumed = crowd.contents.some(({ good }) => good.some(({ resumedBytes = 0 }) => resumedBytes > 0));
  return {
    participants,
    // What some had from before need not come from the seeders again.
    firstCopy: resumed ? 0 : sum(crowd.contents.map(({ size }) => size)),
    seedersUp: sum(participants.filter(({ name }) => ofSeeders.has(name)).map(({ up }) => up)),
  };
}

/** When each began to take part, whatever came of it. */
function beginsOf({ contents }: Crowd): Map<string, number> {
  const begins = new Map<string, number>();
  for (const { all } of contents)
    for (const { peer, start } of all) begins.set(peer, Math.min(start, begins.get(peer) ?? start));
  return begins;
}

/** What each that got a content had to get of it. */
function needsOf({ contents }: Crowd): Map<string, number> {
  const needs = new Map<string, number>();
  for (const { good, size } of contents)
    for (const { peer, resumedBytes = 0 } of good) add(needs, peer, size - resumedBytes);
  return needs;
}

/** By its settings, and by faults that held it to a rate for the whole time. */
function limitsOf(name: string, { from, until }: Crowd, { facts, faults }: Known): { up: number; down: number } {
  const peer = facts.peers.find((one) => one.name === name);
  const held = faults.filter((fault) => {
    if (fault.kind !== 'limit' || fault.who !== name || fault.inForce === undefined) return false;
    const [span] = intersect([{ from: fault.inForce, until: fault.until ?? spanOf(fault).until }], { from, until });
    return span !== undefined && span.from === from && span.until === until;
  });
  const least = (own: number | undefined, key: string) =>
    Math.min(...[own, ...held.map(({ requested }) => requested?.[key])].filter((one) => typeof one === 'number'));
  return {
    up: least(peer?.upBytesPerSecond, 'upBytesPerSecond'),
    down: least(peer?.downBytesPerSecond, 'downBytesPerSecond'),
  };
}

function isUnanswered({ outcome, error }: OperationEvent): boolean {
  return outcome === 'failed' && UNANSWERED.has(error?.code ?? '');
}

function add(map: Map<string, number>, key: string, value: number): void {
  map.set(key, (map.get(key) ?? 0) + value);
}

function sum(values: Iterable<number>): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}
