import type { Flaw } from '../language/mistake.ts';
import { suggestion } from '../language/suggestion.ts';

export type Variables = Readonly<Record<string, string | number | boolean>>;

const REFERENCE = /\$\{([^}]*)\}/g;

/**
 * Puts variables where `${name}` stands: alone in a scalar it gives the variable's own type, within a text its text.
 * `$${` stays `${`. Unknown names become flaws.
 */
export function substitute(
  value: unknown,
  variables: Variables,
  flaws: Flaw[],
  path: readonly PropertyKey[] = [],
): unknown {
  if (typeof value === 'string') return substituteText(value, variables, (message) => flaws.push({ path, message }));
  if (Array.isArray(value)) return value.map((item, index) => substitute(item, variables, flaws, [...path, index]));
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      key,
      // What the variables themselves are is what is written.
      path.length === 0 && key === 'vars' ? inner : substitute(inner, variables, flaws, [...path, key]),
    ]),
  );
}

function substituteText(text: string, variables: Variables, report: (message: string) => void): unknown {
  const look = (name: string) => {
    if (Object.hasOwn(variables, name)) return variables[name];
    report(`unknown variable "${name}".${suggestion(name, Object.keys(variables))}`);
    return '';
  };
  const alone = /^\$\{([^}]*)\}$/.exec(text);
  if (alone) return look(alone[1] as string);
  return text
    .replace(REFERENCE, (reference, name, offset) => (text[offset - 1] === '$' ? reference : String(look(name))))
    .replaceAll('$${', '${');
}

/** A text that stays as it is when variables are put into it. */
export function escaped(text: string): string {
  return text.replaceAll('${', () => '$${');
}

/** A value from the command line, read as YAML would read the scalar. */
export function variableValue(text: string): string | number | boolean {
  if (/^-?\d+(\.\d+)?$/.test(text)) return Number(text);
  return text === 'true' || text === 'false' ? text === 'true' : text;
}
