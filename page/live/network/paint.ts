import { runsOf } from '../../model/pieces.ts';
import type { Instance, Scene } from '../../model/scene.ts';
import { directoriesOf, peersOf } from '../../model/scene.ts';
import { shortName } from '../../parts/foreign.tsx';
import { type Condition, conditionOf, SIGNS } from './condition.ts';
import type { Flow } from './flows.ts';
import { Holdings, type Segment } from './holdings.ts';
import { type Box, type Layout, TITLE_HEIGHT } from './layout.ts';

/** The drawing itself. What stands still until the next events is one canvas, what moves is another one above it. */

export type Colours = Readonly<Record<(typeof COLOUR_NAMES)[number], string>>;
export const COLOUR_NAMES = [
  ...(['ground', 'raised', 'ink', 'soft', 'line', 'accent', 'pass', 'fail', 'unsure', 'fault'] as const),
] as const;

export interface Words {
  /** Below the name of a group. */
  group(name: string, peers: readonly Instance[]): string;
  directory(directory: Instance, scene: Scene): readonly [string, string];
  rate(bytesPerSecond: number): string;
  /** How a peer is, or how fast it receives. */
  peer(peer: Instance, condition: Condition, scene: Scene): string;
}

const FONT = 'system-ui, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif';
const ROUND = 5;
const STRIP_HEIGHT = 8;

export function paintStill(
  to: CanvasRenderingContext2D,
  scene: Scene,
  layout: Layout,
  { colours, words, picked }: { colours: Colours; words: Words; picked: string | undefined },
): void {
  to.clearRect(0, 0, layout.width, layout.height);
  to.textBaseline = 'middle';
  const byGroup = Map.groupBy(peersOf(scene), ({ group = '' }) => group);
  for (const box of layout.groups) {
    const peers = byGroup.get(box.name) ?? [];
    to.fillStyle = colours.raised;
    round(to, box);
    to.fill();
    to.fillStyle = colours.ink;
    to.font = `600 13px ${FONT}`;
    to.textAlign = 'left';
    const title = fitted(to, shortName(box.name), box.width - 20);
    to.fillText(title, box.x + 10, box.y + 15);
    const after = box.x + 10 + to.measureText(title).width + 8;
    to.font = `12px ${FONT}`;
    to.fillStyle = colours.soft;
    const room = box.x + box.width - 8 - after;
    const note = words.group(box.name, peers);
    if (to.measureText(note).width <= room) to.fillText(note, after, box.y + 15);
  }
  for (const directory of directoriesOf(scene)) {
    const box = layout.directories.get(directory.name);
    const condition = conditionOf({ ...directory, loggedIn: directory.life === 'up' }, scene.stage);
    if (box) paintDirectory(to, box, words.directory(directory, scene), condition, colours);
  }
  const holdings = new Holdings(scene);
  for (const peer of peersOf(scene)) {
    const cell = layout.cells.get(peer.name);
    if (!cell) continue;
    const condition = conditionOf(peer, scene.stage);
    const paint = layout.size.detail === 'named' ? paintNamed : layout.size.detail === 'strip' ? paintStrip : paintDot;
    paint(to, cell, peer, holdings.of(peer), condition, colours, words.peer(peer, condition, scene));
    if (peer.name !== picked) continue;
    to.strokeStyle = colours.ink;
    to.lineWidth = 2.5;
    round(to, { x: cell.x - 2.5, y: cell.y - 2.5, width: cell.width + 5, height: cell.height + 5 });
    to.stroke();
  }
}

type PaintCell = (
  to: CanvasRenderingContext2D,
  cell: Box,
  peer: Instance,
  segments: readonly Segment[],
  condition: Condition,
  colours: Colours,
  note: string,
) => void;

const paintNamed: PaintCell = (to, cell, peer, segments, condition, colours, note) => {
  frame(to, cell, condition, colours);
  to.textAlign = 'left';
  to.font = `600 12.5px ${FONT}`;
  to.fillStyle = condition === 'dead' || condition === 'over' ? colours.soft : colours.ink;
  const sign = SIGNS[condition];
  const room = cell.width - 16 - (sign ? 22 : 14);
  to.fillText(fitted(to, tail(shortName(peer.name), 20), room), cell.x + 8, cell.y + 15);
  to.font = `11.5px ${FONT}`;
  to.fillStyle = SIGNS[condition] ? edgeOf(condition, colours) : colours.soft;
  to.fillText(fitted(to, note, cell.width - 16), cell.x + 8, cell.y + 31);
  paintSign(to, cell.x + cell.width - 13, cell.y + 14, condition, colours);
  const strip = { x: cell.x + 8, y: cell.y + cell.height - 15, width: cell.width - 16, height: STRIP_HEIGHT };
  paintSegments(to, strip, segments, colours);
};

