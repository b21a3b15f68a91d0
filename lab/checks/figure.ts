import { z } from 'zod';
import { ERRORS } from '#proto/errors.ts';
import { LABEL_VALUES, METRICS, type MetricName, type MetricSpec } from '#proto/metrics.ts';
import { suggestion } from '../language/suggestion.ts';
import { resultSchema, scopeFigures } from './result-schema.ts';
import { type Matcher, type Parsed, parseSelector, parseString, speaksOf } from './selector.ts';

/**
 * A FIGURE: any number that a run gives, by the name that expectations use. `transfers.failed` is of the whole run;
 * `groups.leechers.transfers.failed`, `peers.leechers-1.…` and `steps.<name>.…` are of a part of it. Beside what
 * result.json holds there are `metrics.<name>{label="x"}` (summed over the last scrape of each instance) and `logs.errors`,
 * `logs.warnings`, `logs.matching("text")` (lines).
 */
export interface Figure {
  readonly text: string;
  readonly scope: Scope;
  readonly what: What;
  readonly unit: Unit;
  /** It is known while the run goes on, not only at its end. */
  readonly live: boolean;
}

export type Scope = { readonly of: 'all' } | { readonly of: 'groups' | 'peers' | 'steps'; readonly name: string };
export type What =
  | { readonly kind: 'path'; readonly path: readonly string[] }
  | { readonly kind: 'metric'; readonly name: string; readonly matchers: readonly Matcher[] }
  | { readonly kind: 'logs'; readonly level?: number; readonly text?: string };
export type Unit = 'count' | 'seconds' | 'bytes' | 'bytes/s' | 'ratio';

/** What a scenario has that figures can be of: an unknown name is a mistake, not a figure that is missing. */
export interface Names {
  /** The operations that its steps record, by verb. */
  readonly verbs: ReadonlySet<string>;
  readonly groups: ReadonlySet<string>;
  /** Names of steps (`as`). */
  readonly steps: ReadonlySet<string>;
}

type Read = { figure: Figure } | { flaw: string };

/** What is written of a figure: its name, and what stands in braces or brackets after it. */
export interface FigureText {
  readonly text: string;
  readonly name: string;
  readonly matchers?: readonly Matcher[];
  readonly argument?: string;
}

const NAME = /\s*([A-Za-z][\w.:-]*)\s*/y;

/** Takes the figure from the beginning of an expectation. */
export function parseFigureText(text: string): Parsed<FigureText> | undefined {
  NAME.lastIndex = 0;
  const [head, name] = NAME.exec(text) ?? [];
  if (head === undefined || name === undefined) return undefined;
  const whole = (end: number) => text.slice(0, end).trim();
  if (text[head.length] === '{') {
    const selector = parseSelector(text, head.length);
    if ('flaw' in selector) return selector;
    return { value: { text: whole(selector.end), name, matchers: selector.value }, end: selector.end };
  }
  if (text[head.length] !== '(') return { value: { text: name, name }, end: head.length };
  const argument = parseString(text, head.length + 1);
  if ('flaw' in argument) return argument;
  if (text[argument.end] !== ')') return { flaw: `at character ${argument.end + 1}: expected )` };
  const end = argument.end + 1;
  return { value: { text: whole(end), name, argument: argument.value }, end };
}

const SCOPE = /^(groups|peers|steps)\.([^.]+)\.(.+)$/s;

export function readFigure(written: FigureText, names: Names): Read {
  const [, of, name = '', rest = ''] = SCOPE.exec(written.name) ?? [];
  if (of === undefined) return readWhat(written, written.name, { of: 'all' }, names);
  const flaw = scopeFlaw(of as 'groups', name, names);
  return flaw ? { flaw } : readWhat(written, rest, { of: of as 'groups', name }, names);
}

function scopeFlaw(of: 'groups' | 'peers' | 'steps', name: string, names: Names): string | undefined {
  const known = of === 'steps' ? names.steps : names.groups;
  const group = of === 'peers' ? (/^(.+)-\d+$/.exec(name)?.[1] ?? name) : name;
  if (of === 'peers' && known.has(name)) return `"${name}" is a group: expected the name of a peer, such as ${name}-1`;
  if (known.has(group)) return undefined;
  if (of === 'steps') return `no step has the name "${name}" (as: ${name}).${suggestion(name, [...known])}`;
  return `there is no ${of === 'peers' ? 'peer' : 'group'} "${name}".${suggestion(group, [...known])}`;
}

function readWhat(written: FigureText, rest: string, scope: Scope, names: Names): Read {
  const { text, matchers, argument } = written;
  if (rest.startsWith('metrics.') && argument === undefined)
    return readMetric(text, rest.slice('metrics.'.length), matchers ?? [], scope);
  if (rest.startsWith('logs.') && matchers === undefined)
    return readLogs(text, rest.slice('logs.'.length), argument, scope);
  if (matchers !== undefined) return { flaw: 'only metrics have labels in braces' };
  if (argument !== undefined) return { flaw: 'only logs.matching has a text in brackets' };
  return readPath(text, rest.split('.'), scope, names);
}

