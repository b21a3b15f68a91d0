/** Where values stand in a drawing. */

export interface Scale {
  (value: number): number;
  readonly ticks: readonly number[];
}

/** Steps of axes are 1, 2 or 5 times a power of ten. */
const NICE = [1, 2, 5, 10];

/** From 0 to at least `max`, drawn from `from` to `to`. */
export function linear(max: number, from: number, to: number, wantedTicks: number): Scale {
  const top = max > 0 ? max : 1;
  const rough = top / Math.max(1, wantedTicks);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * (NICE.find((nice) => nice * power >= rough) ?? 10);
  const count = Math.floor(top / step + 1e-9);
  const ticks = Array.from({ length: count + 1 }, (_, n) => n * step);
  return Object.assign((value: number) => from + ((to - from) * value) / top, { ticks });
}

/** Each time as much, the same way: from the nice value below `min` to the one above `max`, both more than 0. */
export function logarithmic(min: number, max: number, from: number, to: number, wantedTicks: number): Scale {
  const all = niceValues(min, Math.max(max, min * 1.01));
  const [low, high] = [Math.log(all[0] as number), Math.log(all.at(-1) as number)];
  const powers = all.filter((value) => Number.isInteger(Math.round(Math.log10(value) * 1e6) / 1e6));
  const ticks = all.length <= wantedTicks ? all : powers;
  const place = (value: number) => from + ((to - from) * (Math.log(value) - low)) / (high - low);
  return Object.assign(place, { ticks });
}

/** 1, 2 and 5 times powers of ten, from the last that is not above `min` to the first that is not below `max`. */
function niceValues(min: number, max: number): number[] {
  const first = Math.floor(Math.log10(min));
  const last = Math.ceil(Math.log10(max));
  const all = Array.from({ length: last - first + 1 }, (_, n) => [1, 2, 5].map((nice) => nice * 10 ** (first + n)));
  const values = all.flat();
  return values.slice(
    values.findLastIndex((value) => value <= min),
    1 + values.findIndex((value) => value >= max),
  );
}
