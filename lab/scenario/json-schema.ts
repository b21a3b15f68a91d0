import { z } from 'zod';
import { STEP_LIST } from '../steps/step.ts';
import { STEPS } from '../steps/table.ts';
import { scenarioFrame } from './schema.ts';

type Json = Record<string, unknown>;

/** In an editor, a number may also be a variable that stands for one. */
const VARIABLE = { type: 'string', pattern: '\\$\\{[a-zA-Z]\\w*\\}' };
const STEP = { $ref: '#/$defs/step' };

/** JSON Schema of scenario files, for editors: completion, and mistakes as they are typed. */
export function scenarioJsonSchema(): Json {
  const frame = readable(z.toJSONSchema(scenarioFrame, { io: 'input', unrepresentable: 'any' })) as Json & {
    properties: Record<string, Json>;
  };
  frame.properties.steps = { ...frame.properties.steps, items: STEP };
  const steps = [...STEPS.values()].map(({ verb, summary, schema, shorthand }) => {
    const spec = readable(z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }));
    delete spec.$schema;
    const value = shorthand ? { anyOf: [{ type: 'string' }, spec] } : spec;
    return {
      type: 'object',
      description: summary,
      properties: { [verb]: value },
      required: [verb],
      additionalProperties: false,
    };
  });
  return { ...frame, title: 'PeerLab scenario', $defs: { step: { oneOf: steps } } };
}

function readable(schema: unknown): Json {
  return walk(schema) as Json;
}

function walk(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(walk);
  if (node === null || typeof node !== 'object') return node;
  const inner = Object.fromEntries(Object.entries(node).map(([key, value]) => [key, walk(value)])) as Json;
  if (inner.description === STEP_LIST) return { ...inner, items: STEP };
  if (inner.type === 'integer' || inner.type === 'number' || inner.type === 'boolean')
    return {
      anyOf: [inner, VARIABLE],
      ...(inner.description ? { description: inner.description } : {}),
      ...('default' in inner ? { default: inner.default } : {}),
    };
  return inner;
}
