import { type Instance, peersOf, type Scene } from './scene.ts';

/** WHO HAS WHICH PIECES of a content: peers, or groups of them, as rows of places. */

/** How much is there of each place, from 0 to 1. */
export type Levels = readonly number[];

export interface PieceRow {
  readonly peer: Instance;
  readonly levels: Levels;
  /** How much of it is there, from 0 to 1. */
  readonly part: number;
}

export interface PieceRows {
  /** Who has something of it, or is fetching it, in the order of the plan. */
  readonly rows: readonly PieceRow[];
  readonly pieces: number;
  readonly size: number;
}

/** Places next to each other that are alike; those with nothing in them are left out. */
export interface Run {
  readonly at: number;
  readonly length: number;
  /** From 0 to 1. */
  readonly level: number;
}

const FULL = 9;

export function piecesOf(scene: Scene, file: string): PieceRows {
  const { size, pieces } = scene.contents.get(file) ?? { size: 0, pieces: 0 };
  const peers = peersOf(scene);
  const fetching = new Set(
    [...scene.underWay.values()]
      .filter((one) => one.operation === 'download' && one.file === file)
      .map(({ peer }) => peer),
  );
  const places = Math.max(
    1,
    ...peers.map((peer) => peer.pieces.get(file)?.map.length ?? 0),
    Math.min(pieces, MAX_PLACES),
  );
  const rows = peers.flatMap((peer): PieceRow[] => {
    const told = peer.pieces.get(file);
    if (peer.files.has(file)) return [{ peer, levels: Array(places).fill(1), part: 1 }];
    if (told) return [{ peer, levels: levelsOf(told.map), part: told.there / told.pieces }];
    return fetching.has(peer.name) ? [{ peer, levels: Array(places).fill(0), part: 0 }] : [];
  });
  return { rows, pieces, size };
}

/** As many places as a map has at most (proto/piece-map.ts). */
const MAX_PLACES = 128;

export function levelsOf(map: string): Levels {
  return [...map].map((digit) => Number(digit) / FULL);
}

/** Of several rows: which part of them has each place. */
export function together(rows: readonly PieceRow[]): Levels {
  const places = Math.max(0, ...rows.map(({ levels }) => levels.length));
  return Array.from(
    { length: places },
    (_, place) => rows.reduce((sum, { levels }) => sum + (levels[place] ?? 0), 0) / rows.length,
  );
}

/** At how many of them the rarest piece is, as far as it is told. */
export function rarestOf(rows: readonly PieceRow[]): number {
  const places = Math.max(0, ...rows.map(({ levels }) => levels.length));
  const counts = Array.from({ length: places }, (_, place) => rows.filter(({ levels }) => levels[place] === 1).length);
  return Math.min(...counts, rows.length);
}

export function runsOf(map: string | Levels): Run[] {
  const levels = typeof map === 'string' ? levelsOf(map) : map;
  const runs: { at: number; length: number; level: number }[] = [];
  for (const [at, level] of levels.entries()) {
    const last = runs.at(-1);
    if (last?.level === level && last.at + last.length === at) last.length++;
    else if (level > 0) runs.push({ at, length: 1, level });
  }
  return runs;
}
