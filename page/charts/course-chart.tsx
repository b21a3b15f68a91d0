import { useRef, useState } from 'preact/hooks';
import { knownUntil } from '../model/known-until.ts';
import type { Fault, Scene, Step } from '../model/scene.ts';
import { shortName } from '../parts/foreign.tsx';
import { useSettings } from '../settings/settings.tsx';
import { linear, type Scale } from './scale.ts';
import { useWidth } from './use-width.ts';

/** How a run went: throughput over time, and below it, on the same axis, its steps and faults. */

const PLOT_HEIGHT = 150;
const LEFT = 64;
const RIGHT = 12;
const TOP = 10;
const AXIS_HEIGHT = 30;
const LANE_HEIGHT = 24;
/** More than that are told in numbers. */
const MAX_STEP_LANES = 16;
const MAX_FAULT_LANES = 12;
/** About so many pixels of an axis for a label. */
const TICK_PIXELS = 90;
/** About: enough that a label is not cut off by the edge of the page. */
const PIXELS_A_LETTER = 6.2;
const MIN_LANE = 3;

export interface CourseChartProps {
  readonly scene: Scene;
  /** The end of the axis, if that is not now: a page that goes back in time keeps its axis. */
  readonly until?: number;
  /** A moment that is marked. */
  readonly at?: number;
  /** Somebody asks for a moment. */
  readonly onPick?: (seconds: number) => void;
}

export function CourseChart({ scene, until, at, onPick }: CourseChartProps) {
  const { t, format } = useSettings();
  const box = useRef<HTMLDivElement>(null);
  const width = useWidth(box);
  const [pointed, setPointed] = useState<number | undefined>();
  const { binSeconds, bytes } = scene.throughput;
  const end = Math.max(until ?? 0, endOf(scene), 0.1);
  // What goes on does so until the moment that is shown.
  const now = Math.min(end, at ?? end);
  const known = Math.min(bytes.length, Math.floor(knownUntil(scene) / binSeconds));
  const peak = Math.max(0, ...bytes) / binSeconds;
  const x = linear(end, LEFT, width - RIGHT, (width - LEFT) / TICK_PIXELS);
  const y = linear(peak, TOP + PLOT_HEIGHT, TOP, 4);
  const lanes = lanesOf(scene);
  const height = TOP + PLOT_HEIGHT + AXIS_HEIGHT + lanes.length * LANE_HEIGHT + 4;
  const secondsAt = (clientX: number) => {
    const left = box.current?.getBoundingClientRect().left ?? 0;
    return Math.min(end, Math.max(0, ((clientX - left - LEFT) / (width - LEFT - RIGHT)) * end));
  };
  const mark = pointed ?? at;
  return (
    <figure class="chart">
      <div ref={box}>
        {/* biome-ignore lint/a11y/useKeyWithClickEvents: whoever takes picks has a slider for keys */}
        <svg
          role="img"
          aria-label={t('course.chart', { peak: format.rate(peak), seconds: format.seconds(end) })}
          viewBox={`0 0 ${width} ${height}`}
          onPointerMove={({ clientX }) => setPointed(secondsAt(clientX))}
          onPointerLeave={() => setPointed(undefined)}
          onClick={({ clientX }) => onPick?.(secondsAt(clientX))}
        >
          <Hatching />
          <Axes x={x} y={y} width={width} isFlat={peak === 0} />
          {lanes.map(
            (lane, n) =>
              lane.kind === 'fault' && (
                <rect
                  key={`band ${n}`}
                  class="fault-band"
                  x={x(lane.from)}
                  y={TOP}
                  width={Math.max(1, x(Math.min(lane.to ?? now, end)) - x(lane.from))}
                  height={PLOT_HEIGHT}
                />
              ),
          )}
          <path class="area" d={areaOf(bytes, 0, known, binSeconds, x, y)} />
          {known < bytes.length && (
            <path class="area coming" d={areaOf(bytes, known, bytes.length, binSeconds, x, y)} />
          )}
          {lanes.map((lane, n) => (
            <Lane
              key={lane.key}
              lane={lane}
              x={x}
              end={end}
              now={now}
              y={TOP + PLOT_HEIGHT + AXIS_HEIGHT + n * LANE_HEIGHT}
            />
          ))}
          {mark !== undefined && <line class="now" x1={x(mark)} x2={x(mark)} y1={TOP} y2={height} />}
        </svg>
      </div>
      <figcaption class="note" aria-hidden="true">
        {pointed === undefined
          ? `${peak > 0 ? t('course.peak', { peak: format.rate(peak) }) : t('course.none')} ${known < bytes.length ? t('course.coming') : ''}`
          : t('course.at', {
              seconds: format.seconds(pointed),
              rate: format.rate((bytes[Math.floor(pointed / binSeconds)] ?? 0) / binSeconds),
            })}
      </figcaption>
    </figure>
  );
}

