import { useMemo, useRef } from 'preact/hooks';
import type { Result } from '../../lab/checks/result-schema.ts';
import type { OperationEvent } from '../../lab/history/events.ts';
import { Name } from '../parts/foreign.tsx';
import { useSettings } from '../settings/settings.tsx';
import { logarithmic } from './scale.ts';
import { useWidth } from './use-width.ts';

/** How long operations took: a row for each verb, all on one axis, where each tenth is as wide as the next. */

const HEIGHT = 44;
const BINS = 60;
const EDGE = 26;
const MIN_SECONDS = 1e-4;
const TICK_PIXELS = 70;

export interface LatencyChartProps {
  /** By verb: the percentiles that the result has. */
  readonly figures: Result['operations'];
  readonly operations: Iterable<OperationEvent>;
}

export function LatencyChart({ figures, operations }: LatencyChartProps) {
  const { t, format } = useSettings();
  const box = useRef<HTMLDivElement>(null);
  const width = useWidth(box);
  const taken = useMemo(() => secondsByVerb(operations), [operations]);
  const all = [...taken.values()].flat();
  if (all.length === 0) return null;
  const [least, most] = all.reduce(([low, high], one) => [Math.min(low, one), Math.max(high, one)], [1e9, 0]);
  const x = logarithmic(least, most, EDGE, width - EDGE, width / TICK_PIXELS);
  return (
    <figure class="chart latencies">
      <div ref={box}>
        {[...taken].map(([verb, some]) => {
          const latency = figures[verb]?.latency;
          const heights = heightsOf(some, (seconds) => (x(seconds) - EDGE) / (width - 2 * EDGE));
          const label = latency
            ? t('latency.row', {
                ...{ verb, count: format.number(some.length), p50: format.seconds(latency.p50) },
                ...{ p95: format.seconds(latency.p95), max: format.seconds(latency.max) },
              })
            : verb;
          return (
            <div class="row" key={verb}>
              <span>
                <Name text={verb} /> <span class="note">× {format.number(some.length)}</span>
              </span>
              <svg role="img" aria-label={label} viewBox={`0 0 ${width} ${HEIGHT}`}>
                <line class="base" x1={EDGE} x2={width - EDGE} y1={HEIGHT - 1} y2={HEIGHT - 1} />
                {heights.map((height, bin) =>
                  height === 0 ? null : (
                    <rect
                      key={`bin ${bin + 1}`}
                      class="bar"
                      x={EDGE + (bin * (width - 2 * EDGE)) / BINS}
                      y={HEIGHT - 1 - height * (HEIGHT - 16)}
                      width={Math.max(1, (width - 2 * EDGE) / BINS - 1)}
                      height={height * (HEIGHT - 16)}
                    />
                  ),
                )}
                {latency && (
                  <>
                    <Percentile at={x(Math.max(MIN_SECONDS, latency.p50))} name="p50" isLeft={true} />
                    <Percentile at={x(Math.max(MIN_SECONDS, latency.p95))} name="p95" isLeft={false} />
                  </>
                )}
              </svg>
            </div>
          );
        })}
        <svg class="axis" aria-hidden="true" viewBox={`0 0 ${width} 18`}>
          {x.ticks.map((tick) => (
            <text key={tick} x={x(tick)} y="13" text-anchor="middle">
              {format.seconds(tick)}
            </text>
          ))}
        </svg>
      </div>
    </figure>
  );
}

function Percentile({ at, name, isLeft }: { at: number; name: string; isLeft: boolean }) {
  return (
    <g class="percentile">
      <line x1={at} x2={at} y1="2" y2={HEIGHT} />
      <text x={isLeft ? at - 3 : at + 3} y="10" text-anchor={isLeft ? 'end' : 'start'}>
        {name}
      </text>
    </g>
  );
}

/** Of those that ended well, as in the result. */
function secondsByVerb(operations: Iterable<OperationEvent>): Map<string, number[]> {
  const taken = new Map<string, number[]>();
  for (const { operation, outcome, start, end } of operations) {
    if (outcome !== 'ok') continue;
    const known = taken.get(operation) ?? [];
    known.push(Math.max(MIN_SECONDS, end - start));
    taken.set(operation, known);
  }
  return taken;
}

/** Of each bin, from 0 to 1. @param place from 0 to 1 */
function heightsOf(some: readonly number[], place: (seconds: number) => number): number[] {
  const counts = Array.from({ length: BINS }, () => 0);
  for (const seconds of some) {
    const bin = Math.min(BINS - 1, Math.max(0, Math.floor(place(seconds) * BINS)));
    counts[bin] = (counts[bin] as number) + 1;
  }
  const most = Math.max(1, ...counts);
  return counts.map((count) => (count === 0 ? 0 : Math.max(0.08, count / most)));
}
