import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';

/**
 * THE LIVING: a lab holds a socket for each run under way. Its name carries the run's id and is in no folder, so that it
 * depends on no TMPDIR, HOME, user or checkout. The kernel lists such names for everybody on this machine, and takes them away
 * with the lab, however that ends. Linux alone has them; elsewhere the record of runs must do.
 */

const NAME = '\0peerlab-run-';
/** The kernel shows the zero byte, which names no file, as `@`. */
const LISTED = /@peerlab-run-(\S+)$/gm;

/** From now on, everybody on this machine knows that the run is under way. */
export function announce(runId: string): Disposable {
  const server = createServer((socket) => socket.destroy());
  server.on('error', () => {}); // A name in no folder can't be had here.
  if (process.platform === 'linux') server.listen(`${NAME}${runId}`).unref();
  return { [Symbol.dispose]: () => void server.close() };
}

/** The runs that are under way, of all users and checkouts. */
export function announcedRuns(): Set<string> {
  try {
    return new Set([...readFileSync('/proc/net/unix', 'latin1').matchAll(LISTED)].map(([, runId]) => runId as string));
  } catch {
    return new Set();
  }
}
