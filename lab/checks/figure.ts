import { z } from 'zod';
import { METRICS, type MetricSpec } from '#proto/metrics.ts';
import { suggestion } from '../language/suggestion.ts';
import { resultSchema, scopeFigures } from './result-schema.ts';

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
  | { readonly kind: 'metric'; readonly name: string; readonly labels: Readonly<Record<string, string>> }
  | { readonly kind: 'logs'; readonly level?: number; readonly text?: string };
export type Unit = 'count' | 'seconds' | 'bytes' | 'bytes/s' | 'ratio';

/** What a scenario has that figures can be of: an unknown name is a mistake, not a figure that is missing. */
export interface Names {
  readonly verbs: ReadonlySet<string>;
  readonly groups: ReadonlySet<string>;
  /** Names of steps (`as`). */
  readonly steps: ReadonlySet<string>;
}

type Read = { figure: Figure } | { flaw: string };

const SCOPE = /^(groups|peers|steps)\.([^.]+)\.(.+)$/s;

export function readFigure(text: string, names: Names): Read {
  const [, of, name = '', rest = ''] = SCOPE.exec(text) ?? [];
  if (of === undefined) return readWhat(text, text, { of: 'all' }, names);
  const flaw = scopeFlaw(of as 'groups', name, names);
  return flaw ? { flaw } : readWhat(text, rest, { of: of as 'groups', name }, names);
}

function scopeFlaw(of: 'groups' | 'peers' | 'steps', name: string, names: Names): string | undefined {
  const known = of === 'steps' ? names.steps : names.groups;
  const group = of === 'peers' ? (/^(.+)-\d+$/.exec(name)?.[1] ?? name) : name;
  if (known.has(group)) return undefined;
  if (of === 'steps') return `no step has the name "${name}" (as: ${name}).${suggestion(name, [...known])}`;
  return `there is no ${of === 'peers' ? 'peer' : 'group'} "${name}".${suggestion(group, [...known])}`;
}

function readWhat(text: string, rest: string, scope: Scope, names: Names): Read {
  if (rest.startsWith('metrics.')) return readMetric(text, rest.slice('metrics.'.length), scope);
  if (rest.startsWith('logs.')) return readLogs(text, rest.slice('logs.'.length), scope);
  return readPath(text, rest.split('.'), scope, names);
}

function readMetric(text: string, rest: string, scope: Scope): Read {
  const [, name = '', labelText = ''] = /^([a-zA-Z_:]\w*)(?:\{(.*)\})?$/.exec(rest) ?? [];
  if (!name) return { flaw: `expected metrics.<name> or metrics.<name>{label="value"}, got "${text}"` };
  if (scope.of === 'steps') return { flaw: 'a metric is of instances, not of a step' };
  const labels = Object.fromEntries(
    [...labelText.matchAll(/([a-zA-Z_]\w*)="([^"]*)"/g)].map(([, key, value]) => [key, value]),
  );
  const base = name.replace(/_(bucket|sum|count)$/, '');
  const spec: MetricSpec | undefined = METRICS[base as keyof typeof METRICS] ?? METRICS[name as keyof typeof METRICS];
  if (name.startsWith('peerlab_')) {
    if (!spec) return { flaw: `there is no metric "${name}".${suggestion(base, Object.keys(METRICS))}` };
    const stray = Object.keys(labels).find((label) => !spec.labels.includes(label) && label !== 'le');
    if (stray) return { flaw: `${name} has no label "${stray}".${suggestion(stray, spec.labels)}` };
    if (spec.kind === 'histogram' && name === base)
      return { flaw: `${name} is a histogram: name its ${name}_count or ${name}_sum` };
  }
  return {
    figure: {
      text,
      scope,
      what: { kind: 'metric', name, labels: labels as Record<string, string> },
      unit: 'count',
      live: true,
    },
  };
}

/** pino's levels: 40 warns, 50 is an error. */
const LEVELS: Record<string, number> = { warnings: 40, errors: 50 };

function readLogs(text: string, rest: string, scope: Scope): Read {
  if (scope.of === 'steps') return { flaw: 'a log is of instances, not of a step' };
  const matching = /^matching\("([^"]+)"\)$/.exec(rest)?.[1];
  const level = LEVELS[rest];
  if (matching === undefined && level === undefined)
    return { flaw: 'expected logs.errors, logs.warnings or logs.matching("text")' };
  const what: What =
    matching === undefined ? { kind: 'logs', level: level as number } : { kind: 'logs', text: matching };
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
      return { flaw: `no step of this scenario is "${key}".${suggestion(key, [...verbs])}` };
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
