import { execFile } from 'node:child_process';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { requestJson } from './json-http.ts';

/** A server of JSON that counts what comes; as a proxy it would get whole URLs. */
async function counting(name: string): Promise<{ url: string; asked: string[] }> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url ?? '');
    response.end(JSON.stringify({ from: name }));
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}

test('a request goes where its URL says, and to no proxy of the environment', async () => {
  const [directory, proxy] = [await counting('directory'), await counting('proxy')];
  // Node reads these when it starts.
  const env = {
    ...{ NODE_USE_ENV_PROXY: '1', HTTP_PROXY: proxy.url, http_proxy: proxy.url, NO_PROXY: '', no_proxy: '' },
  };
  const run = async (script: string) => {
    const args = ['--input-type=module', '--eval', script];
    const { stdout } = await promisify(execFile)(process.execPath, args, { env, timeout: 30_000 });
    return JSON.parse(stdout);
  };
  const module = JSON.stringify(path.join(import.meta.dirname, 'json-http.ts'));
  const asked = `const { requestJson } = await import(${module});
    const { body } = await requestJson({ method: 'GET', url: '${directory.url}/a', timeoutMs: 10_000 });
    console.log(JSON.stringify(body)); process.exit(0);`;
  expect(await run(asked)).toEqual({ from: 'directory' });
  expect({ proxy: proxy.asked, directory: directory.asked }).toEqual({ proxy: [], directory: ['/a'] });
  // In the same environment Node's own agent asks the proxy: the test would notice.
  const byNode = `import http from 'node:http';
    http.get('${directory.url}/b', (answer) => answer.pipe(process.stdout));`;
  expect(await run(byNode)).toEqual({ from: 'proxy' });
  expect(directory.asked).toEqual(['/a']);
});

test('a question on a kept connection that the other end has closed is asked once more, and what changes something is not', async () => {
  let heard = 0;
  let dies = false;
  const server = createServer((request, response) => {
    heard++;
    if (dies) request.socket.resetAndDestroy();
    else response.end('{}');
    // The next connection finds one that lives.
    dies = false;
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const ask = (method: 'GET' | 'POST') => requestJson({ method, url, timeoutMs: 10_000 }).then(({ status }) => status);
  expect(await ask('GET')).toBe(200);
  dies = true;
  expect(await ask('GET')).toBe(200);
  expect(heard).toBe(3);
  // It was asked on a new connection; this one is kept.
  expect(await ask('GET')).toBe(200);
  dies = true;
  await expect(ask('POST')).rejects.toThrow(/ECONNRESET|hang up/);
  expect(heard).toBe(5);
  // On a new connection nobody had closed it: it is as it is.
  dies = true;
  await expect(ask('GET')).rejects.toThrow(/ECONNRESET|hang up/);
});
