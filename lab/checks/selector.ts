/**
 * What stands in braces after the name of a metric: PromQL's label matchers, `{outcome="failed",reason!~"busy|cancelled"}`
 * (prometheus.io/docs/prometheus/latest/querying/basics). It is understood whole or refused with its place: text that is
 * passed over would make an expectation mean something else than it says.
 */
export interface Matcher {
  readonly label: string;
  readonly operator: '=' | '!=' | '=~' | '!~';
  readonly value: string;
  /** Of `=~` and `!~`: it must match the whole of the label's value. */
  readonly pattern?: RegExp;
}

/** What was read, and where the text goes on after it; or what is wrong with it, and where. */
export type Parsed<T> = { readonly value: T; readonly end: number } | { readonly flaw: string };

/** The selector that begins with the brace at `from`. */
export function parseSelector(text: string, from: number): Parsed<readonly Matcher[]> {
  const matchers: Matcher[] = [];
  let at = skipSpace(text, from + 1);
  while (text[at] !== '}') {
    const matcher = parseMatcher(text, at);
    if ('flaw' in matcher) return matcher;
    matchers.push(matcher.value);
    at = skipSpace(text, matcher.end);
    if (text[at] === ',') at = skipSpace(text, at + 1);
    else if (text[at] !== '}') return refusal(text, at, 'a comma or }');
  }
  return { value: matchers, end: at + 1 };
}

function parseMatcher(text: string, from: number): Parsed<Matcher> {
  const label = /[a-zA-Z_]\w*/y;
  label.lastIndex = from;
  const [name] = label.exec(text) ?? [];
  if (name === undefined) return refusal(text, from, 'the name of a label');
  if (name === '__name__') return refusal(text, from, "a label: the metric's name stands before {");
  const operatorAt = skipSpace(text, from + name.length);
  const operator = (['=~', '!~', '!=', '='] as const).find((one) => text.startsWith(one, operatorAt));
  if (operator === undefined) return refusal(text, operatorAt, '=, !=, =~ or !~');
  const valueAt = skipSpace(text, operatorAt + operator.length);
  const read = parseString(text, valueAt);
  if ('flaw' in read) return read;
  const { value, end } = read;
  if (operator === '=' || operator === '!=') return { value: { label: name, operator, value }, end };
  const pattern = wholePattern(value);
  if (pattern === undefined) return refusal(text, valueAt, 'a regular expression');
  return { value: { label: name, operator, value, pattern }, end };
}

/** Anchored at both ends, as in PromQL. */
function wholePattern(source: string): RegExp | undefined {
  try {
    return new RegExp(`^(?:${source})$`, 'su');
  } catch {
    return undefined;
  }
}

const QUOTED = /"((?:[^"\\\n]|\\.)*)"|'((?:[^'\\\n]|\\.)*)'|`([^`]*)`/y;
const ESCAPE = /\\(x[\da-fA-F]{2}|u[\da-fA-F]{4}|[0-7]{3}|.)/g;
const SINGLE: Record<string, string> = {
  ...{ a: '\x07', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' },
  ...{ '\\': '\\', "'": "'", '"': '"' },
};

/** A text in quotes, with the escapes of PromQL (those of Go); between backticks there are none. */
export function parseString(text: string, from: number): Parsed<string> {
  QUOTED.lastIndex = from;
  const [whole, double, single, raw] = QUOTED.exec(text) ?? [];
  if (whole === undefined) return refusal(text, from, 'a text in quotes, such as "failed"');
  const end = from + whole.length;
  if (raw !== undefined) return { value: raw, end };
  let stray: number | undefined;
  const value = (double ?? single ?? '').replace(ESCAPE, (escaped: string, code: string, offset: number) => {
    if (code.length === 1 && SINGLE[code] === undefined) stray ??= from + 1 + offset;
    if (code.length === 1) return SINGLE[code] ?? escaped;
    return String.fromCodePoint(/^[xu]/.test(code) ? Number.parseInt(code.slice(1), 16) : Number.parseInt(code, 8));
  });
  return stray === undefined ? { value, end } : refusal(text, stray, 'an escape such as \\", \\\\ or \\n');
}

function skipSpace(text: string, from: number): number {
  let at = from;
  while (/\s/.test(text[at] ?? '')) at++;
  return at;
}

/** How much of what stands there is shown. */
const SHOWN_CHARACTERS = 20;

function refusal(text: string, at: number, expected: string): { flaw: string } {
  const rest = text.slice(at, at + SHOWN_CHARACTERS);
  return { flaw: `at character ${at + 1}: expected ${expected}, got ${rest ? JSON.stringify(rest) : 'the end'}` };
}

/** A label that a series does not have is the empty text, as in PromQL. */
export function matchesAll(matchers: readonly Matcher[], labels: Readonly<Record<string, string>>): boolean {
  return matchers.every((matcher) =>
    matchesValue(matcher, Object.hasOwn(labels, matcher.label) ? labels[matcher.label] : ''),
  );
}

function matchesValue({ operator, value, pattern }: Matcher, actual = ''): boolean {
  const same = pattern === undefined ? actual === value : pattern.test(actual);
  return operator === '=' || operator === '=~' ? same : !same;
}

/** Whether any of the values that a label can have is meant by the matcher's text, whichever way it then counts. */
export function speaksOf({ value, pattern }: Matcher, known: readonly string[]): boolean {
  return known.some((one) => (pattern === undefined ? one === value : pattern.test(one)));
}
