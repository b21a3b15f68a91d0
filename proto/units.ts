import bytes from 'bytes-iec';
import parseDurationText from 'parse-duration';

/**
 * WHAT PEOPLE WRITE for durations, sizes and rates, of scenarios, suites, settings and options: read here and nowhere else,
 * and bounded here. What a reader gives is a finite number that programs can count and wait with.
 */

const HOUR_MS = 3_600_000;
/**
 * Node's timers end at once from 2^31 ms (596 hours) on. Sums of a few durations still fit below that, and so do those that a program
 * makes of one (twice a lease).
 */
export const MAX_DURATION_MS = 168 * HOUR_MS;
/** Far above any disk, and far below 2^53: sums of a few thousand sizes are whole numbers still. */
export const MAX_SIZE_BYTES = 1024 ** 5;
/** A chunk of a MiB then takes 18 minutes: at less, one wait of a limiter would not end. */
export const MIN_RATE_BYTES_PER_SECOND = 1000;

/** What a message expects, with the bounds. */
export const EXPECTED = {
  duration: 'a duration with its unit, such as 500ms, 30s or 2m, at most 168h',
  size: 'a size such as 64KiB or 5MB, at most 1024TiB',
  rate: 'a rate such as 4MB/s or 512KiB/s, at least 1kB/s',
} as const;

/** `500ms`, `30s`, `1m30s`, `1.5h`: a number needs its unit. */
const DURATION_PATTERN = /^(\d+(\.\d+)?(ms|s|m|h))+$/;

/** `0`, `512`, `64KiB`, `5 MB`, `1.5GiB`: bytes; KB, MB, GB count in 1000, KiB, MiB, GiB in 1024. */
const SIZE_PATTERN = /^\d+(\.\d+)?\s?([kKMGT]i?B|B)?$/;

/** Milliseconds, or undefined when `text` is no duration within the bound. */
export function parseDurationMs(text: string): number | undefined {
  if (!DURATION_PATTERN.test(text)) return undefined;
  const ms = parseDurationText(text) ?? Number.NaN;
  return ms <= MAX_DURATION_MS ? ms : undefined;
}

/** Bytes, a whole number, or undefined when `text` is no size within the bound. */
export function parseSizeBytes(text: string): number | undefined {
  if (!SIZE_PATTERN.test(text)) return undefined;
  const size = bytes.parse(text.replace(/\s|(?<=\d)B$/g, '')) ?? Number.NaN;
  return size <= MAX_SIZE_BYTES ? Math.round(size) : undefined;
}

/** Bytes a second from `10MB/s`, `512KiB/s`; undefined when `text` is no rate within the bounds. */
export function parseByteRate(text: string): number | undefined {
  const rate = text.endsWith('/s') ? parseSizeBytes(text.slice(0, -2)) : undefined;
  return rate !== undefined && rate >= MIN_RATE_BYTES_PER_SECOND ? rate : undefined;
}

/** A number of things, as people write it: `1 peer`, `4 peers`. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
