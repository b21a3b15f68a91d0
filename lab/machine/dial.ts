import net from 'node:net';

/** A place that somebody may listen at. */
export interface Target {
  readonly host: string;
  readonly port: number;
}

/** What came of a TCP connection that was begun. A refusal is an answer: packets went there and back. */
export type Dialled = 'connected' | 'refused' | 'nothing';

/** Begins a connection, and gives it up at once. It stands on Node alone, as all that is copied into images of others does. */
export function dial({ host, port }: Target, timeoutMs: number): Promise<Dialled> {
  return new Promise((resolve) => {
    const socket = net.connect({ host, port, timeout: timeoutMs });
    const tell = (came: Dialled) => {
      resolve(came);
      socket.destroy();
    };
    socket.once('connect', () => tell('connected'));
    socket.once('timeout', () => tell('nothing'));
    socket.once('error', ({ code }: NodeJS.ErrnoException) => tell(code === 'ECONNREFUSED' ? 'refused' : 'nothing'));
  });
}
