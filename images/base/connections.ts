import type { RequestListener, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { PeerLabError } from '#proto/errors.ts';

/** What one connection, and all of them together, may have under way: a client that does not read must cost nothing. */

/** Requests that may wait on a connection for the answer before theirs. Hardly any client sends one before it has that. */
const MAX_WAITING = 16;
/**
 * A connection on which nothing moves is closed after this, in milliseconds, unless it waits for us. Node looks at headers
 * that do not come after 10 to 12 s, and says why it closes.
 */
const SILENT_MS = 15_000;
/** Smaller answers are not counted: there are as many of them as connections, at most. */
const LARGE_ANSWER_BYTES = 64 * 1024;
/** Of all large answers that are on their way. */
const MAX_UNSENT_BYTES = 128 * 1024 * 1024;

interface Line {
  /** Whether a request is being answered. */
  busy: boolean;
  readonly waiting: (() => void)[];
}

const lines = new WeakMap<Socket, Line>();
let unsentBytes = 0;

/**
 * Answers the requests of a connection one after the other, others' between them: Node hands over all that came in one
 * packet, hundreds, and their answers would pile up.
 */
export function inTurn(answer: RequestListener): RequestListener {
  return (req, res) => {
    const { socket } = req;
    const line = lineOf(socket);
    const begin = () => {
      if (socket.destroyed) return;
      line.busy = true;
      res.once('close', () => {
        line.busy = false;
        const next = line.waiting.shift();
        if (next) setImmediate(next);
      });
      answer(req, res);
    };
    if (!line.busy && line.waiting.length === 0) begin();
    else if (line.waiting.length < MAX_WAITING) line.waiting.push(begin);
    else socket.destroy();
  };
}

/** Cuts off who does not take the answer. Requests that come slowly have bounds of their own, in Node. */
export function cutOffSilent(server: Server): void {
  server.setTimeout(SILENT_MS, (socket) => {
    if (!lineOf(socket).busy || socket.writableLength > 0) socket.destroy();
  });
}

/** Enters an answer of this many bytes until it is out. @throws PeerLabError `busy` when too much is on its way already */
export function holdRoom(res: ServerResponse, bytes: number): void {
  if (bytes <= LARGE_ANSWER_BYTES) return;
  if (unsentBytes > 0 && unsentBytes + bytes > MAX_UNSENT_BYTES) {
    throw new PeerLabError('busy', { got: 'large answers that are not read yet' });
  }
  unsentBytes += bytes;
  res.once('close', () => {
    unsentBytes -= bytes;
  });
}

function lineOf(socket: Socket): Line {
  const known = lines.get(socket);
  if (known) return known;
  const line = { busy: false, waiting: [] };
  lines.set(socket, line);
  return line;
}
