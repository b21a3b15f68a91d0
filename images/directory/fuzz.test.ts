import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { DIRECTORY, type Endpoint, errorResponse } from '#proto/directory-api.ts';
import { isErrorCode } from '#proto/errors.ts';
import { TestDirectory } from './testing/test-directory.ts';

// Requests made from each endpoint's own schema, and then broken: whatever comes, the answer is one of the API's.

interface JsonSchema {
  readonly type?: string;
  readonly properties?: Record<string, JsonSchema>;
  readonly items?: JsonSchema;
  readonly anyOf?: JsonSchema[];
  readonly pattern?: string;
  readonly format?: string;
  readonly minimum?: number;
  readonly maximum?: number;
}

const JUNK = fc.oneof(
  fc.constantFrom(
    null,
    true,
    '',
    0,
    -1,
    1.5,
    2 ** 53,
    [],
    {},
    [[]],
    '../x',
    '/etc/passwd',
    'a\0',
    '\u202e',
    '*',
    '\ud800',
  ),
  fc.constantFrom({ __proto__: null, constructor: { prototype: {} } }, 'x'.repeat(300), '127.0.0.1', '%2e%2e%2f'),
  fc.jsonValue({ maxDepth: 3 }),
  fc.string({ unit: 'binary', maxLength: 40 }),
);

/** Values that mostly keep the schema: what is checked behind it is reached too. */
function valuesOf(schema: JsonSchema): fc.Arbitrary<unknown> {
  if (schema.anyOf) return fc.oneof(...schema.anyOf.map(valuesOf));
  switch (schema.type) {
    case 'object':
      return fc.record(
        Object.fromEntries(Object.entries(schema.properties ?? {}).map(([key, one]) => [key, broken(one)])),
        { requiredKeys: [] },
      );
    case 'array':
      return fc.array(valuesOf(schema.items ?? {}), { maxLength: 4 });
    case 'integer':
    case 'number':
      return fc.integer({
        min: Math.max(schema.minimum ?? 0, 0),
        max: Math.min(schema.maximum ?? 100_000, 2 ** 31 - 1),
      });
    case 'string':
      if (schema.format === 'ipv4') return fc.constantFrom('127.0.0.1', '10.0.0.1');
      if (schema.format === 'ipv6') return fc.constantFrom('::1', '::ffff:127.0.0.1');
      return schema.pattern?.includes('{64}')
        ? fc.constantFrom('a'.repeat(64), 'b'.repeat(64))
        : fc.constantFrom('ann', 'a.txt', 'a*');
    default:
      return JUNK;
  }
}

const broken = (schema: JsonSchema) =>
  fc.oneof({ weight: 9, arbitrary: valuesOf(schema) }, { weight: 1, arbitrary: JUNK });
const schemaOf = (schema: z.ZodType) => z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as JsonSchema;

let directory: TestDirectory;
let token: string;
beforeAll(async () => {
  directory = await TestDirectory.start({ maxFiles: 1000 });
  return () => directory[Symbol.asyncDispose]();
});

async function expectAnswer(endpoint: Endpoint, method: string, url: string, body: unknown): Promise<void> {
  token = (await directory.login('fuzz', 7999)).token;
  const answer = await directory.ask(url, { method, token, ...(body !== undefined && { body }) });
  const about = `${method} ${url} ${typeof body === 'string' ? body : JSON.stringify(body)}: ${answer.text}`;
  expect(answer.status, about).toBeLessThan(500);
  expect(answer.text, about).not.toMatch(/node_modules|\.ts:|\n\s+at |\/work\//);
  if (answer.status === 200) expect(endpoint.response.safeParse(answer.json).success, about).toBe(true);
  else expect(isErrorCode(errorResponse.parse(answer.json).error.code), about).toBe(true);
}

describe('requests made from the schemas', () => {
  for (const [name, endpoint] of Object.entries<Endpoint>(DIRECTORY)) {
    for (const method of endpoint.methods) {
      it(`${method} /${name}`, async () => {
        const { request, path } = endpoint;
        const inQuery = method === 'GET';
        const value = inQuery ? queriesOf(schemaOf(request)) : broken(schemaOf(request));
        await fc.assert(
          fc.asyncProperty(value, async (made) => {
            if (inQuery) await expectAnswer(endpoint, method, `${path}?${made}`, undefined);
            else await expectAnswer(endpoint, method, path, made);
          }),
          { numRuns: 150 },
        );
      });
    }
  }

  it('bytes that are no JSON, to every endpoint', async () => {
    const endpoints = Object.values<Endpoint>(DIRECTORY);
    const target = fc
      .constantFrom(...endpoints)
      .chain((endpoint) =>
        fc.record({ endpoint: fc.constant(endpoint), method: fc.constantFrom(...endpoint.methods) }),
      );
    await fc.assert(
      fc.asyncProperty(target, fc.uint8Array({ maxLength: 200 }), async ({ endpoint, method }, bytes) => {
        await expectAnswer(endpoint, method, endpoint.path, Buffer.from(bytes));
      }),
      { numRuns: 200 },
    );
  });
});

/** Query texts: right ones, repeated ones, ones with brackets, and what can't be decoded. */
function queriesOf(schema: JsonSchema): fc.Arbitrary<string> {
  const keys = Object.keys(schema.properties ?? {});
  const pair = fc.tuple(fc.constantFrom(...keys, '__proto__', 'x'), broken({ type: 'string' })).map(([key, value]) => {
    const text = typeof value === 'string' ? value.toWellFormed() : JSON.stringify(value);
    return `${key}=${encodeURIComponent(text)}`;
  });
  const odd = fc.constantFrom(
    'name=%E0%A4%A',
    'name[]=a',
    'name[x]=a',
    'limit=1e3',
    'cursor=YQ',
    '&&&',
    'name=a&name=b',
  );
  return fc
    .array(fc.oneof({ weight: 4, arbitrary: pair }, { weight: 1, arbitrary: odd }), { maxLength: 4 })
    .map((parts) => parts.join('&'));
}
