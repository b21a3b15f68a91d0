import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { callControl } from './instance-http.ts';

async function ask(answer: RequestListener, timeoutMs = 5000, verb: 'loadfiles' | 'download' = 'loadfiles') {
  const server = createServer(answer).listen(0, '127.0.0.1');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  await new Promise((resolve) => server.once('listening', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const { signal } = new AbortController();
  const request = { name: 'a' };
  const said = await callControl({ url, token: 't', verb, request, timeoutMs, signal });
  return 'failure' in said ? said.failure : said;
}

const says =
  (status: number, type: string, body: string): RequestListener =>
  (_, response) =>
    void response.writeHead(status, { 'content-type': type }).end(body);

describe('a call that failed is told as what happened', () => {
  test.each([
    ['a plain 404', says(404, 'text/plain', 'Not Found')],
    ['an empty 501', says(501, 'text/plain', '')],
    ['a 405 of a framework', says(405, 'application/json', '{"detail":"Method Not Allowed"}')],
    [
      "a 404 of one of PeerLab's servers",
      says(404, 'application/json', '{"error":{"code":"no-such-route","message":"x"}}'),
    ],
  ])('%s: the peer does not have the verb, and nothing was done', async (_, answer) => {
    expect(await ask(answer)).toMatchObject({
      code: 'not-supported',
      definite: true,
      message: expect.stringContaining('loadfiles'),
    });
  });

  test('a 404 with a code of its own is a refusal', async () => {
    const body = '{"error":{"code":"file-not-found","message":"no such file"}}';
    expect(await ask(says(404, 'application/json', body))).toMatchObject({
      code: 'file-not-found',
      message: 'no such file',
    });
  });

  test.each(['"bytes": -1', '"size": -1', '"seconds": -5', '"firstByteSeconds": -1'])(
    'a transfer with %s is a bad answer of the peer, not trouble of the lab',
    async (figure) => {
      const [name = ''] = figure.split(':');
      const answer = { outcome: 'ok', name: 'a', size: 1, sha256: 'a'.repeat(64), bytes: 1, sources: [], seconds: 1 };
      const rest = JSON.stringify({ ...answer, [JSON.parse(name)]: undefined }).slice(1);
      expect(await ask(says(200, 'application/json', `{${figure},${rest}`), 5000, 'download')).toMatchObject({
        code: 'bad-answer',
      });
    },
  );

  test('a page of a crashed handler: its status and beginning', async () => {
    const page = `<!doctype html><title>500</title>\u001b[2J${'x'.repeat(1000)}`;
    const { code, message } = (await ask(says(500, 'text/html', page))) as { code: string; message: string };
    expect(code).toBe('bad-answer');
    expect(message).toContain('status 500 and text/html "<!doctype html><title>500</title>\\u{1b}[2Jxxx');
    expect(message.length).toBeLessThan(400);
  });

  test('a connection that ends: not "in time", but how it ended', async () => {
    const hungUp = await ask((request) => request.socket.destroy());
    expect(hungUp).toMatchObject({
      code: 'connection-lost',
      definite: false,
      message: expect.stringContaining('socket hang up'),
    });
    const reset = await ask((request) => request.socket.resetAndDestroy());
    expect(reset).toMatchObject({ code: 'connection-lost', message: expect.stringContaining('ECONNRESET') });
  });

  test('silence is no answer in time', async () => {
    expect(await ask(() => {}, 100)).toMatchObject({
      code: 'no-answer',
      message: expect.stringContaining('within 0.1 s'),
    });
  });

  test('no JSON with status 200', async () => {
    expect(await ask(says(200, 'text/plain', 'done'))).toMatchObject({
      code: 'bad-answer',
      message: expect.stringContaining('status 200 and text/plain "done"'),
    });
  });
});
