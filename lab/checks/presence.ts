import { secondsOf } from '#proto/promises.ts';
import type { FaultRecord, OperationEvent, RunFacts } from '../history/events.ts';
import { ALL, DIRECTORY, directoryNames, isDirectory, LIFE_FAULTS, MACHINE_FAULTS } from '../history/events.ts';

/**
 * When each peer was in the directory, possibly and certainly, by what the lab asked of it and did to it.
 *
 * A login begins it; a logout or an orderly stop ends it at once. Who was killed (or evicted, and given no time) can't say so: the entry may stay for a lease, and
 * must be gone after. Who stands still renews no lease: in doubt from then on, gone after a lease, and due again a lease after it
 * goes on. The same is true of who was cut off from the directory, on either side: it hears no heartbeat, and no logout. A directory that was
 * away (killed, stopped, frozen) has a lease to learn again who is there; within it nobody is due. Where packets are lost or late nothing
 * lapses for certain, but nothing is certainly in time either.
 *
 * Of several directories that share a state, one that is away is no outage: the others know what it knew, soon after it.
 */

/** How long a peer may take to publish what changed, and the directory to act on a lease that ran out. */
export const PUBLISHING_DELAY_SECONDS = secondsOf('publish');

/** What one of several directories was told, the others act upon within this time (docs/replicas.md). */
const REPLICA_DELAY_SECONDS = 1;

export interface Interval {
  readonly from: number;
  readonly until: number;
}

export interface Presence {
  readonly possible: readonly Interval[];
  readonly certain: readonly Interval[];
}

/** What of these happens to the directory is an outage for all. */
const OF_LIFE: ReadonlySet<string> = new Set(LIFE_FAULTS);

/** @param sessions the peer's logins and logouts */
export function presenceOf(
  { name: peer, group }: { readonly name: string; readonly group: string },
  sessions: readonly OperationEvent[],
  faults: readonly FaultRecord[],
  { leaseSeconds, directoryReplicas = 1 }: Pick<RunFacts, 'leaseSeconds' | 'directoryReplicas'>,
): Presence {
  const grace = leaseSeconds + PUBLISHING_DELAY_SECONDS;
  const staleSeconds = directoryReplicas > 1 ? REPLICA_DELAY_SECONDS : 0;
  const outages = outagesOf(faults, directoryReplicas).map((outage) => ({ ...outage, grace }));
  const standing = standingReplicas(faults, directoryReplicas);
  const own = faults.filter(({ who }) => who === peer).sort((a, b) => a.from - b.from);
  const separations = faults.filter((fault) => separates(fault, peer, group));
  const bad = faults.filter(
    ({ kind, who }) => (kind === 'lose' || kind === 'delay') && (who === peer || isDirectory(who)),
  );
  const deaf = [...outages, ...[...separations, ...bad, ...standing].map(spanOf)];
  const lives = own
    .filter(({ kind }) => kind === 'kill' || kind === 'stop' || MACHINE_FAULTS.has(kind))
    .map((fault) => lifeEnd(fault, outages, deaf, grace));
  const { possible, certain } = sessionsOf(sessions, lives, staleSeconds);
  const silences = [...own.filter(({ kind }) => kind === 'freeze'), ...separations];
  const doubts = [...[...silences, ...bad, ...standing].map(spanOf), ...outages].map(({ from, until }) => ({
    from,
    until: until + grace,
  }));
  // While the directory itself is away, it can't end a lease in time.
  const lapses = silences
    .filter((fault) => !outages.some((outage) => overlap(outage, spanOf(fault))))
    .map((fault) => ({
      from: (fault.inForce ?? fault.from) + grace,
      // As soon as it is undone a heartbeat may come through; a probe sees that later.
      until: fault.until ?? spanOf(fault).until,
    }));
  return { possible: without(possible, lapses), certain: without(certain, doubts) };
}

/** When something happened to the directory that may bring back what it knew. */
export function disturbancesOfDirectory(
  faults: readonly FaultRecord[],
  { directoryReplicas = 1 }: Pick<RunFacts, 'directoryReplicas'>,
): Interval[] {
  const ofNetwork = faults.filter(({ kind, who }) => isDirectory(who) && !OF_LIFE.has(kind));
  const standing = standingReplicas(faults, directoryReplicas);
  return [...outagesOf(faults, directoryReplicas), ...[...ofNetwork, ...standing].map(spanOf)];
}