/** The steps are over, or it is now. */
export function endOf({ now, durationSeconds }: Scene): number {
  return durationSeconds ?? now;
}

/** Faults are told by their pattern, not by their colour alone. */
function Hatching() {
  return (
    <defs>
      <pattern id="hatching" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
        <rect class="hatch" width="2.5" height="6" />
      </pattern>
    </defs>
  );
}

/** Where nothing was moved, there is nothing to measure by. */
function Axes({ x, y, width, isFlat }: { x: Scale; y: Scale; width: number; isFlat: boolean }) {
  const { format } = useSettings();
  return (
    <g class="axis">
      {(isFlat ? y.ticks.slice(0, 1) : y.ticks).map((tick) => (
        <g key={`y ${tick}`}>
          <line x1={LEFT} x2={width - RIGHT} y1={y(tick)} y2={y(tick)} />
          <text x={LEFT - 6} y={y(tick)} dy="0.35em" text-anchor="end">
            {format.rate(tick)}
          </text>
        </g>
      ))}
      {x.ticks.map((tick) => (
        <text key={`x ${tick}`} x={x(tick)} y={TOP + PLOT_HEIGHT + 16} text-anchor="middle">
          {format.number(tick)} s
        </text>
      ))}
    </g>
  );
}

interface LaneOf {
  readonly kind: 'step' | 'fault';
  readonly key: string;
  readonly label: string;
  readonly from: number;
  /** undefined: it goes on. */
  readonly to: number | undefined;
}

/** Steps that began: all of them, or those that are not inside another one, as many as a page can show. */
function stepsDrawn({ steps }: Scene): Step[] {
  const all = [...steps.values()].filter(({ began }) => began !== undefined);
  const drawn = all.length <= MAX_STEP_LANES ? all : all.filter(({ id }) => !id.includes('.'));
  return drawn.slice(0, MAX_STEP_LANES);
}

/** Steps, and faults. */
function lanesOf(scene: Scene): LaneOf[] {
  const stepLane = ({ id, label, began = 0, ended }: Step): LaneOf => ({
    ...{ kind: 'step', key: `step ${id}`, label: `${id}. ${label}`, from: began, to: ended },
  });
  const faultLane = ({ kind, who, since, until }: Fault, n: number): LaneOf => ({
    ...{ kind: 'fault', key: `fault ${n}`, label: `${kind} ${who}`, from: since, to: until },
  });
  return [...stepsDrawn(scene).map(stepLane), ...[...scene.faults.values()].slice(0, MAX_FAULT_LANES).map(faultLane)];
}

/** How many steps and faults the drawing has no room for. */
export function lanesLeftOut(scene: Scene): { steps: number; faults: number } {
  const began = [...scene.steps.values()].filter((step) => step.began !== undefined).length;
  return { steps: began - stepsDrawn(scene).length, faults: Math.max(0, scene.faults.size - MAX_FAULT_LANES) };
}

interface LaneProps {
  readonly lane: LaneOf;
  readonly x: Scale;
  readonly y: number;
  readonly end: number;
  readonly now: number;
}

/** Its label stands where there is more room: right of its beginning, or left of its end. */
function Lane({ lane, x, y, end, now }: LaneProps) {
  const [from, to] = [x(lane.from), Math.max(x(lane.from) + MIN_LANE, x(Math.min(lane.to ?? now, end)))];
  const right = x(end);
  const label = shortName(lane.label);
  const isBefore = label.length * PIXELS_A_LETTER > right - from && to > right - from;
  const letters = Math.floor((isBefore ? to : right - from) / PIXELS_A_LETTER);
  return (
    <g class={`lane ${lane.kind}`}>
      <text x={isBefore ? to : from} y={y + 11} text-anchor={isBefore ? 'end' : 'start'}>
        {label.length <= letters ? label : `${label.slice(0, Math.max(1, letters - 1))}…`}
      </text>
      <rect x={from} y={y + 15} width={to - from} height="6" rx="1.5" />
    </g>
  );
}

/** Some of the bins. One is as wide as it is: the area is what was moved. */
function areaOf(bytes: readonly number[], first: number, end: number, binSeconds: number, x: Scale, y: Scale): string {
  if (end <= first) return '';
  const points = bytes.slice(first, end).flatMap((moved, n) => {
    const [height, from] = [y(moved / binSeconds).toFixed(1), (first + n) * binSeconds];
    return [`${x(from).toFixed(1)} ${height}`, `${x(from + binSeconds).toFixed(1)} ${height}`];
  });
  const [left, right, bottom] = [x(first * binSeconds), x(end * binSeconds), y(0)];
  return `M${left.toFixed(1)} ${bottom}L${points.join('L')}L${right.toFixed(1)} ${bottom}Z`;
}
