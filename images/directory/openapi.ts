import { z } from 'zod';
import { DIRECTORY, type Endpoint, type EndpointName, errorResponse } from '#proto/directory-api.ts';
import { ERRORS, type ErrorCode } from '#proto/errors.ts';

/** One request of an endpoint and its answer, as they are; the tests make them. Tokens and tickets differ each time. */
interface Example {
  readonly query?: Record<string, string>;
  readonly body?: unknown;
  readonly answer: object;
}

const SHA256 = '5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03';
const hello = { name: 'hello.txt', size: 6, sha256: SHA256 };
const ann = { user: 'ann', ip: '127.0.0.1', port: 7001 };
const TICKET = {
  ticket: 'eyJhbGciOiJFZERTQSIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhbm4ifQ.c2lnbmF0dXJl',
  ticketKey: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo',
};

/** In an order in which they can be made one after another. */
export const EXAMPLES: Record<EndpointName, Example> = {
  login: {
    body: { ...ann, password: 'correct horse', files: [hello] },
    answer: { token: 'YGlkiXlGDydiEaMUDAeeDeG4wblHNXI5iaPeBnsIBlA', leaseSeconds: 30, ...TICKET },
  },
  index: { query: { limit: '100' }, answer: { peers: [{ ...ann, files: [hello] }] } },
  search: { query: { name: 'hello.*' }, answer: { results: [{ ...hello, peers: [{ ...ann, name: 'hello.txt' }] }] } },
  loadfiles: { body: { files: [] }, answer: { files: 0 } },
  heartbeat: { body: { load: { serving: 1, capacity: 256 } }, answer: { leaseSeconds: 30, ...TICKET } },
  logout: { body: {}, answer: {} },
};

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
      Object.entries<Endpoint>(DIRECTORY).map(([name, endpoint]) => [
        endpoint.path,
        pathItem(endpoint, name as EndpointName),
      ]),
    ),
    components: {
      securitySchemes: { token: { type: 'http', scheme: 'bearer', description: 'The token that /login gave.' } },
      schemas: { Error: schemaOf(errorResponse) },
    },
  };
}

function pathItem(endpoint: Endpoint, name: EndpointName): object {
  return Object.fromEntries(
    endpoint.methods.map((method) => [method.toLowerCase(), operation(endpoint, name, method)]),
  );
}

function operation(endpoint: Endpoint, name: EndpointName, method: string): object {
  const { query, body = query, response, does, token, methods } = endpoint;
  const example = EXAMPLES[name];
  const takesQuery = method === 'GET' && query !== undefined;
  return {
    operationId: methods[0] === method ? name : `${name}By${method}`,
    summary: does,
    ...(token && { security: [{ token: [] }] }),
    ...(takesQuery && { parameters: parametersOf(query, example.query ?? {}) }),
    ...(!takesQuery &&
      body && {
        requestBody: {
          required: !body.safeParse({}).success,
          content: { 'application/json': { schema: schemaOf(body), example: example.body ?? example.query } },
        },
      }),
    responses: {
      200: {
        description: 'Done.',
        content: { 'application/json': { schema: schemaOf(response, 'output'), example: example.answer } },
      },
      ...errorAnswers([...ANYWHERE, ...(token ? (['unauthorized'] as const) : []), ...endpoint.errors]),
    },
  };
}

function parametersOf(query: z.ZodType, example: Record<string, string>): object[] {
  const { properties = {}, required = [] } = schemaOf(query) as {
    properties?: Record<string, object>;
    required?: string[];
  };
  return Object.entries(properties).map(([name, schema]) => ({
    ...{ name, in: 'query', required: required.includes(name) && !Object.hasOwn(schema, 'default'), schema },
    ...(Object.hasOwn(example, name) && { example: example[name] }),
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
export function inputsOf({ query, body = query }: Endpoint): [name: string, need: string, kind: string][] {
  if (!body) return [];
  const { properties = {}, required = [] } = schemaOf(body) as {
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
