import { expect, it } from 'vitest';
import { DIRECTORY, type Endpoint, queryText } from '#proto/directory-api.ts';
import { TestDirectory } from './testing/test-directory.ts';

it('the examples of the API are what a directory answers', async () => {
  await using directory = await TestDirectory.start();
  let token: string | undefined;
  for (const [name, { path, methods, response, example }] of Object.entries<Endpoint>(DIRECTORY)) {
    const [method] = methods as ['GET' | 'POST' | 'PUT'];
    const found =
      method === 'GET'
        ? await directory.ask(`${path}?${queryText(example.request)}`, { method, token })
        : await directory.ask(path, { method, token, body: example.request });
    const answer = example.response;
    expect(found.status, `${name}: ${found.text}`).toBe(200);
    expect(response.safeParse(answer).success, `the example of ${name} keeps the schema`).toBe(true);
    token ??= found.json.token;
    const secrets = Object.keys(answer).filter((key) => ['token', 'ticket', 'ticketKey'].includes(key));
    for (const key of secrets) expect(found.json[key], `${name}, ${key}`).toEqual(expect.any(String));
    const masked = Object.fromEntries(secrets.map((key) => [key, '']));
    expect({ ...found.json, ...masked }, name).toEqual({ ...answer, ...masked });
  }
});

it('openapi.json is OpenAPI 3.1 of every endpoint, made of the schemas, without a token', async () => {
  await using directory = await TestDirectory.start();
  const { json, headers } = await directory.ask('/openapi.json');
  expect(headers['content-type']).toMatch(/^application\/json/);
  expect(json.openapi).toBe('3.1.0');
  for (const { path, methods, token } of Object.values(DIRECTORY)) {
    for (const method of methods) {
      const operation = json.paths[path][method.toLowerCase()];
      expect(operation.security, path).toEqual(token ? [{ token: [] }] : undefined);
      expect(Object.keys(operation.responses)).toEqual(expect.arrayContaining(['200', '400']));
    }
  }
  const login = json.paths['/login'].post.requestBody.content['application/json'].schema;
  expect(login.required).toEqual(['user', 'password', 'ip', 'port', 'files']);
  expect(json.paths['/search'].get.parameters.map(({ name }: { name: string }) => name)).toContain('prefix');
  const ids = Object.values(json.paths).flatMap((item) =>
    Object.values(item as object).map(({ operationId }) => operationId),
  );
  expect(new Set(ids).size).toBe(ids.length);
  const references = JSON.stringify(json).match(/"\$ref":"[^"]+"/g) ?? [];
  expect(new Set(references)).toEqual(new Set(['"$ref":"#/components/schemas/Error"']));
});

it('the page for people names every endpoint and loads nothing', async () => {
  await using directory = await TestDirectory.start();
  const { status, text, headers } = await directory.ask('/docs');
  expect(status).toBe(200);
  expect(headers['content-type']).toMatch(/^text\/html/);
  expect(headers['content-security-policy']).toContain("default-src 'none'");
  for (const { path } of Object.values(DIRECTORY)) expect(text).toContain(`<code>${path}</code>`);
  expect(text).toContain('<td>password</td><td>required</td><td>string, 1 to 1024 characters</td>');
  expect(text).toContain('<td>ip</td><td>required</td><td>ipv4 or ipv6</td>');
  expect(text).toContain('<td>limit</td><td></td><td>integer, 1 to 1000, 100 when left out</td>');
  expect(text).toContain('<td>sha256</td><td></td><td>string, ^[0-9a-f]{64}$</td>');
  expect(text).not.toMatch(/<script|<link|<img|src=|@import|https?:\/\/(?!127)/);
});
