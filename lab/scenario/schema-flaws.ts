import type { z } from 'zod';
import type { Flaw } from '../language/mistake.ts';

/** What a schema found wrong with `value`, which stands at `prefix` in the file. */
export function flawsOf(error: z.ZodError, value: unknown, prefix: readonly PropertyKey[]): Flaw[] {
  return error.issues.flatMap((issue) => flawsOfIssue(issue, value, prefix));
}

function flawsOfIssue(issue: z.core.$ZodIssue, value: unknown, prefix: readonly PropertyKey[]): Flaw[] {
  const path = [...prefix, ...issue.path];
  const inner = issue.path.reduce(
    (at: unknown, key) => (at as Record<PropertyKey, unknown> | undefined | null)?.[key],
    value,
  );
  if (issue.code === 'unrecognized_keys') {
    const messages = issue.message.split('\n');
    return issue.keys.map((key, i) => ({ path: [...path, key], message: messages[i] ?? issue.message, atKey: true }));
  }
  if (issue.code === 'invalid_key') return [{ path, message: issue.issues[0]?.message ?? issue.message, atKey: true }];
  // Of a union, the branch that got further than the type says best what is wrong.
  if (issue.code === 'invalid_union') {
    const branch = issue.errors.find((issues) =>
      issues.some(({ path, code }) => path.length > 0 || code === 'unrecognized_keys' || code === 'custom'),
    );
    if (branch) return branch.flatMap((deeper) => flawsOfIssue(deeper, inner, path));
  }
  const message = issue.message.replace(/^(Invalid input|Too (big|small)): /, '').replace(', received ', ', got ');
  if (inner === undefined && path.length > 0) {
    return [{ path, message: `"${String(path.at(-1))}" is missing: ${message.replace(', got undefined', '')}` }];
  }
  return [{ path, message }];
}
