import type { OperationEvent } from '../../history/events.ts';
import { type History, isTransfer, receiverOf } from '../history.ts';
import { intersect, presenceOf } from '../presence.ts';

/**
 * A CROWD: peers that fetch one content at the same time, and those who had it before them. Contents that are fetched at the same time by some
 * of the same peers share their links, and make one crowd.
 */
export interface Crowd {
  /** From the begin of the first download to the end of the last one that ended well. */
  readonly from: number;
  readonly until: number;
  readonly contents: readonly CrowdContent[];
}

export interface CrowdContent {
  readonly sha256: string;
  readonly name: string;
  readonly size: number;
  /** Downloads of it in this time: those that ended well, and all. */
  readonly good: readonly OperationEvent[];
  readonly all: readonly OperationEvent[];
  /** Peers that had all of it before. */
  readonly seeders: ReadonlySet<string>;
}

/** Fewer are no crowd. */
export const LEAST_CROWD = 3;
/** A content of a single piece can't be passed on before it is whole: two pieces of PeerLab's own peer. */
const LEAST_BYTES = 2 * 1024 * 1024;

/** The crowds of a run, by time. */
export function crowdsOf(history: Pick<History, 'facts' | 'events' | 'faults' | 'shares'>): Crowd[] {
  const contents = [...downloadsByContent(history)].flatMap(([sha256, downloads]) =>
    atOneTime(downloads).flatMap((all) => contentOf(sha256, all, history) ?? []),
  );
  const crowds: CrowdContent[][] = [];
  for (const content of contents) {
    const touched = crowds.filter((crowd) => crowd.some((other) => sharesLinks(content, other)));
    for (const crowd of touched) crowds.splice(crowds.indexOf(crowd), 1);
    crowds.push([...touched.flat(), content]);
  }
  return crowds.map((some) => ({ ...spanOf(some), contents: some })).sort((a, b) => a.from - b.from);
}

/** All who have to do with a content in this time. */
export function membersOf({ all, seeders }: CrowdContent): Set<string> {
  return new Set([...seeders, ...all.map(({ peer }) => peer)]);
}

/** Downloads that moved something, or failed. One that failed does not say which content it was of: its name does, if it means only one. */
function downloadsByContent({ events, shares }: Pick<History, 'events' | 'shares'>): Map<string, OperationEvent[]> {
  const named = new Map<string, string | undefined>();
  for (const { name, sha256 } of shares)
    named.set(name, named.has(name) && named.get(name) !== sha256 ? undefined : sha256);
  const downloads = events.filter(
    ({ operation, outcome, bytes }) => operation === 'download' && (outcome === 'failed' || bytes > 0),
  );
  const groups = Map.groupBy(downloads, ({ told, file = '' }) => told?.sha256 ?? named.get(file) ?? '');
  groups.delete('');
  return groups;
}

/** Downloads whose times overlap, directly or by way of others. */
function atOneTime(downloads: readonly OperationEvent[]): OperationEvent[][] {
  const groups: OperationEvent[][] = [];
  let until = Number.NEGATIVE_INFINITY;
  for (const download of [...downloads].sort((a, b) => a.start - b.start)) {
    if (download.start > until) groups.push([]);
    groups.at(-1)?.push(download);
    until = Math.max(until, download.end);
  }
  return groups;
}

function contentOf(
  sha256: string,
  all: readonly OperationEvent[],
  history: Pick<History, 'facts' | 'events' | 'faults' | 'shares'>,
): CrowdContent | undefined {
  const good = all.filter(({ outcome }) => outcome === 'ok');
  const { told, file = '' } = good[0] ?? {};
  if (!told || told.size < LEAST_BYTES || new Set(good.map(({ peer }) => peer)).size < LEAST_CROWD) return undefined;
  const [from, until] = timesOf(all, good);
  return { sha256, name: file, size: told.size, good, all, seeders: seedersOf(sha256, from, until, history) };
}

function timesOf(all: readonly OperationEvent[], good: readonly OperationEvent[]): [from: number, until: number] {
  return [Math.min(...all.map(({ start }) => start)), Math.max(...good.map(({ end }) => end))];
}

/** Peers that had all of it before anybody began to fetch it, and may have been there. */
function seedersOf(
  sha256: string,
  from: number,
  until: number,
  { facts, events, faults, shares }: Pick<History, 'facts' | 'events' | 'faults' | 'shares'>,
): Set<string> {
  const had = new Set(shares.filter((file) => file.sha256 === sha256).map(({ peer }) => peer));
  for (const event of events) {
    const isThere = isTransfer(event) && event.outcome === 'ok' && event.end <= from && event.told?.sha256 === sha256;
    if (isThere) had.add(receiverOf(event));
  }
  const sessions = Map.groupBy(events, ({ peer }) => peer);
  const present = facts.peers.filter((peer) => {
    if (!had.has(peer.name)) return false;
    const { possible } = presenceOf(peer, sessions.get(peer.name) ?? [], faults, facts);
    return intersect(possible, { from, until }).length > 0;
  });
  return new Set(present.map(({ name }) => name));
}

function sharesLinks(a: CrowdContent, b: CrowdContent): boolean {
  const [one, other] = [spanOf([a]), spanOf([b])];
  return one.from <= other.until && other.from <= one.until && !membersOf(a).isDisjointFrom(membersOf(b));
}

function spanOf(contents: readonly CrowdContent[]): Pick<Crowd, 'from' | 'until'> {
  const times = contents.map(({ all, good }) => timesOf(all, good));
  return { from: Math.min(...times.map(([from]) => from)), until: Math.max(...times.map(([, until]) => until)) };
}
