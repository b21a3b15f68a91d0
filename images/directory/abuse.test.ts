import { once } from 'node:events';
import { request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { json } from 'node:stream/consumers';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { DirectoryProcess } from './testing/directory-process.ts';
import { TestDirectory } from './testing/test-directory.ts';

// Whatever is thrown at it: an error of the registry, /healthz in less than a second, and bounded memory.

let directory: TestDirectory;
const sockets: Socket[] = [];
beforeEach(async () => {
  directory = await TestDirectory.start({ maxBodyBytes: 1024 * 1024, maxFiles: 1000 });
});
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await directory[Symbol.asyncDispose]();
});

function dial(text: string): Promise<Socket> {
  const { promise, resolve, reject } = Promise.withResolvers<Socket>();
  const socket = connect(directory.port, '127.0.0.1', () => {
    socket.write(text, () => resolve(socket));
  });
  socket.on('error', reject);
  sockets.push(socket);
  return promise;
}

/** All that the other side says until it closes. */
async function heard(socket: Socket): Promise<string> {
  let text = '';
  for await (const part of socket) text += part;
  return text;
}

async function expectHealthy(): Promise<void> {
  const startedAt = performance.now();
  expect((await directory.ask('/healthz')).status).toBe(200);
  expect(performance.now() - startedAt).toBeLessThan(1000);
}

it('500 sockets that send a byte and wait', async () => {
  await Promise.all(Array.from({ length: 500 }, () => dial('GET /index HTTP/1.1\r\nHost: x\r\nX-')));
  await expectHealthy();
});

it('headers of 17 KiB', async () => {
  const answer = await heard(
    await dial(`GET /healthz HTTP/1.1\r\nHost: x\r\nX-Long: ${'x'.repeat(17 * 1024)}\r\n\r\n`),
  );
  expect(answer).toMatch(/^HTTP\/1\.1 431 /);
  expect(JSON.parse(answer.split('\r\n\r\n')[1] ?? '')).toMatchObject({ error: { code: 'headers-too-large' } });
  await expectHealthy();
});

it('what is no HTTP', async () => {
  const answer = await heard(await dial('\x16\x03\x01 hello\r\n\r\n'));
  expect(answer).toMatch(/^HTTP\/1\.1 400 /);
  expect(answer).toContain('"bad-request"');
});

it('a body that is announced too large is refused before it comes', async () => {
  const answer = await heard(await dial('POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n{'));
  expect(answer).toMatch(/^HTTP\/1\.1 413 /);
  expect(answer).toContain('"body-too-large"');
});

it('a body without an end is refused at the first byte too many, and cut off', async () => {
  const socket = await dial('POST /login HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n');
  const chunk = `10000\r\n${'x'.repeat(0x10000)}\r\n`;
  const sending = setInterval(() => {
    if (socket.writable && socket.writableLength < 1024 * 1024) for (let i = 0; i < 8; i++) socket.write(chunk);
  }, 1);
  let answer = '';
  const ended = new Promise((resolve) => socket.on('close', resolve).on('error', () => {}));
  socket.on('data', (part) => {
    answer += part;
  });
  await ended;
  clearInterval(sending);
  expect(answer).toMatch(/^HTTP\/1\.1 413 /);
  await expectHealthy();
});

it('nobody without a token gets a byte of a body read', async () => {
  const head = 'PUT /loadfiles HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\nConnection: close\r\n\r\n';
  const answer = await heard(await dial(head));
  expect(answer).toMatch(/^HTTP\/1\.1 401 /);
});

it('large bodies that never end keep no peer from its heartbeat, and are cut off', { timeout: 20_000 }, async () => {
  const token = (await directory.login('ann', 7001)).json.token as string;
  const stalled = [0, 1].map(async () => {
    const socket = await dial(`POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: ${1024 * 1024}\r\n\r\n`);
    socket.write(' '.repeat(1024 * 1024 - 8));
    return heard(socket);
  });
  const cutOff = Promise.all(stalled);
  // Large ones of strangers find no room any more.
  const large = ' '.repeat(100_000);
  await expect
    .poll(async () => (await directory.ask('/login', { method: 'POST', body: large })).code, { interval: 20 })
    .toBe('busy');
  const files = Array.from({ length: 1000 }, (_, i) => ({ name: `${i}`, size: 1, sha256: 'a'.repeat(64) }));
  expect(await directory.ask('/heartbeat', { method: 'POST', token, body: { load: { serving: 1 } } })).toMatchObject({
    status: 200,
  });
  expect(await directory.ask('/loadfiles', { method: 'PUT', token, body: { files } })).toMatchObject({ status: 200 });
  expect(await directory.login('bob', 7002)).toMatchObject({ status: 200 });
  for (const answer of await cutOff) expect(answer).toMatch(/^HTTP\/1\.1 408 .*"too-slow"/s);
});

