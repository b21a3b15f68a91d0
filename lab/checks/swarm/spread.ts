import type { PiecesRecord } from '../../history/events.ts';
import type { CrowdContent } from './crowds.ts';

/** How many copies of the pieces of a content were among those who fetch it, at one moment. */
export interface SpreadPoint {
  readonly at: number;
  /** Of the piece that the fewest have, and on average. */
  readonly least: number;
  readonly mean: number;
}

/** The most moments of which the course is told. */
const MAX_POINTS = 60;

/**
 * How the pieces spread over time, by the word of the peers and, of those that have all of it, by the end of their downloads. Seeders are left
 * out. None where no peer said anything.
 */
export function spreadOf({ sha256, good }: CrowdContent, records: readonly PiecesRecord[]): SpreadPoint[] {
  const ends = new Map(good.map(({ peer, end }) => [peer, end]));
  const from = Math.min(...good.map(({ start }) => start));
  const until = Math.max(...ends.values());
  const said = records.flatMap(({ at, peer, contents }) => {
    const map = ends.has(peer) && at >= from ? contents.find((one) => one.sha256 === sha256)?.map : undefined;
    return map === undefined || at > (ends.get(peer) ?? 0) ? [] : [{ at, peer, map }];
  });
  const places = said[0]?.map.length;
  if (places === undefined) return [];
  const whole = [...ends].map(([peer, at]) => ({ at, peer, map: '9'.repeat(places) }));
  const news = [...said.filter(({ map }) => map.length === places), ...whole].sort((a, b) => a.at - b.at);
  const step = (until - from) / MAX_POINTS;
  const points: SpreadPoint[] = [];
  const maps = new Map<string, string>();
  for (const [n, { at, peer, map }] of news.entries()) {
    maps.set(peer, map);
    const isDue = at >= (points.at(-1)?.at ?? Number.NEGATIVE_INFINITY) + step;
    if (isDue || n === news.length - 1) points.push({ at, ...copiesOf([...maps.values()], places) });
  }
  return points;
}

function copiesOf(maps: readonly string[], places: number): Omit<SpreadPoint, 'at'> {
  const copies = Array.from({ length: places }, (_, place) =>
    maps.reduce((sum, map) => sum + partOf(map.charCodeAt(place) - ZERO), 0),
  );
  return { least: Math.min(...copies), mean: copies.reduce((sum, one) => sum + one, 0) / places };
}

const ZERO = '0'.charCodeAt(0);

/** What a digit of a map says: from 1 to 8, the middle of what it stands for. */
function partOf(digit: number): number {
  if (digit === 0 || digit === 9) return digit / 9;
  return (digit - 0.5) / 8;
}
