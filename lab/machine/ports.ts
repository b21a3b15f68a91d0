import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { PeerLabError } from '#proto/errors.ts';

/** Where instances listen, if nothing else is said. */
export const LOOPBACK = '127.0.0.1';

const LOWEST = 10_240;
/** Where the kernel takes ports for outgoing connections from, where it does not say. */
const USUAL_EPHEMERAL_START = 32_768;
const ATTEMPTS = 200;

/**
 * Gives out TCP ports of an address of this machine for a program that is started with one: below the range from which the kernel takes ports for outgoing connections: a port in
 * that range may be gone between choosing it and listening on it. From a random place on, so that two runs seldom meet; who
 * starts an instance tries again with other ports when another program was faster all the same.
 */
export class FreePorts {
  readonly #end = ephemeralStart();
  readonly #host: string;
  #next = LOWEST + Math.floor(Math.random() * (this.#end - LOWEST));

  /** @param host the address that they are to be free at */
  constructor(host = LOOPBACK) {
    this.#host = host;
  }

  /** @throws PeerLabError `internal` when 200 ports in a row are taken */
  async take(): Promise<number> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const port = this.#next++;
      if (this.#next >= this.#end) this.#next = LOWEST;
      if (await isFree(port, this.#host)) return port;
    }
    throw new PeerLabError('internal', {
      expected: 'a free TCP port',
      got: `${ATTEMPTS} taken ports in a row below ${this.#next}`,
    });
  }
}

/** The ports that are given out: from `lowest` to before `end`. */
export function portRange(): { lowest: number; end: number } {
  return { lowest: LOWEST, end: ephemeralStart() };
}

function isFree(port: number, host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host, exclusive: true }, () => server.close(() => resolve(true)));
  });
}

function ephemeralStart(): number {
  try {
    const start = Number.parseInt(readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8'), 10);
    return start > LOWEST + ATTEMPTS ? start : USUAL_EPHEMERAL_START;
  } catch {
    return USUAL_EPHEMERAL_START;
  }
}
