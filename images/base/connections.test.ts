import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { holdRoom } from './connections.ts';
import { type HttpService, listenHttp } from './http-service.ts';

let service: HttpService;
const sockets: Socket[] = [];
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await service.close();
});

async function dial(text: string): Promise<Socket> {
  const socket = connect(service.port, '127.0.0.1').on('error', () => {});
  sockets.push(socket);
  await once(socket, 'connect');
  socket.write(text);
  return socket;
}

const ask = (path: string, more = '') => `GET ${path} HTTP/1.1\r\nHost: x\r\n${more}\r\n`;

it('requests of one connection are answered one after the other, in their order', async () => {
  let underWay = 0;
  let most = 0;
  const answered: string[] = [];
  service = await listenHttp(
    (req, res) => {
      most = Math.max(most, ++underWay);
      answered.push(req.url ?? '');
      res.once('close', () => underWay--);
      setTimeout(() => res.end('x'), answered.length === 1 ? 20 : 0);
    },
    '127.0.0.1',
    0,
  );
  const socket = await dial(ask('/1') + ask('/2') + ask('/3', 'Connection: close\r\n'));
  socket.resume();
  await once(socket, 'close');
  expect({ answered, most }).toEqual({ answered: ['/1', '/2', '/3'], most: 1 });
});

it('who sends hundreds of requests at once is cut off, and few of them are answered', async () => {
  let begun = 0;
  service = await listenHttp(
    (_req, res) => {
      begun++;
      res.end('x'.repeat(100_000));
    },
    '127.0.0.1',
    0,
  );
  const socket = await dial(ask('/').repeat(500));
  socket.resume();
  await once(socket, 'close');
  expect(begun).toBeLessThan(20);
});

it('who does not read the answer is cut off; who waits for it is not; headers that never end are told so', {
  timeout: 40_000,
}, async () => {
  const { promise: paused, resolve: onPaused } = Promise.withResolvers<void>();
  const { promise: slow, resolve: onSlow } = Promise.withResolvers<void>();
  service = await listenHttp(
    (req, res) => {
      if (req.url === '/paused') res.once('close', onPaused).end(Buffer.alloc(64 * 1024 * 1024));
      // It is still being made when the other one has been cut off.
      else void paused.then(() => res.once('close', onSlow).end('done'));
    },
    '127.0.0.1',
    0,
  );
  const reader = await dial(ask('/paused'));
  reader.pause();
  const waiting = await dial(ask('/slow'));
  const [refused] = await once(await dial('GET / HTTP/1.1\r\nX-'), 'data');
  expect(`${refused}`).toMatch(/^HTTP\/1\.1 408 .*"too-slow"/s);
  const [said] = await once(waiting, 'data');
  expect(`${said}`).toContain('done');
  await slow;
});

it('large answers have room together; the first has it however large it is', async () => {
  const rooms: string[] = [];
  service = await listenHttp(
    (req, res) => {
      try {
        holdRoom(res, Number(req.url?.slice(1)));
        rooms.push('taken');
      } catch (error) {
        rooms.push((error as { code: string }).code);
      }
      if (req.url === '/1000') res.end();
    },
    '127.0.0.1',
    0,
  );
  const first = await dial(ask('/200000000'));
  await expect.poll(() => rooms).toEqual(['taken']);
  await dial(ask('/100000'));
  await expect.poll(() => rooms).toEqual(['taken', 'busy']);
  await dial(ask('/1000'));
  await expect.poll(() => rooms).toEqual(['taken', 'busy', 'taken']);
  first.destroy();
  await expect
    .poll(async () => {
      await dial(ask('/100001'));
      return rooms.at(-1);
    })
    .toBe('taken');
});