const paintStrip: PaintCell = (to, cell, _peer, segments, condition, colours) => {
  frame(to, cell, condition, colours);
  const height = Math.min(STRIP_HEIGHT, cell.height - 11);
  const strip = { x: cell.x + 3, y: cell.y + cell.height - height - 3, width: cell.width - 6, height };
  paintSegments(to, strip, segments, colours);
  paintSign(to, cell.x + cell.width / 2, cell.y + (cell.height - height) / 2 - 1, condition, colours);
};

const paintDot: PaintCell = (to, cell, _peer, segments, condition, colours) => {
  const part = segments.reduce((sum, { share, whole, coming }) => sum + share * (whole + coming), 0);
  to.fillStyle = colours.ground;
  to.fillRect(cell.x, cell.y, cell.width, cell.height);
  to.fillStyle = colours.accent;
  to.globalAlpha = condition === 'over' ? 0.6 : 1;
  to.fillRect(cell.x, cell.y + cell.height * (1 - part), cell.width, cell.height * part);
  to.globalAlpha = 1;
  to.lineWidth = SIGNS[condition] ? 2 : 1;
  to.strokeStyle = edgeOf(condition, colours);
  to.strokeRect(cell.x, cell.y, cell.width, cell.height);
  if (SIGNS[condition]) paintSign(to, cell.x + cell.width / 2, cell.y + cell.height / 2, condition, colours);
};

function frame(to: CanvasRenderingContext2D, cell: Box, condition: Condition, colours: Colours): void {
  to.fillStyle = colours.ground;
  to.strokeStyle = edgeOf(condition, colours);
  to.lineWidth = SIGNS[condition] ? 2 : 1.25;
  to.setLineDash(condition === 'starting' || condition === 'over' ? [3, 3] : []);
  round(to, cell);
  to.fill();
  to.stroke();
  to.setLineDash([]);
}

function edgeOf(condition: Condition, { accent, fail, fault, unsure, line, soft }: Colours): string {
  if (condition === 'in') return accent;
  if (condition === 'dead' || condition === 'lying' || condition === 'double') return fail;
  if (condition === 'slow' || condition === 'full') return unsure;
  return condition === 'frozen' || condition === 'cut' ? fault : condition === 'out' ? soft : line;
}

/** What is there is filled; what is coming is paler; what is missing is empty. */
function paintSegments(
  to: CanvasRenderingContext2D,
  { x, y, width, height }: Box,
  segments: readonly Segment[],
  { accent, line, raised }: Colours,
): void {
  to.fillStyle = raised;
  to.fillRect(x, y, width, height);
  to.fillStyle = accent;
  const gap = segments.length > 1 && width / segments.length >= 4 ? 1 : 0;
  let left = x;
  for (const { share, whole, map, coming } of segments) {
    const wide = share * width;
    const inner = Math.max(0.5, wide - gap);
    if (map !== undefined) paintPieces(to, { x: left, y, width: inner, height }, map);
    else if (whole > 0) to.fillRect(left, y, inner * whole, height);
    if (coming > 0) {
      to.globalAlpha = 0.45;
      to.fillRect(left + inner * whole, y, inner * coming, height);
      to.globalAlpha = 1;
    }
    left += wide;
  }
  to.lineWidth = 1;
  to.strokeStyle = line;
  to.strokeRect(x, y, width, height);
}

/** Each piece in its place. */
function paintPieces(to: CanvasRenderingContext2D, { x, y, width, height }: Box, map: string): void {
  const wide = width / map.length;
  for (const { at, length, level } of runsOf(map)) {
    to.globalAlpha = level;
    to.fillRect(x + at * wide, y, length * wide, height);
  }
  to.globalAlpha = 1;
}

function paintSign(to: CanvasRenderingContext2D, x: number, y: number, condition: Condition, colours: Colours): void {
  const sign = SIGNS[condition];
  if (sign === undefined) return;
  to.fillStyle = edgeOf(condition, colours);
  to.font = `700 13px ${FONT}`;
  to.textAlign = 'center';
  to.fillText(sign, x, y);
}

