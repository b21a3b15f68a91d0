import { createHash, timingSafeEqual } from 'node:crypto';
import http2 from 'node:http2';
import { connect, isIP } from 'node:net';
import { TUNNEL } from '../tunnel-settings.ts';

/**
 * THE GATEWAY of a run: one small program in its namespace, by which one connection of the lab reaches all instances. Each stream of HTTP/2
 * is a connection to one `ip:port`. Whom it may reach is said by the policies of the namespace. It stands on Node alone.
 *
 *   gateway.ts PORT   with PEERLAB_GATEWAY_TOKEN
 */
const DIAL_TIMEOUT_MS = 10_000;

const port = Number(process.argv[2]);
const token = process.env.PEERLAB_GATEWAY_TOKEN ?? '';
if (!Number.isInteger(port) || token === '') {
  process.stderr.write('usage: PEERLAB_GATEWAY_TOKEN=… gateway.ts PORT\n');
  process.exit(64);
}

const digest = (text: string) => createHash('sha256').update(text).digest();
const expected = digest(`Bearer ${token}`);

const server = http2.createServer(TUNNEL.options);
server.on('session', (session) => {
  session.on('error', () => {});
  session.setLocalWindowSize(TUNNEL.sessionWindowBytes);
});
server.on('stream', (stream, headers) => {
  stream.on('error', () => {});
  if (headers[':method'] === 'GET') return answer(stream, 200);
  if (!timingSafeEqual(digest(headers.authorization ?? ''), expected)) return answer(stream, 401);
  const at = /^\[?([0-9a-fA-F.:]+?)\]?:(\d{1,5})$/.exec(headers[':authority'] ?? '');
  const [, host = '', to] = at ?? [];
  if (headers[':method'] !== 'CONNECT' || isIP(host) === 0) return answer(stream, 400);
  const socket = connect({ host, port: Number(to), noDelay: true });
  const late = setTimeout(() => socket.destroy(new Error('ETIMEDOUT')), DIAL_TIMEOUT_MS);
  let isOpen = false;
  socket.on('connect', () => {
    clearTimeout(late);
    isOpen = true;
    if (stream.destroyed) return void socket.destroy();
    stream.respond({ ':status': 200 });
    stream.pipe(socket).pipe(stream);
  });
  socket.on('error', (error: NodeJS.ErrnoException) => {
    clearTimeout(late);
    if (isOpen || stream.destroyed) return void stream.destroy();
    stream.respond({ ':status': 502, 'x-peerlab-reason': error.code ?? error.message }, { endStream: true });
  });
  stream.on('close', () => socket.destroy());
});
// The API server comes in by the loopback of the pod.
server.listen(port, '127.0.0.1');
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => process.exit(0));

function answer(stream: http2.ServerHttp2Stream, status: number): void {
  stream.respond({ ':status': status }, { endStream: true });
}
