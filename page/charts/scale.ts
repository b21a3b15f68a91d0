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

/** A power of ten each time the same way, from `min` to `max`, both more than 0. */
export function logarithmic(min: number, max: number, from: number, to: number): Scale {
  const low = Math.floor(Math.log10(min));
  const high = Math.max(low + 1, Math.ceil(Math.log10(max)));
  const ticks = Array.from({ length: high - low + 1 }, (_, n) => 10 ** (low + n));
  const place = (value: number) => from + ((to - from) * (Math.log10(value) - low)) / (high - low);
  return Object.assign(place, { ticks });
}
