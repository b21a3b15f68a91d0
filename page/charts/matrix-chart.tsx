import { useRef } from 'preact/hooks';
import { shortName } from '../parts/foreign.tsx';
import { useSettings } from '../settings/settings.tsx';
import { useWidth } from './use-width.ts';

/** Who sent how much to whom: senders are rows, receivers columns. The stronger the colour of a cell, the more. */

export interface Cell {
  readonly from: string;
  readonly to: string;
  readonly bytes: number;
}

const MAX_CELL = 72;
const MAX_CELL_HEIGHT = 34;
/** Cells of that size have room for their figure. */
const MIN_CELL_WITH_FIGURE = 62;
/** Smaller ones have no names beside them, only when they are pointed at. */
const MIN_CELL_WITH_NAMES = 11;
const NAME_PIXELS = 100;
const NAME_CHARS = 14;
const MIN_SHADE = 0.12;
/** A drawing of more is slow, and nobody sees the smallest of them. */
const MAX_CELLS = 20_000;
/** Stronger ones have their figure in the colour of the ground. */
const DARK = 0.55;

export interface MatrixChartProps {
  readonly senders: readonly string[];
  readonly receivers: readonly string[];
  readonly cells: readonly Cell[];
}

export function MatrixChart({ senders, receivers, cells: all }: MatrixChartProps) {
  const cells = all.length <= MAX_CELLS ? all : largest(all);
  const { t, format } = useSettings();
  const box = useRef<HTMLDivElement>(null);
  const pageWidth = useWidth(box);
  const hasNames = (pageWidth - NAME_PIXELS - 4) / receivers.length >= MIN_CELL_WITH_NAMES;
  const left = hasNames ? NAME_PIXELS : 0;
  const width = Math.min(MAX_CELL, (pageWidth - left - 4) / receivers.length);
  const height = Math.min(MAX_CELL_HEIGHT, width);
  const top = hasNames ? topOf(receivers, width) : 0;
  const most = cells.reduce((max, { bytes }) => Math.max(max, bytes), 1);
  const rows = new Map(senders.map((name, n) => [name, top + n * height]));
  const columns = new Map(receivers.map((name, n) => [name, left + n * width]));
  const [right, bottom] = [left + receivers.length * width, top + senders.length * height];
  return (
    <figure class="chart matrix">
      <div ref={box}>
        <svg
          role="img"
          aria-label={t('matrix.chart', { senders: senders.length, receivers: receivers.length })}
          viewBox={`0 0 ${pageWidth} ${bottom + 4}`}
        >
          <rect class="ground" x={left} y={top} width={right - left} height={bottom - top} />
          {hasNames &&
            senders.map((name, n) => (
              <text
                key={name}
                x={left - 6}
                y={top + (n + 0.5) * height}
                dy="0.35em"
                text-anchor="end"
                style={lettersIn(height)}
              >
                {cut(name)}
              </text>
            ))}
          {hasNames &&
            receivers.map((name, n) => (
              <ColumnName key={name} name={name} x={left + (n + 0.5) * width} y={top} width={width} />
            ))}
          {cells.map((cell) => {
            const [y, x] = [rows.get(cell.from), columns.get(cell.to)];
            if (x === undefined || y === undefined) return null;
            return <CellRect key={`${cell.from} ${cell.to}`} {...{ cell, x, y, width, height, most }} />;
          })}
        </svg>
      </div>
      <figcaption class="note">
        {t('matrix.key', { most: format.bytes(most) })}
        {cells !== all && ` ${t('matrix.more', { more: format.number(all.length - cells.length) })}`}
      </figcaption>
    </figure>
  );
}

function largest(cells: readonly Cell[]): readonly Cell[] {
  return [...cells].sort((a, b) => b.bytes - a.bytes).slice(0, MAX_CELLS);
}

interface CellRectProps {
  readonly cell: Cell;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly most: number;
}

function CellRect({ cell: { from, to, bytes }, x, y, width, height, most }: CellRectProps) {
  const { format } = useSettings();
  const shade = MIN_SHADE + (1 - MIN_SHADE) * Math.sqrt(bytes / most);
  return (
    <g>
      <rect class="cell" fill-opacity={shade.toFixed(2)} x={x} y={y} width={width} height={height}>
        <title>{`${shortName(from)} → ${shortName(to)}: ${format.bytes(bytes)}`}</title>
      </rect>
      {width >= MIN_CELL_WITH_FIGURE && (
        <text
          class={shade > DARK ? 'on-dark' : undefined}
          x={x + width / 2}
          y={y + height / 2}
          dy="0.35em"
          text-anchor="middle"
        >
          {format.bytes(bytes)}
        </text>
      )}
    </g>
  );
}

/** Names lie on their side where they would touch, and stand upright where they still would. */
const isLying = (width: number) => width < MAX_CELL;
const MIN_CELL_WITH_LEANING_NAMES = 18;
const PIXELS_A_LETTER = 6.5;

function topOf(names: readonly string[], width: number): number {
  if (!isLying(width)) return 22;
  const longest = Math.max(...names.map((name) => cut(name).length));
  return 12 + longest * PIXELS_A_LETTER * 0.9;
}

function ColumnName({ name, x, y, width }: { name: string; x: number; y: number; width: number }) {
  return isLying(width) ? (
    <text
      transform={`translate(${x} ${y - 6}) rotate(${width < MIN_CELL_WITH_LEANING_NAMES ? -90 : -60})`}
      dy="0.35em"
      style={lettersIn(width)}
    >
      {cut(name)}
    </text>
  ) : (
    <text x={x} y={y - 8} text-anchor="middle">
      {cut(name, 11)}
    </text>
  );
}

const LETTER_HEIGHT = 11.5;

/** Names of small cells are as small, so that they do not touch. */
function lettersIn(cellPixels: number) {
  return cellPixels < LETTER_HEIGHT ? { fontSize: `${cellPixels}px` } : undefined;
}

/** The end of a name is what tells peers of a group apart. */
function cut(name: string, maxLetters = NAME_CHARS): string {
  const letters = [...shortName(name)];
  return letters.length <= maxLetters ? letters.join('') : `…${letters.slice(1 - maxLetters).join('')}`;
}
