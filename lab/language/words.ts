import { z } from 'zod';
import { EXPECTED, parseByteRate, parseDurationMs, parseSizeBytes } from '#proto/units.ts';
import { suggestion } from './suggestion.ts';

/** The building blocks of the language: each reads what people write and gives what programs count in. */

/** An object that refuses keys it doesn't know, and says which one may have been meant. */
export function strict<S extends z.ZodRawShape>(shape: S) {
  const known = Object.keys(shape);
  return z.strictObject(shape, {
    error: (issue) =>
      issue.code === 'unrecognized_keys'
        ? issue.keys.map((key) => `unknown key "${key}".${suggestion(key, known)}`).join('\n')
        : undefined,
  });
}

/** Milliseconds, from `500ms`, `30s`, `1m30s`. */
export const duration = z
  .string({ error: `expected ${EXPECTED.duration}` })
  .meta({ examples: ['500ms', '30s'] })
  .transform((text, context) => {
    const ms = parseDurationMs(text);
    if (ms !== undefined) return ms;
    context.addIssue({ code: 'custom', message: `expected ${EXPECTED.duration}, got "${text}"` });
    return z.NEVER;
  });

/** Bytes a second, from `4MB/s`, `512KiB/s`. */
export const byteRate = z
  .string({ error: `expected ${EXPECTED.rate}` })
  .meta({ description: 'Bytes a second.', examples: ['4MB/s', '512KiB/s'] })
  .transform((text, context) => {
    const bytesPerSecond = parseByteRate(text);
    if (bytesPerSecond !== undefined) return bytesPerSecond;
    context.addIssue({ code: 'custom', message: `expected ${EXPECTED.rate}, got "${text}"` });
    return z.NEVER;
  });

export interface SizeRange {
  readonly minBytes: number;
  readonly maxBytes: number;
}

const SIZE_EXPECTED = `expected ${EXPECTED.size}, or a range such as 4KiB..1MiB`;

/** A size, or a range of sizes from which the seed picks: `1MiB`, `4KiB..1MiB`, `0`. */
export const sizeRange = z
  .union([z.number(), z.string()], { error: SIZE_EXPECTED })
  .transform((value, context): SizeRange => {
    const [min, max] = String(value).split('..').map(parseSizeBytes);
    const range = { minBytes: min ?? -1, maxBytes: max ?? min ?? -1 };
    const parts = String(value).split('..').length;
    if (parts <= 2 && range.minBytes >= 0 && range.maxBytes >= range.minBytes && (parts === 1 || max !== undefined))
      return range;
    context.addIssue({ code: 'custom', message: `${SIZE_EXPECTED}, got ${JSON.stringify(value)}` });
    return z.NEVER;
  })
  .meta({ description: 'A size, or a range from which the seed picks.', examples: ['1MiB', '4KiB..1MiB', 0] });

/** What steps call everybody, the peer itself, and the directory. */
const TAKEN: ReadonlySet<string> = new Set(['all', 'self', 'directory']);

/** Names of groups: short enough to be part of an instance's name. */
export const groupName = z
  .string()
  .regex(/^[a-z][a-z0-9-]{0,29}$/, 'expected a group name: lower-case letters, digits and dashes, at most 30')
  .refine((name) => !TAKEN.has(name), 'all, self and directory have a meaning of their own: expected another name');
