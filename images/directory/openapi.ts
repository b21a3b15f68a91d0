import { z } from 'zod';
import { DIRECTORY, type Endpoint, errorResponse } from '#proto/directory-api.ts';
import { ERRORS, type ErrorCode } from '#proto/errors.ts';

/** What every endpoint may answer, whatever it is for. */
const ANYWHERE: readonly ErrorCode[] = ['bad-request', 'headers-too-large', 'too-slow', 'internal'];

/** The API as OpenAPI 3.1, made of the schemas that requests are checked with. */
export function openApi(): object {
  return {
    openapi: '3.1.0',
    info: {
      title: 'PeerLab directory',
      version: '1',
      description: 'Knows which peer is online and which files each one shares. All bodies are JSON.',
    },
    paths: Object.fromEntries(
      Object.entries<Endpoint>(DIRECTORY).map(([name, endpoint]) => [endpoint.path, pathItem(endpoint, name)]),
    ),
    components: {
      securitySchemes: { token: { type: 'http', scheme: 'bearer', description: 'The token that /login gave.' } },
      schemas: { Error: schemaOf(errorResponse) },
    },
  };
}

function pathItem(endpoint: Endpoint, name: string): object {
  return Object.fromEntries(
    endpoint.methods.map((method) => [method.toLowerCase(), operation(endpoint, name, method)]),
  );
}

function operation(endpoint: Endpoint, name: string, method: string): object {
  const { request, response, does, token, methods, example } = endpoint;
  return {
    operationId: methods[0] === method ? name : `${name}By${method}`,
    summary: does,
    ...(token && { security: [{ token: [] }] }),
    ...(method === 'GET'
      ? { parameters: parametersOf(request, example.request) }
      : {
          requestBody: {
            required: !request.safeParse({}).success,
            content: { 'application/json': { schema: schemaOf(request), example: example.request } },
          },
        }),
    responses: {
      200: {
        description: 'Done.',
        content: { 'application/json': { schema: schemaOf(response, 'output'), example: example.response } },
      },
      ...errorAnswers([...ANYWHERE, ...(token ? (['unauthorized'] as const) : []), ...endpoint.errors]),
    },
  };
}

function parametersOf(request: z.ZodType, example: object): object[] {
  const { properties = {}, required = [] } = schemaOf(request) as {
    properties?: Record<string, object>;
    required?: string[];
  };
  return Object.entries(properties).map(([name, schema]) => ({
    ...{ name, in: 'query', required: required.includes(name) && !Object.hasOwn(schema, 'default'), schema },
    ...(Object.hasOwn(example, name) && { example: (example as Record<string, unknown>)[name] }),
  }));
}

interface Property {
  readonly anyOf?: readonly Property[];
  readonly type?: string;
  readonly pattern?: string;
  readonly format?: string;
  readonly default?: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly maxItems?: number;
}

/** What can be sent to an endpoint, for people: the field, whether it must be there, and what it may be. */
export function inputsOf({ request }: Endpoint): [name: string, need: string, kind: string][] {
  const { properties = {}, required = [] } = schemaOf(request) as {
    properties?: Record<string, Property>;
    required?: string[];
  };
  return Object.entries(properties).map(([name, property]) => {
    const isNeeded = required.includes(name) && property.default === undefined;
    return [name, isNeeded ? 'required' : '', kindOf(property)];
  });
}

function kindOf({ anyOf = [], type, format, pattern, ...property }: Property): string {
  if (anyOf.length > 0) return anyOf.map(kindOf).join(' or ');
  const least = property.minimum ?? property.minLength ?? 0;
  const most = property.maximum ?? property.maxLength ?? property.maxItems ?? Number.MAX_SAFE_INTEGER;
  const unit = type === 'string' ? ' characters' : type === 'array' ? ' items' : '';
  return [
    format ?? type,
    ...(format === undefined && most < Number.MAX_SAFE_INTEGER ? [`${least} to ${most}${unit}`] : []),
    ...(format === undefined && pattern !== undefined ? [pattern] : []),
    ...(property.default === undefined ? [] : [`${JSON.stringify(property.default)} when left out`]),
  ].join(', ');
}

/** One answer for each status, with the codes that it stands for. */
function errorAnswers(codes: readonly ErrorCode[]): Record<string, object> {
  const answers: Record<string, object> = {};
  for (const status of new Set(codes.map((code) => ERRORS[code].http))) {
    const meant = codes.filter((code) => ERRORS[code].http === status);
    answers[status] = {
      description: meant.map((code) => `\`${code}\`: ${ERRORS[code].meaning}`).join('; '),
      content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } },
    };
  }
  return answers;
}

function schemaOf(schema: z.ZodType, io: 'input' | 'output' = 'input'): object {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: 'any' });
  return rest;
}