function readMetric(text: string, name: string, matchers: readonly Matcher[], scope: Scope): Read {
  if (!/^[a-zA-Z_:][\w:]*$/.test(name))
    return { flaw: `expected metrics.<name> or metrics.<name>{label="value"}, got "${text}"` };
  if (scope.of === 'steps') return { flaw: 'a metric belongs to instances, not to a step' };
  const flaw = name.startsWith('peerlab_') ? ownMetricFlaw(name, matchers, scope) : undefined;
  if (flaw) return { flaw };
  return { figure: { text, scope, what: { kind: 'metric', name, matchers }, unit: 'count', live: true } };
}

/** What a histogram is exposed as. */
const SERIES = /_(bucket|sum|count)$/;

/** Of PeerLab's own metrics everything is known beforehand: names, labels, and the values of most labels. */
function ownMetricFlaw(name: string, matchers: readonly Matcher[], scope: Scope): string | undefined {
  const base = Object.hasOwn(METRICS, name) ? name : name.replace(SERIES, '');
  const spec: MetricSpec | undefined = Object.hasOwn(METRICS, base) ? METRICS[base as MetricName] : undefined;
  if (!spec || (name !== base && spec.kind !== 'histogram'))
    return `there is no metric "${name}".${suggestion(base, Object.keys(METRICS))}`;
  if (spec.kind === 'histogram' && name === base)
    return `${name} is a histogram: name its ${name}_count or ${name}_sum`;
  if (spec.at === 'directory' && scope.of !== 'all') return `${name} is a metric of the directory, not of peers`;
  const labels = name.endsWith('_bucket') && name !== base ? [...spec.labels, 'le'] : spec.labels;
  for (const matcher of matchers) {
    const { label, value } = matcher;
    if (!labels.includes(label)) return `${name} has no label "${label}".${suggestion(label, labels)}`;
    const known = label === 'le' ? [...(spec.buckets ?? []).map(String), '+Inf'] : LABEL_VALUES[label];
    if (known && !speaksOf(matcher, known))
      return `the label "${label}" is never ${JSON.stringify(value)}.${suggestion(value, known)}`;
  }
  return undefined;
}

/** pino's levels: 40 warns, 50 is an error. */
const LEVELS = new Map([
  ['warnings', 40],
  ['errors', 50],
]);

function readLogs(text: string, name: string, argument: string | undefined, scope: Scope): Read {
  if (scope.of === 'steps') return { flaw: 'a log belongs to instances, not to a step' };
  const level = LEVELS.get(name);
  const asked = name === 'matching' ? argument : level;
  if (asked === undefined || asked === '' || (level !== undefined && argument !== undefined))
    return { flaw: 'expected logs.errors, logs.warnings or logs.matching("text")' };
  const what: What = typeof asked === 'string' ? { kind: 'logs', text: asked } : { kind: 'logs', level: asked };
  return { figure: { text, scope, what, unit: 'count', live: false } };
}

interface FigureSchema {
  type?: string;
  unit?: Unit;
  properties?: Record<string, FigureSchema>;
  additionalProperties?: FigureSchema;
}

const RUN = z.toJSONSchema(resultSchema) as unknown as FigureSchema;
const PART = z.toJSONSchema(scopeFigures) as unknown as FigureSchema;
/** Parts of result.json that are not figures by a path of their own: other ways lead there. */
const ELSEWHERE = new Set(['groups', 'steps']);

function readPath(text: string, path: readonly string[], scope: Scope, { verbs }: Names): Read {
  let schema = scope.of === 'all' ? RUN : PART;
  for (const [depth, key] of path.entries()) {
    const byVerb = path[0] === 'operations' && depth === 1;
    if (byVerb && !verbs.has(key))
      return { flaw: `no step of this scenario does "${key}".${suggestion(key, [...verbs])}` };
    if (path[0] === 'failures' && depth === 1 && !Object.hasOwn(ERRORS, key))
      return { flaw: `there is no error code "${key}".${suggestion(key, Object.keys(ERRORS))}` };
    const next =
      depth === 0 && ELSEWHERE.has(key) ? undefined : (schema.properties?.[key] ?? schema.additionalProperties);
    if (!next || typeof next !== 'object')
      return { flaw: `there is no figure "${key}".${suggestion(key, figuresIn(schema))}` };
    schema = next;
  }
  if (schema.type === 'number' || schema.type === 'integer') {
    return {
      figure: {
        text,
        scope,
        what: { kind: 'path', path },
        unit: schema.unit ?? 'count',
        live: Object.hasOwn(PART.properties ?? {}, path[0] ?? ''),
      },
    };
  }
  const inner = figuresIn(schema);
  return { flaw: inner.length > 0 ? `expected a figure in it: ${inner.join(', ')}` : 'this is not a number' };
}

function figuresIn({ properties = {} }: FigureSchema): string[] {
  return Object.entries(properties)
    .filter(
      ([, inner]) =>
        inner.properties || inner.additionalProperties || inner.type === 'number' || inner.type === 'integer',
    )
    .map(([name]) => name);
}