function paintDirectory(
  to: CanvasRenderingContext2D,
  box: Box,
  [title, note]: readonly [string, string],
  condition: Condition,
  colours: Colours,
): void {
  frame(to, box, condition, colours);
  to.textAlign = 'center';
  to.fillStyle = colours.ink;
  to.font = `600 13px ${FONT}`;
  to.fillText(title, box.x + box.width / 2, box.y + 15);
  to.fillStyle = colours.soft;
  to.font = `12px ${FONT}`;
  to.fillText(fitted(to, note, box.width - 12), box.x + box.width / 2, box.y + 31);
  paintSign(to, box.x + box.width - 13, box.y + 14, condition, colours);
}

/** Where an edge begins, how it bends, and where it ends. */
export interface Edge {
  readonly flow: Flow;
  readonly from: readonly [x: number, y: number];
  readonly over: readonly [x: number, y: number];
  readonly to: readonly [x: number, y: number];
  readonly weight: number;
}

type Bend = Pick<Edge, 'from' | 'over' | 'to'>;

const EDGE_MARGIN = 6;
/** Edges that are drawn at one time: the fastest. */
const MAX_EDGES = 400;
/** For so few, their rates are written beside them. */
const MAX_LABELS = 14;
/** More than that are thinner and paler, with fewer dots: a crowd, not a tangle. */
const MANY_EDGES = 60;

export function edgesOf(
  flows: readonly Flow[],
  placeOf: (name: string) => Box | undefined,
  drawnWidth: number,
): Edge[] {
  const most = flows.reduce((max, { bytesPerSecond }) => Math.max(max, bytesPerSecond), 1);
  const fastest = [...flows].sort((a, b) => b.bytesPerSecond - a.bytesPerSecond).slice(0, MAX_EDGES);
  const widest = fastest.length > MANY_EDGES ? 1 : 3;
  return fastest.flatMap((flow) => {
    const [source, target] = [placeOf(flow.from), placeOf(flow.to)];
    if (!source || !target || flow.from === flow.to) return [];
    return [
      { flow, ...within(bent(source, target), drawnWidth), weight: 1 + widest * Math.sqrt(flow.bytesPerSecond / most) },
    ];
  });
}

/** Both ways between two peers are bent apart; above each other, one goes by the right and the other by the left. */
function bent(source: Box, target: Box): Bend {
  if (Math.abs(source.x - target.x) < source.width / 2) {
    const isDown = target.y > source.y;
    const side = ({ x, y, width, height }: Box) => [isDown ? x + width : x, y + height / 2] as const;
    const [from, to] = [side(source), side(target)];
    const reach = 24 + Math.abs(to[1] - from[1]) * 0.35;
    return { from, to, over: [(from[0] + to[0]) / 2 + (isDown ? reach : -reach), (from[1] + to[1]) / 2] };
  }
  const [from, to] = [borderTo(source, target), borderTo(target, source)];
  const [dx, dy] = [to[0] - from[0], to[1] - from[1]];
  return { from, to, over: [(from[0] + to[0]) / 2 - dy * 0.14, (from[1] + to[1]) / 2 + dx * 0.14] };
}

/** A bend stays inside the drawing: in its middle, an edge is half way from its ends to where it bends to. */
function within({ from, over, to }: Bend, drawnWidth: number): Bend {
  const middle = (from[0] + to[0]) / 2;
  const [least, most] = [2 * EDGE_MARGIN - middle, 2 * (drawnWidth - EDGE_MARGIN) - middle];
  return { from, over: [Math.max(least, Math.min(over[0], most)), over[1]], to };
}

/** The middle of the side that faces the other box. */
function borderTo(a: Box, b: Box): readonly [number, number] {
  const [x, y] = [a.x + a.width / 2, a.y + a.height / 2];
  const [dx, dy] = [b.x + b.width / 2 - x, b.y + b.height / 2 - y];
  const scale = Math.min(a.width / 2 / Math.max(1e-6, Math.abs(dx)), a.height / 2 / Math.max(1e-6, Math.abs(dy)));
  return [x + dx * Math.min(1, scale), y + dy * Math.min(1, scale)];
}

/** Dots on an edge at one time, and how long one is on its way. */
const DOTS = 3;
const TRAVEL_SECONDS = 1.1;

/**
 * What moves goes behind whoever stands there: names, rates and what a peer has stay readable.
 * @param phase seconds on the browser's clock; undefined: nothing is to move
 */
