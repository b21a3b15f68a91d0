import { useRef } from 'preact/hooks';
import { shortName } from '../parts/foreign.tsx';
import { useSettings } from '../settings/settings.tsx';
import { useWidth } from './use-width.ts';

/** Who sent how much to whom: senders are rows, receivers columns. The darker a cell, the more. */

export interface Cell {
  readonly from: string;
  readonly to: string;
  readonly bytes: number;
}

const MAX_CELL = 40;
/** Smaller cells have no names beside them, only when they are pointed at. */
const MIN_CELL_WITH_NAMES = 11;
const NAME_PIXELS = 96;
const NAME_CHARS = 14;
const CAPTION_PIXELS = 20;
const MIN_SHADE = 0.12;

export interface MatrixChartProps {
  readonly senders: readonly string[];
  readonly receivers: readonly string[];
  readonly cells: readonly Cell[];
  /** Somebody asks for a peer. */
  readonly onPick?: (name: string) => void;
}

export function MatrixChart({ senders, receivers, cells }: MatrixChartProps) {
  const { t, format } = useSettings();
  const box = useRef<HTMLDivElement>(null);
  const width = useWidth(box);
  const room = (width - NAME_PIXELS - CAPTION_PIXELS - 4) / receivers.length;
  const hasNames = room >= MIN_CELL_WITH_NAMES;
  const edge = (hasNames ? NAME_PIXELS : 4) + CAPTION_PIXELS;
  const size = Math.min(MAX_CELL, (width - edge - 4) / receivers.length);
  const most = cells.reduce((max, { bytes }) => Math.max(max, bytes), 1);
  const rows = new Map(senders.map((name, n) => [name, edge + n * size]));
  const columns = new Map(receivers.map((name, n) => [name, edge + n * size]));
  const [right, bottom] = [edge + receivers.length * size, edge + senders.length * size];
  return (
    <figure class="chart matrix">
      <div ref={box}>
        <svg
          role="img"
          aria-label={t('matrix.chart', { senders: senders.length, receivers: receivers.length })}
          viewBox={`0 0 ${width} ${bottom + 4}`}
        >
          <rect class="ground" x={edge} y={edge} width={right - edge} height={bottom - edge} />
          <text class="caption" x={edge} y="13">
            {t('matrix.receivers')} →
          </text>
          <text class="caption" x={-edge} y="13" transform="rotate(-90)" text-anchor="end">
            ← {t('matrix.senders')}
          </text>
          {hasNames &&
            senders.map((name, n) => <RowName key={name} name={name} edge={edge} y={edge + n * size} size={size} />)}
          {hasNames &&
            receivers.map((name, n) => (
              <ColumnName key={name} name={name} edge={edge} x={edge + n * size} size={size} />
            ))}
          {cells.map(({ from, to, bytes }) => {
            const [y, x] = [rows.get(from), columns.get(to)];
            if (x === undefined || y === undefined) return null;
            const shade = MIN_SHADE + (1 - MIN_SHADE) * Math.sqrt(bytes / most);
            return (
              <rect
                key={`${from} ${to}`}
                class="cell"
                fill-opacity={shade.toFixed(2)}
                x={x}
                y={y}
                width={size}
                height={size}
              >
                <title>{`${shortName(from)} → ${shortName(to)}: ${format.bytes(bytes)}`}</title>
              </rect>
            );
          })}
        </svg>
      </div>
    </figure>
  );
}

function RowName({ name, edge, y, size }: { name: string; edge: number; y: number; size: number }) {
  return (
    <text x={edge - 6} y={y + size / 2} dy="0.35em" text-anchor="end">
      {cut(name)}
    </text>
  );
}

function ColumnName({ name, edge, x, size }: { name: string; edge: number; x: number; size: number }) {
  return (
    <text transform={`translate(${x + size / 2} ${edge - 6}) rotate(-60)`} dy="0.35em">
      {cut(name)}
    </text>
  );
}

/** The end of a name is what tells peers of a group apart. */
function cut(name: string): string {
  const shown = shortName(name);
  const letters = [...shown];
  return letters.length <= NAME_CHARS ? shown : `…${letters.slice(1 - NAME_CHARS).join('')}`;
}
