import type { Size } from '../machine/size.ts';
import { type Sized, sizeOf } from './size.ts';

/** Peers times files, or operations: a plan of this size is laid out in less than a second. */
const MAX_PLAN_WORK = 200_000;
const MAX_PEERS = 10_000;
const GROWING = [
  'hostedPeers',
  'hosts',
  'operationsAtOnce',
  'operations',
  'files',
  'shareBytes',
  'transferBytes',
  'transferPairs',
] as const;

/**
 * How large a scenario is with any number of peers: as planned, as far as planning is quick, and beyond that reckoned from
 * the way in which it grew. (Where each peer fetches what all others share, it grows with the square of their number.)
 */
export function sizesOf(planFor: (peers?: number) => Sized): (peers?: number) => Size {
  const first = sizeOf(planFor());
  const planned = [first];
  for (let last = first; isQuick(last, 2 * last.peers); last = planned.at(-1) as Size) {
    planned.push(sizeOf(planFor(2 * last.peers)));
  }
  const [before = first, last = first] = planned.slice(-2);
  return (peers = first.peers) => {
    if (peers > last.peers && !isQuick(last, peers)) return reckoned(before, last, peers);
    try {
      return sizeOf(planFor(peers));
    } catch {
      return { ...first, peers }; // With so few peers some step has nobody to take it: no more than with more of them.
    }
  };
}

/** At the worst, the work grows with the square. */
function isQuick({ peers, files, operations }: Size, wanted: number): boolean {
  return wanted <= MAX_PEERS && Math.max(peers * files, operations) * (wanted / peers) ** 2 <= MAX_PLAN_WORK;
}

function reckoned(before: Size, last: Size, peers: number): Size {
  const grown = GROWING.map((key) => [key, Math.ceil(last[key] * (peers / last.peers) ** growth(before, last, key))]);
  return { ...last, ...Object.fromEntries(grown), peers, reckonedFrom: last.peers };
}

/** The power of the number of peers with which it grew from one plan to the next: 1 when there is only one plan. */
function growth(before: Size, last: Size, key: (typeof GROWING)[number]): number {
  if (before.peers === last.peers || before[key] === 0 || last[key] === 0) return 1;
  return Math.log(last[key] / before[key]) / Math.log(last.peers / before.peers);
}