export function paintMoving(
  to: CanvasRenderingContext2D,
  edges: readonly Edge[],
  layout: Layout,
  { colours, words, phase }: { colours: Colours; words: Words; phase: number | undefined },
): void {
  to.clearRect(0, 0, layout.width, layout.height);
  const isCrowd = edges.length > MANY_EDGES;
  for (const edge of edges) {
    to.strokeStyle = colours.pass;
    to.globalAlpha = edge.flow.isCertain ? 0.75 : isCrowd ? 0.3 : 0.5;
    to.lineWidth = edge.weight;
    to.setLineDash(edge.flow.isCertain ? [] : [4, 5]);
    to.beginPath();
    to.moveTo(...edge.from);
    to.quadraticCurveTo(...edge.over, ...edge.to);
    to.stroke();
  }
  to.setLineDash([]);
  to.globalAlpha = 1;
  to.fillStyle = colours.pass;
  to.beginPath();
  for (const [n, { from, over, to: end, weight }] of edges.entries()) {
    const radius = 1.5 + weight * 0.8;
    if (phase === undefined) {
      dot(to, end, radius);
      continue;
    }
    const dots = isCrowd ? 1 : DOTS;
    for (let i = 0; i < dots; i++) {
      const t = (phase / TRAVEL_SECONDS + i / dots + n * 0.137) % 1;
      dot(to, along(from, over, end, t), radius);
    }
  }
  to.fill();
  for (const { x, y, width, height } of standing(layout)) to.clearRect(x, y, width, height);
  if (edges.length <= MAX_LABELS) paintLabels(to, edges, layout, colours, words);
}

function standing({ cells, directories, groups }: Layout): Box[] {
  const titles = groups.map((box) => ({ ...box, height: TITLE_HEIGHT }));
  return [...cells.values(), ...directories.values(), ...titles];
}

function dot(to: CanvasRenderingContext2D, [x, y]: readonly [number, number], radius: number): void {
  to.moveTo(x + radius, y);
  to.arc(x, y, radius, 0, 2 * Math.PI);
}

function along(
  a: readonly [number, number],
  b: readonly [number, number],
  c: readonly [number, number],
  t: number,
): readonly [number, number] {
  const [p, q, r] = [(1 - t) * (1 - t), 2 * t * (1 - t), t * t];
  return [p * a[0] + q * b[0] + r * c[0], p * a[1] + q * b[1] + r * c[1]];
}

/** Where on its edge a label may be, the best place first. */
const LABEL_PLACES = [0.5, 0.38, 0.62, 0.26, 0.74];
const LABEL_HEIGHT = 16;

/** The fastest first: one that has no room is left out. The table of peers has all rates. */
function paintLabels(
  to: CanvasRenderingContext2D,
  edges: readonly Edge[],
  layout: Layout,
  colours: Colours,
  words: Words,
): void {
  to.font = `11px ${FONT}`;
  to.textAlign = 'center';
  to.textBaseline = 'middle';
  const taken = standing(layout);
  for (const edge of edges) {
    if (edge.flow.bytesPerSecond <= 0) continue;
    const text = words.rate(edge.flow.bytesPerSecond);
    const box = labelBox(edge, to.measureText(text).width + 8, layout.width, taken);
    if (box === undefined) continue;
    taken.push(box);
    to.fillStyle = colours.ground;
    to.globalAlpha = 0.88;
    to.fillRect(box.x, box.y, box.width, box.height);
    to.globalAlpha = 1;
    to.fillStyle = colours.ink;
    to.fillText(text, box.x + box.width / 2, box.y + box.height / 2 + 0.5);
  }
}

/** Inside the drawing, and over nothing that stands there or is written. */
export function labelBox(
  { from, over, to }: Bend,
  width: number,
  drawnWidth: number,
  taken: readonly Box[],
): Box | undefined {
  const boxes = LABEL_PLACES.map((place): Box => {
    const [x, y] = along(from, over, to, place);
    const left = Math.max(0, Math.min(x - width / 2, drawnWidth - width));
    return { x: left, y: y - LABEL_HEIGHT / 2, width, height: LABEL_HEIGHT };
  });
  return boxes.find((box) => !taken.some((other) => overlap(box, other)));
}

function overlap(a: Box, b: Box): boolean {
  return a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
}

function round(to: CanvasRenderingContext2D, { x, y, width, height }: Box): void {
  to.beginPath();
  to.roundRect(x, y, width, height, ROUND);
}

/** The end of a name is what tells peers of a group apart. */
function tail(name: string, letters: number): string {
  const all = [...name];
  return all.length <= letters ? name : `…${all.slice(1 - letters).join('')}`;
}

function fitted(to: CanvasRenderingContext2D, text: string, width: number): string {
  if (to.measureText(text).width <= width) return text;
  const letters = [...text];
  while (letters.length > 1 && to.measureText(`${letters.join('')}…`).width > width) letters.pop();
  return `${letters.join('')}…`;
}
