import { type ChildProcess, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import http from 'node:http';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import path from 'node:path';
import { type Duplex, Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, onTestFinished, test } from 'vitest';
import { inPool } from '../../limit.ts';
import { FreePorts } from '../../machine/ports.ts';
import { Tunnel } from './tunnel.ts';

const GATEWAY = path.join(import.meta.dirname, 'in-cluster', 'gateway.ts');
const MIB = 1024 * 1024;
const children: ChildProcess[] = [];
const ports = new FreePorts();

afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

/** A gateway as a process, and a tunnel to it by plain connections, of which the last can be cut. */
async function tunnel({ token = 'right', steadyPort = 0, silentAfterMs = 60_000, isRelayed = false } = {}) {
  const port = await ports.take();
  const reached = isRelayed ? await relayTo(port) : port;
  const child = spawn(process.execPath, [GATEWAY, String(port)], {
    env: { PATH: process.env.PATH, PEERLAB_GATEWAY_TOKEN: 'right' },
    stdio: 'inherit',
  });
  children.push(child);
  const connections: Duplex[] = [];
  const end = new AbortController();
  let broken = 0;
  onTestFinished(() => end.abort());
  const made = await Tunnel.open({
    token,
    steadyPorts: [steadyPort],
    silentAfterMs,
    signal: end.signal,
    broke: () => broken++,
    async connect() {
      const socket = connect(reached, '127.0.0.1');
      await once(socket, 'connect');
      connections.push(socket);
      return socket;
    },
  });
  return { made, connections, broken: () => broken };
}

/** Both ends of every connection through a relay. */
const relayed: Socket[] = [];

async function relayTo(port: number): Promise<number> {
  const server = createServer((socket) => {
    const onward = connect(port, '127.0.0.1');
    for (const [end, other] of [[socket, onward] as const, [onward, socket] as const])
      end.on('error', () => {}).on('close', () => other.destroy());
    socket.pipe(onward).pipe(socket);
    relayed.push(socket, onward);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    for (const end of relayed.splice(0)) end.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

/** What an instance would be. */
async function instance(handler: http.RequestListener) {
  const server = http.createServer(handler).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const sha = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

test('requests of any size reach instances by one connection, many at one time', async () => {
  const { made, connections } = await tunnel();
  const content = randomBytes(5 * MIB);
  const address = await instance(async (request, response) => {
    const parts = await Array.fromAsync(request);
    response.setHeader('x-path', request.url ?? '');
    response.setHeader('x-host', request.headers.host ?? '');
    response.end(request.method === 'POST' ? sha(Buffer.concat(parts)) : content);
  });
  await Promise.all(
    Array.from({ length: 40 }, async (_, i) => {
      const answer = await fetch(`${made.urlOf(address)}/a/b?c=${i}`);
      expect([answer.status, answer.headers.get('x-path'), answer.headers.get('x-host')]).toEqual([
        ...[200, `/a/b?c=${i}`, address],
      ]);
      expect(sha(Buffer.from(await answer.arrayBuffer()))).toBe(sha(content));
    }),
  );
  // A head and a body that are written together, with a length.
  const short = await fetch(`${made.urlOf(address)}/short`, { method: 'POST', body: 'some words' });
  expect([short.status, await short.text()]).toEqual([200, sha(Buffer.from('some words'))]);
  const sent = await fetch(`${made.urlOf(address)}/`, {
    method: 'POST',
    body: Readable.toWeb(Readable.from([content])) as ReadableStream,
    duplex: 'half',
  } as RequestInit);
  expect(await sent.text()).toBe(sha(content));
  expect(connections).toHaveLength(1);
});

test('one connection carries any number of requests, and of those that are given up', async () => {
  const { made, connections, broken } = await tunnel();
  const address = await instance((request, response) => {
    if (request.url === '/now') response.end('here');
  });
  const url = made.urlOf(address);
  const ask = (path: string, signal?: AbortSignal) =>
    new Promise<string>((resolve) => {
      const request = http.get(`${url}${path}`, { agent: false, ...(signal && { signal }) }, (response) => {
        response.resume().on('end', () => resolve('answered'));
      });
      request.on('error', () => resolve('given up'));
    });
  const outcomes = new Map<string, number>();
  await inPool(Array.from({ length: 2400 }).keys(), 32, async (i) => {
    const outcome = await (i % 2 === 0 ? ask('/now') : ask('/never', AbortSignal.timeout(5)));
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
  });
  expect([Object.fromEntries(outcomes), connections.length, broken()]).toEqual([
    { answered: 1200, 'given up': 1200 },
    1,
    0,
  ]);
}, 60_000);

test('what nobody answers, and what breaks off, ends as it would without a tunnel', async () => {
  const { made } = await tunnel();
  await expect(fetch(`${made.urlOf(`127.0.0.1:${await ports.take()}`)}/healthz`)).rejects.toThrow('fetch failed');
  const half = await instance((_, response) => {
    response.writeHead(200, { 'content-length': 100 });
    response.write('half');
    setTimeout(() => response.destroy(), 50);
  });
  const answer = await fetch(`${made.urlOf(half)}/`);
  await expect(answer.text()).rejects.toThrow('terminated');
});

test('who is always there is tried again when nobody listens yet', async () => {
  const port = await ports.take();
  const { made } = await tunnel({ steadyPort: port });
  const answer = fetch(`${made.urlOf(`127.0.0.1:${port}`)}/`);
  // It has been refused at least once by then.
  await made.ready();
  await new Promise((resolve) => setTimeout(resolve, 400));
  const server = http.createServer((_, response) => response.end('here')).listen(port, '127.0.0.1');
  onTestFinished(() => void server.close());
  expect(await (await answer).text()).toBe('here');
});

test('who goes away is seen by the instance', async () => {
  const { made } = await tunnel();
  const leave = new AbortController();
  const { promise: left, resolve } = Promise.withResolvers<string>();
  const address = await instance((_, response) => {
    response.on('close', () => resolve('left'));
    leave.abort();
  });
  await expect(fetch(`${made.urlOf(address)}/`, { signal: leave.signal })).rejects.toThrow();
  expect(await left).toBe('left');
});

test('without the secret there is nothing, and without the token nobody is reached', async () => {
  const address = await instance((_, response) => response.end('here'));
  const { made } = await tunnel();
  const url = new URL(made.urlOf(address));
  expect((await fetch(`${url.origin}/${'0'.repeat(32)}/${address}/`)).status).toBe(404);
  const { made: other } = await tunnel({ token: 'wrong' });
  await expect(fetch(`${other.urlOf(address)}/`)).rejects.toThrow('fetch failed');
});

test('a connection that breaks is made anew, and said', async () => {
  const { made, connections, broken } = await tunnel();
  const address = await instance((_, response) => response.end('here'));
  const ask = async () => (await fetch(`${made.urlOf(address)}/`)).text();
  expect(await ask()).toBe('here');
  connections[0]?.destroy();
  await once(connections[0] as Duplex, 'close');
  expect(await ask()).toBe('here');
  expect(connections).toHaveLength(2);
  expect(broken()).toBe(1);
});

test('a connection on which nothing comes any more is given up', async () => {
  const { made, connections, broken } = await tunnel({ silentAfterMs: 1500, isRelayed: true });
  const address = await instance((_, response) => response.end('here'));
  const ask = async () => (await fetch(`${made.urlOf(address)}/`)).text();
  expect(await ask()).toBe('here');
  // Whoever has nothing to say is not silent.
  await sleep(2500);
  expect([await ask(), broken()]).toEqual(['here', 0]);
  const before = connections.length;
  // It stays open, but nobody hands on what comes.
  for (const end of relayed) end.pause();
  await expect.poll(broken, { timeout: 10_000 }).toBe(1);
  expect(await ask()).toBe('here');
  expect(connections.length).toBeGreaterThan(before);
});

test('what is asked while nothing comes waits for the next connection, and is told to the instance once', async () => {
  const { made, connections, broken } = await tunnel({ silentAfterMs: 1500, isRelayed: true });
  let heard = 0;
  const address = await instance((_, response) => response.end(`for the ${++heard}.`));
  const ask = async () => (await fetch(`${made.urlOf(address)}/`, { method: 'POST', body: 'words' })).text();
  expect(await ask()).toBe('for the 1.');
  const before = connections.length;
  for (const end of relayed) end.pause();
  expect(await ask()).toBe('for the 2.');
  expect([broken(), connections.length - before]).toEqual([1, 1]);
  // In the moment in which a connection breaks, in order or not, as well.
  for (const error of [undefined, new Error('broke')]) {
    const answer = ask();
    connections.at(-1)?.destroy(error);
    await answer;
  }
  expect([heard, broken()]).toEqual([4, 3]);
});

test('a silence ends a connection after its time, whenever it begins', async () => {
  const silentAfterMs = 2400;
  const { made, connections } = await tunnel({ silentAfterMs, isRelayed: true });
  await made.ready();
  // Just after something came: the connection is as old as a ping and its answer.
  await sleep(silentAfterMs / 3 + 50);
  for (const end of relayed) end.pause();
  const began = performance.now();
  await new Promise((resolve) => connections.at(-1)?.once('close', resolve));
  // With the next ping only, it would be a third more.
  expect(performance.now() - began).toBeLessThan(silentAfterMs + 400);
});