it('a million chunks of a byte take no more memory than their bytes', { timeout: 60_000 }, async () => {
  await using real = await DirectoryProcess.start({});
  const socket = connect(Number(new URL(real.url).port), '127.0.0.1');
  sockets.push(socket);
  const before = real.rssBytes();
  socket.write('POST /login HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n');
  const chunks = Buffer.from('1\r\n \r\n'.repeat(10_000));
  for (let i = 0; i < 100; i++) if (!socket.write(chunks)) await once(socket, 'drain');
  const answer = heard(socket);
  socket.write('0\r\n\r\n');
  socket.end();
  expect(await answer).toContain('"bad-request"');
  expect((real.rssBytes() - before) / 1e6).toBeLessThan(150);
});

it('a URL that nobody can read', async () => {
  const answer = await heard(await dial('GET http://[/search HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'));
  expect(answer).toMatch(/^HTTP\/1\.1 400 .*"bad-request"/s);
});

it('a compressed body is not unpacked', async () => {
  const headers = { 'content-encoding': 'gzip' };
  expect(await directory.ask('/login', { method: 'POST', body: Buffer.alloc(100), headers })).toMatchObject({
    code: 'bad-request',
  });
});

it('limits on nesting and on files have codes of their own', async () => {
  const deep = `{"files":${'['.repeat(45_000)}${']'.repeat(45_000)}}`;
  expect(await directory.ask('/login', { method: 'POST', body: deep })).toMatchObject({
    status: 400,
    code: 'too-deep',
  });
  // Brackets inside of text are no nesting.
  const text = JSON.stringify({ user: `${'['.repeat(100)}\\"${'{'.repeat(100)}` });
  expect(await directory.ask('/login', { method: 'POST', body: text })).toMatchObject({ code: 'bad-request' });
  const files = Array.from({ length: 1001 }, (_, i) => ({ name: `${i}`, size: 1, sha256: 'a'.repeat(64) }));
  expect(await directory.login('ann', 7001, files)).toMatchObject({ status: 413, code: 'too-many-files' });
  expect(await directory.login('ann', 7001, files.slice(1))).toMatchObject({ status: 200 });
});

it('a flood of large bodies: health within a second, memory bounded', { timeout: 60_000 }, async () => {
  await using real = await DirectoryProcess.start({});
  await using idle = await DirectoryProcess.start({});
  // Made once, as bytes: the test itself must not be what is slow.
  const body = Buffer.from(JSON.stringify({ user: 'ann', password: 'x', files: 'x'.repeat(16_000_000) }));
  const before = real.rssBytes();
  const flood = Promise.all(Array.from({ length: 12 }, () => codeOf(`${real.url}/login`, body)));
  let slowestMs = 0;
  let slowestIdleMs = 0;
  let mostBytes = 0;
  let over = false;
  void flood.then(() => {
    over = true;
  });
  while (!over) {
    slowestMs = Math.max(slowestMs, await healthMs(real.url));
    slowestIdleMs = Math.max(slowestIdleMs, await healthMs(idle.url));
    mostBytes = Math.max(mostBytes, real.rssBytes());
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const codes = await flood;
  const expected = ['bad-request', 'busy', 'cut off'];
  expect(
    codes.filter((code) => !expected.includes(code)),
    `${codes}`,
  ).toEqual([]);
  // What a directory that nobody troubles takes too is the machine's doing.
  expect(slowestMs - slowestIdleMs).toBeLessThan(1000);
  // 12 of them at one time would be 192 MB, as much again as text, and as much again when parsed.
  expect((mostBytes - before) / 1e6).toBeLessThan(400);
});

function codeOf(url: string, body: Buffer): Promise<string> {
  return new Promise((resolve) => {
    request(url, { method: 'POST', agent: false }, async (response) => {
      const answer = (await json(response).catch(() => ({}))) as { error?: { code: string } };
      resolve(answer.error?.code ?? 'cut off');
    })
      .on('error', () => resolve('cut off'))
      .end(body);
  });
}

async function healthMs(url: string): Promise<number> {
  const startedAt = performance.now();
  expect((await fetch(`${url}/healthz`)).status).toBe(200);
  return performance.now() - startedAt;
}
