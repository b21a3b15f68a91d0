import { z } from 'zod';
import { parseDurationMs, parseSizeBytes } from '#proto/units.ts';
import { type ExpectationResult, type Result, resultSchema } from '../report/result-schema.ts';
import { suggestion } from '../scenario/mistake.ts';

/** `<figure> <comparison> <value>`: a number of result.json, held against a limit in the figure's own unit. */
export interface Expectation {
  readonly expression: string;
  /** The way to the figure in result.json. */
  readonly path: readonly string[];
  readonly comparison: Comparison;
  readonly limit: number;
}

type Comparison = '==' | '!=' | '<=' | '>=' | '<' | '>';

const COMPARE: Record<Comparison, (actual: number, limit: number) => boolean> = {
  '==': (a, b) => a === b,
  '!=': (a, b) => a !== b,
  '<=': (a, b) => a <= b,
  '>=': (a, b) => a >= b,
  '<': (a, b) => a < b,
  '>': (a, b) => a > b,
};

const FORM = /^\s*([A-Za-z][\w.-]*)\s*(==|!=|<=|>=|<|>)\s*(\S.*?)\s*$/;

/** `verbs`: the steps of the scenario; a figure of an operation that no step does is a mistake. */
export function parseExpectation(
  text: string,
  verbs: ReadonlySet<string>,
): { expectation: Expectation } | { flaw: string } {
  const [, figure, comparison, value] = FORM.exec(text) ?? [];
  if (!figure || !comparison || !value) {
    return { flaw: `expected "<figure> <comparison> <value>", such as "transfers.failed == 0", got "${text}"` };
  }
  const path = figure.split('.');
  const found = figureUnit(path, verbs);
  if ('flaw' in found) return { flaw: `${figure}: ${found.flaw}` };
  const limit = readLimit(value, found.unit);
  if (limit === undefined) return { flaw: `${figure}: expected ${LIMITS[found.unit].expected}, got "${value}"` };
  return { expectation: { expression: text.trim(), path, comparison: comparison as Comparison, limit } };
}

/** Holds the expectation against a result. A figure that is not there makes it null: neither kept nor broken. */
export function judge(
  { expression, path, comparison, limit }: Expectation,
  result: Partial<Result>,
): ExpectationResult {
  const actual = figureAt(result, path);
  return actual === undefined
    ? { expression, actual: null, ok: null }
    : { expression, actual, ok: COMPARE[comparison](actual, limit) };
}

function figureAt(result: object, path: readonly string[]): number | undefined {
  let value: unknown = result;
  for (const key of path)
    value =
      value !== null && typeof value === 'object' && Object.hasOwn(value, key)
        ? (value as Record<string, unknown>)[key]
        : undefined;
  return typeof value === 'number' ? value : undefined;
}

type Unit = 'count' | 'seconds' | 'bytes' | 'bytes/s';

const LIMITS: Record<Unit, { expected: string; read: (value: string) => number | undefined }> = {
  count: { expected: 'a number', read: (value) => (/^\d+(\.\d+)?$/.test(value) ? Number(value) : undefined) },
  seconds: {
    expected: 'a duration with its unit, such as 500ms or 2s',
    read: (value) => scaleBy(parseDurationMs(value), 1 / 1000),
  },
  bytes: { expected: 'a size such as 10MiB', read: parseSizeBytes },
  'bytes/s': {
    expected: 'a rate such as 10MB/s',
    read: (value) => (value.endsWith('/s') ? parseSizeBytes(value.slice(0, -2)) : undefined),
  },
};

function readLimit(value: string, unit: Unit): number | undefined {
  return LIMITS[unit].read(value);
}

function scaleBy(value: number | undefined, factor: number): number | undefined {
  return value === undefined ? undefined : value * factor;
}

interface FigureSchema {
  type?: string;
  unit?: Unit;
  properties?: Record<string, FigureSchema>;
  additionalProperties?: FigureSchema;
}

const FIGURES = z.toJSONSchema(resultSchema) as unknown as FigureSchema;

function figureUnit(path: readonly string[], verbs: ReadonlySet<string>): { unit: Unit } | { flaw: string } {
  let schema = FIGURES;
  for (const [depth, key] of path.entries()) {
    const next =
      schema.properties?.[key] ??
      (path[0] === 'operations' && depth === 1 && verbs.has(key) ? schema.additionalProperties : undefined) ??
      (path[0] === 'failures' && depth === 1 ? schema.additionalProperties : undefined);
    if (!next) return { flaw: unknownKey(path, depth, schema, verbs) };
    schema = next;
  }
  if (schema.type === 'number' || schema.type === 'integer') return { unit: schema.unit ?? 'count' };
  const inner = Object.keys(schema.properties ?? {});
  return { flaw: inner.length > 0 ? `expected a figure in it: ${inner.join(', ')}` : 'this is not a number' };
}

function unknownKey(path: readonly string[], depth: number, schema: FigureSchema, verbs: ReadonlySet<string>): string {
  const key = path[depth] as string;
  if (path[0] === 'operations' && depth === 1)
    return `no step of this scenario is "${key}".${suggestion(key, [...verbs])}`;
  const numeric = Object.entries(schema.properties ?? {}).filter(
    ([, inner]) =>
      inner.properties || inner.additionalProperties || inner.type === 'number' || inner.type === 'integer',
  );
  return `there is no figure "${key}".${suggestion(
    key,
    numeric.map(([name]) => name),
  )}`;
}
