/** Where everybody stands: the directory above, groups as boxes side by side, peers as cells in them. The more peers, the smaller the cells. */

export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface GroupBox extends Box {
  readonly name: string;
}

export interface Layout {
  readonly width: number;
  readonly height: number;
  /** By name. */
  readonly directories: ReadonlyMap<string, Box>;
  readonly groups: readonly GroupBox[];
  /** By the name of the peer. */
  readonly cells: ReadonlyMap<string, Box>;
  readonly size: CellSize;
}

export interface CellSize {
  readonly width: number;
  readonly height: number;
  readonly gap: number;
  /** `named`: with its name and rates; `strip`: with what it has; `dot`: how much it has. */
  readonly detail: 'named' | 'strip' | 'dot';
}

const SIZES: readonly (CellSize & { readonly upTo: number })[] = [
  { upTo: 12, width: 210, height: 70, gap: 12, detail: 'named' },
  { upTo: 40, width: 124, height: 56, gap: 20, detail: 'named' },
  { upTo: 120, width: 50, height: 32, gap: 6, detail: 'strip' },
  { upTo: 320, width: 32, height: 20, gap: 4, detail: 'strip' },
  { upTo: Number.POSITIVE_INFINITY, width: 14, height: 11, gap: 3, detail: 'dot' },
];

const EDGE = 8;
export const TITLE_HEIGHT = 24;
const PADDING = 10;
/** Room for what moves between groups. */
const BETWEEN = 72;
const DIRECTORY = { width: 200, height: 44 };
/** For the name of a group. */
const MIN_BOX_WIDTH = 110;
/** A group that is so small is one column: what goes to and fro is seen best beside it. */
const MAX_COLUMN = 6;
const MAX_RING = 12;
const MIN_RING_WIDTH = 760;
const RING_HEIGHT = 240;
const RING_HEIGHT_EACH = 34;
const MAX_RING_RADIUS = 420;
/** Boxes are a little wider than high. */
const WIDE = 1.4;

export interface GroupOf {
  readonly name: string;
  readonly peers: readonly string[];
}

export function layoutOf(groups: readonly GroupOf[], directories: readonly string[], width: number): Layout {
  const [first, ...others] = groups;
  if (first && others.length === 0 && first.peers.length <= MAX_RING && width >= MIN_RING_WIDTH)
    return ring(first, directories, width);
  const count = groups.reduce((sum, { peers }) => sum + peers.length, 0);
  const chosen = SIZES.find(({ upTo }) => count <= upTo) as CellSize;
  const room = width - 2 * EDGE - 2 * PADDING;
  const size = { ...chosen, width: Math.min(chosen.width, room) };
  const boxes = groups.map((group) => ({ group, columns: columnsOf(group.peers.length, size, room) }));
  const cells = new Map<string, Box>();
  const placed: GroupBox[] = [];
  let y = EDGE + DIRECTORY.height + BETWEEN * 0.75;
  for (const row of rowsOf(boxes, size, width - 2 * EDGE)) {
    const widths = row.map(({ columns }) => boxWidth(columns, size));
    const used = widths.reduce((sum, one) => sum + one, 0) + BETWEEN * (row.length - 1);
    // A few groups are spread over the width.
    const spare = Math.max(0, width - 2 * EDGE - used);
    const between = BETWEEN + (row.length > 1 ? Math.min(spare / row.length, 140) : 0);
    let x = (width - used - (between - BETWEEN) * (row.length - 1)) / 2;
    let highest = 0;
    for (const [n, { group, columns }] of row.entries()) {
      const height = boxHeight(Math.ceil(group.peers.length / columns), size);
      placed.push({ name: group.name, x, y, width: widths[n] as number, height });
      for (const [i, peer] of group.peers.entries()) {
        const [column, line] = [i % columns, Math.floor(i / columns)];
        cells.set(peer, {
          x: x + PADDING + column * (size.width + size.gap),
          y: y + TITLE_HEIGHT + PADDING / 2 + line * (size.height + size.gap),
          ...{ width: size.width, height: size.height },
        });
      }
      highest = Math.max(highest, height);
      x += (widths[n] as number) + between;
    }
    y += highest + BETWEEN / 2;
  }
  return {
    ...{ width, height: y - BETWEEN / 2 + EDGE, groups: placed, cells, size },
    directories: placeDirectories(directories, width, EDGE),
  };
}

/** One small group stands around the directory, so that what goes to and fro is seen in the middle. */
function ring({ name, peers }: GroupOf, directories: readonly string[], width: number): Layout {
  const size = SIZES[0] as CellSize;
  const height = RING_HEIGHT + peers.length * RING_HEIGHT_EACH;
  const [middleX, middleY] = [width / 2, EDGE + TITLE_HEIGHT + height / 2];
  const [radiusX, radiusY] = [
    Math.min(width / 2 - EDGE - PADDING - size.width / 2, MAX_RING_RADIUS),
    (height - size.height) / 2 - PADDING,
  ];
  const cells = new Map(
    peers.map((peer, n): [string, Box] => {
      const angle = (2 * Math.PI * (n + 0.5)) / peers.length - Math.PI / 2;
      const [x, y] = [middleX + radiusX * Math.cos(angle), middleY + radiusY * Math.sin(angle)];
      return [peer, { x: x - size.width / 2, y: y - size.height / 2, width: size.width, height: size.height }];
    }),
  );
  const outer = { x: EDGE, y: EDGE, width: width - 2 * EDGE, height: height + TITLE_HEIGHT };
  return {
    ...{ width, height: height + TITLE_HEIGHT + 2 * EDGE, size, cells, groups: [{ name, ...outer }] },
    directories: placeDirectories(directories, width, middleY - DIRECTORY.height / 2),
  };
}

/** Side by side, in the middle. */
function placeDirectories(names: readonly string[], width: number, y: number): Map<string, Box> {
  const wide = Math.min(DIRECTORY.width, (width - 2 * EDGE - PADDING * (names.length - 1)) / Math.max(1, names.length));
  const left = (width - names.length * (wide + PADDING) + PADDING) / 2;
  return new Map(names.map((name, n) => [name, { ...DIRECTORY, x: left + n * (wide + PADDING), y, width: wide }]));
}

function columnsOf(count: number, { width, height, gap }: CellSize, room: number): number {
  const most = Math.max(1, Math.floor((room + gap) / (width + gap)));
  if (count <= MAX_COLUMN && most >= 3) return 1;
  const wanted = Math.ceil(Math.sqrt((count * WIDE * (height + gap)) / (width + gap)));
  return Math.min(most, Math.max(1, wanted));
}

function boxWidth(columns: number, { width, gap }: CellSize): number {
  return Math.max(MIN_BOX_WIDTH, columns * (width + gap) - gap + 2 * PADDING);
}

function boxHeight(lines: number, { height, gap }: CellSize): number {
  return TITLE_HEIGHT + PADDING * 1.5 + lines * (height + gap) - gap;
}

/** As many side by side as fit. */
function rowsOf<T extends { readonly columns: number }>(boxes: readonly T[], size: CellSize, width: number): T[][] {
  const rows: T[][] = [];
  let used = 0;
  for (const box of boxes) {
    const needed = boxWidth(box.columns, size);
    const row = rows.at(-1);
    if (row && used + BETWEEN + needed <= width) {
      row.push(box);
      used += BETWEEN + needed;
    } else {
      rows.push([box]);
      used = needed;
    }
  }
  return rows;
}
