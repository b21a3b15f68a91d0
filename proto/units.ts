import bytes from 'bytes-iec';
import parseDurationText from 'parse-duration';

/** `500ms`, `30s`, `1m30s`, `1.5h`: a number needs its unit. */
export const DURATION_PATTERN = /^(\d+(\.\d+)?(ms|s|m|h))+$/;

/** `0`, `512`, `64KiB`, `5 MB`, `1.5GiB`: bytes; KB, MB, GB count in 1000, KiB, MiB, GiB in 1024. */
export const SIZE_PATTERN = /^\d+(\.\d+)?\s?([kKMGT]i?B|B)?$/;

/** Milliseconds, or undefined when `text` is no duration. */
export function parseDurationMs(text: string): number | undefined {
  if (!DURATION_PATTERN.test(text)) return undefined;
  return parseDurationText(text) ?? undefined;
}

/** Bytes, a whole number, or undefined when `text` is no size. */
export function parseSizeBytes(text: string): number | undefined {
  if (!SIZE_PATTERN.test(text)) return undefined;
  const parsed = bytes.parse(text.replace(/\s|(?<=\d)B$/g, ''));
  return parsed === null ? undefined : Math.round(parsed);
}

/** Bytes a second from `10MB/s`, `512KiB/s`; undefined when `text` is no rate, or none above 0. */
export function parseByteRate(text: string): number | undefined {
  return text.endsWith('/s') ? parseSizeBytes(text.slice(0, -2)) || undefined : undefined;
}
