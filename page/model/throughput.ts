/** Bytes that arrived at peers, over time: how many in each bin. Drawn only; the figures of a run are in its result. */
export interface Throughput {
  readonly binSeconds: number;
  readonly bytes: readonly number[];
}

export interface Span {
  readonly from: number;
  readonly to: number;
}

const FIRST_BIN_SECONDS = 0.1;
/** A longer run has wider bins. */
const MAX_BINS = 1000;

export const NO_THROUGHPUT: Throughput = { binSeconds: FIRST_BIN_SECONDS, bytes: [] };

/** One that may be changed. */
export interface Bins {
  binSeconds: number;
  bytes: number[];
}

/** Adds bytes that came in the course of some spans, evenly over them: nothing is known of when in them. */
export function addBytes(bins: Bins, spans: readonly Span[], bytes: number): void {
  const parts = spans.filter(({ from, to }) => to > from);
  const seconds = parts.reduce((sum, { from, to }) => sum + to - from, 0);
  const last = parts.reduce((most, { to }) => Math.max(most, to), 0);
  if (bytes <= 0 || seconds === 0) return;
  widen(bins, last);
  const { binSeconds } = bins;
  while (bins.bytes.length * binSeconds < last) bins.bytes.push(0);
  for (const { from, to } of parts) {
    for (let bin = Math.floor(from / binSeconds); bin * binSeconds < to && bin < bins.bytes.length; bin++) {
      const inside = Math.min(to, (bin + 1) * binSeconds) - Math.max(from, bin * binSeconds);
      bins.bytes[bin] = (bins.bytes[bin] as number) + (bytes * Math.max(0, inside)) / seconds;
    }
  }
}

/** Two bins become one, until the time fits. */
function widen(bins: Bins, seconds: number): void {
  while (seconds > bins.binSeconds * MAX_BINS) {
    const { bytes } = bins;
    const pairs = Math.ceil(bytes.length / 2);
    bins.binSeconds *= 2;
    bins.bytes = Array.from({ length: pairs }, (_, n) => (bytes[2 * n] ?? 0) + (bytes[2 * n + 1] ?? 0));
  }
}

/** The parts of `within` that at least one of the spans covers, in order and apart; all of it, if none does. */
export function covered(spans: readonly Span[], within: Span): Span[] {
  const inside = spans
    .map(({ from, to }) => ({ from: Math.max(from, within.from), to: Math.min(to, within.to) }))
    .filter(({ from, to }) => to > from)
    .sort((a, b) => a.from - b.from);
  const apart: { from: number; to: number }[] = [];
  for (const span of inside) {
    const last = apart.at(-1);
    if (last && span.from <= last.to) last.to = Math.max(last.to, span.to);
    else apart.push(span);
  }
  return apart.length > 0 ? apart : [within];
}