/** One of several stands still: who is connected to it waits, and gives up in the end. */
function standingReplicas(faults: readonly FaultRecord[], replicas: number): FaultRecord[] {
  return replicas === 1 ? [] : faults.filter(({ kind, who }) => isDirectory(who) && kind === 'freeze');
}

/** When none of the directories could answer. */
function outagesOf(faults: readonly FaultRecord[], replicas: number): Interval[] {
  const away = directoryNames(replicas).map((name) =>
    faults.filter(({ kind, who }) => who === name && OF_LIFE.has(kind)).map(spanOf),
  );
  const [first = [], ...others] = away;
  return others.reduce((all, spans) => all.flatMap((span) => intersect(spans, span)), first);
}

/** Whether it keeps a peer and the directory apart, on whichever side it was made. */
function separates({ kind, who, requested }: FaultRecord, peer: string, group: string): boolean {
  if (kind !== 'cut') return false;
  const from = requested?.from ?? ALL;
  if (isDirectory(who)) return from === ALL || from === group;
  return who === peer && (from === ALL || from === DIRECTORY);
}

/** From the first moment at which the fault may have been felt to the last. */
export function spanOf({ from, until, recoverySeconds, overtakenAt }: FaultRecord): Interval {
  if (until === undefined) return { from, until: overtakenAt ?? Number.POSITIVE_INFINITY };
  return { from, until: until + (recoverySeconds ?? 0) };
}

interface LifeEnd {
  /** Not due from then on; and not to be named any more after this. */
  readonly from: number;
  readonly goneBy: number;
}

/** @param deaf when the directory could not hear that the peer stops */
function lifeEnd(fault: FaultRecord, outages: readonly Interval[], deaf: readonly Interval[], grace: number): LifeEnd {
  const { kind, from, inForce = Number.POSITIVE_INFINITY } = fault;
  const heard = kind === 'stop' && !deaf.some((silence) => overlap(silence, { from, until: inForce }));
  const lapsed = heard ? inForce : inForce + grace;
  // A directory that was away meanwhile may have given everyone a new lease when it came back.
  const renewals = outages
    .filter((outage) => overlap(outage, { from, until: lapsed }))
    .map(({ until }) => until + grace);
  return { from, goneBy: Math.max(lapsed, ...renewals) };
}

interface Session {
  readonly life: number;
  readonly possible: { from: number; until: number };
  readonly certain?: { from: number; until: number };
}

/** Each login's session lasts until a logout in the same life, or the end of that life. */
function sessionsOf(events: readonly OperationEvent[], lives: readonly LifeEnd[], staleSeconds: number): Presence {
  const sessions: Session[] = [];
  const ever = Number.POSITIVE_INFINITY;
  for (const { operation, outcome, error, start, end: done } of [...events].sort((a, b) => a.start - b.start)) {
    const life = lives.filter(({ from }) => from < start).length;
    const { from = ever, goneBy = ever } = lives[life] ?? {};
    if (operation === 'login' && !(outcome === 'failed' && error?.definite)) {
      const possible = { from: start, until: goneBy };
      sessions.push({
        life,
        possible,
        ...(outcome === 'ok' && { certain: { from: done + staleSeconds, until: from } }),
      });
    }
    if (operation !== 'logout') continue;
    for (const session of sessions.filter((one) => one.life === life)) {
      if (session.certain) session.certain.until = Math.min(session.certain.until, start);
      // A logout that failed may have worked or not: what follows is possible, not certain.
      if (outcome === 'ok') session.possible.until = Math.min(session.possible.until, done + staleSeconds);
    }
  }
  return {
    possible: sessions.map(({ possible }) => possible),
    certain: sessions.flatMap(({ certain }) => certain ?? []),
  };
}

function overlap(a: Interval, b: Interval): boolean {
  return a.from <= b.until && b.from <= a.until;
}

export function intersect(intervals: readonly Interval[], { from, until }: Interval): Interval[] {
  return intervals
    .map((interval) => ({ from: Math.max(interval.from, from), until: Math.min(interval.until, until) }))
    .filter((interval) => interval.from < interval.until);
}

/** What is left of the intervals when the `cuts` are taken out. */
function without(intervals: readonly Interval[], cuts: readonly Interval[]): Interval[] {
  return cuts.reduce(
    (left, { from, until }) =>
      until <= from
        ? left
        : [
            ...intersect(left, { from: Number.NEGATIVE_INFINITY, until: from }),
            ...intersect(left, { from: until, until: Number.POSITIVE_INFINITY }),
          ],
    [...intervals],
  );
}
