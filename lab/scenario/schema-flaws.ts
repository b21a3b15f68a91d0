import type { z } from 'zod';
import type { Flaw } from '../language/mistake.ts';
import { suggestion } from '../language/suggestion.ts';

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
  const expected = expectedOf(issue);
  if (inner === undefined && path.length > 0)
    return [{ path, message: `"${String(path.at(-1))}" is missing: ${expected ?? issue.message}` }];
  return [{ path, message: expected === undefined ? issue.message : `${expected}, ${got(inner, issue)}` }];
}

const TYPES: Record<string, string> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a map',
  record: 'a map',
};

/** What the library would say in its own words, in ours; undefined when the schema has a sentence for it. */
function expectedOf(issue: z.core.$ZodIssue): string | undefined {
  if (!/^(Invalid|Too) /.test(issue.message)) return undefined;
  switch (issue.code) {
    case 'invalid_type':
      return `expected ${TYPES[issue.expected] ?? issue.expected}`;
    case 'too_small':
    case 'too_big': {
      const [bound, limit] = issue.code === 'too_small' ? ['least', issue.minimum] : ['most', issue.maximum];
      const what = { string: ' letters', array: ' items' }[issue.origin as string] ?? '';
      return `expected at ${bound} ${limit}${what}`;
    }
    case 'invalid_value':
      return `expected ${issue.values.length > 1 ? 'one of ' : ''}${issue.values.join(', ')}`;
    default:
      return undefined;
  }
}

const SAYS_YES = new Set(['yes', 'on', 'y']);
const SAYS_NO = new Set(['no', 'off', 'n']);
/** Nobody reads more of a value that is wrong anyway. */
const SHOWN_CHARACTERS = 60;

/** What came, and what to write for it where that can be told. */
function got(value: unknown, issue: z.core.$ZodIssue): string {
  const what = `got ${shown(value)}`;
  if (issue.code === 'invalid_value' && typeof value === 'string')
    return `${what}.${suggestion(value, issue.values.map(String)).replace(/ Known: .*/, '')}`.replace(/\.$/, '');
  if (issue.code !== 'invalid_type') return what;
  const word = String(value).toLowerCase();
  if (issue.expected === 'boolean' && (SAYS_YES.has(word) || SAYS_NO.has(word)))
    return `${what}: write ${SAYS_YES.has(word)}`;
  if (issue.expected === 'string' && (typeof value === 'number' || typeof value === 'boolean'))
    return `${what}: write "${value}", in quotes`;
  if (/^(number|int)$/.test(issue.expected) && typeof value === 'string' && /^-?\d+(\.\d+)?$/.test(value))
    return `${what}: write ${value}, without quotes`;
  return what;
}

function shown(value: unknown): string {
  if (value === null || value === undefined) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a map';
  const text = typeof value === 'string' ? JSON.stringify(value) : String(value);
  return text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}…` : text;
}
