import { connect, createServer, type Server, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { parentPort, Worker, workerData } from 'node:worker_threads';

/**
 * A TCP relay that passes on every byte some milliseconds after it came, in both directions: a long path on a machine whose kernel
 * has no netem. It runs in a thread of its own.
 */

/** What is on the way in one direction of one connection: more than that and who sends is slowed down. */
const MAX_ON_THE_WAY_BYTES = 256 * 1024 * 1024;

export interface Relay extends AsyncDisposable {
  readonly port: number;
}

/** @param delayMs one way: the round trip is twice that */
export async function startRelay(target: number, delayMs: number): Promise<Relay> {
  const worker = new Worker(fileURLToPath(import.meta.url), { workerData: { target, delayMs } });
  const port = await new Promise<number>((resolve, reject) => worker.once('message', resolve).once('error', reject));
  return {
    port,
    [Symbol.asyncDispose]: async () => {
      await worker.terminate();
    },
  };
}

interface Due {
  readonly at: number;
  /** Undefined is the end. */
  readonly data: Buffer | undefined;
}

/** Hands on what `from` sends to `to`, late. */
class Delay {
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #delayMs: number;
  readonly #queue: Due[] = [];
  #bytes = 0;
  #timer: NodeJS.Timeout | undefined;
  #blocked = false;

  constructor(from: Socket, to: Socket, delayMs: number) {
    this.#from = from;
    this.#to = to;
    this.#delayMs = delayMs;
    from.on('data', (data) => this.#take(data as Buffer));
    from.on('end', () => this.#take(undefined));
    to.on('drain', () => {
      this.#blocked = false;
      this.#flush();
    });
  }

  #take(data: Buffer | undefined): void {
    this.#queue.push({ at: performance.now() + this.#delayMs, data });
    this.#bytes += data?.length ?? 0;
    if (this.#bytes > MAX_ON_THE_WAY_BYTES) this.#from.pause();
    this.#timer ??= setTimeout(() => this.#flush(), this.#delayMs);
  }

  #flush(): void {
    this.#timer = undefined;
    const now = performance.now();
    // Half a millisecond early counts as due: timers are no finer.
    for (let due = this.#queue[0]; due && !this.#blocked && due.at <= now + 0.5; due = this.#queue[0]) {
      this.#queue.shift();
      if (due.data === undefined) this.#to.end();
      else {
        this.#bytes -= due.data.length;
        this.#blocked = !this.#to.write(due.data);
      }
    }
    if (this.#bytes < MAX_ON_THE_WAY_BYTES / 2) this.#from.resume();
    const [next] = this.#queue;
    if (next && !this.#blocked) this.#timer = setTimeout(() => this.#flush(), Math.max(0, next.at - performance.now()));
  }
}

function relay({ target, delayMs }: { target: number; delayMs: number }): Server {
  return createServer({ noDelay: true }, (near) => {
    const far = connect({ port: target, host: '127.0.0.1', noDelay: true });
    new Delay(near, far, delayMs);
    new Delay(far, near, delayMs);
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const)
      one.on('error', () => other.destroy()).on('close', () => other.destroySoon());
  });
}

if (parentPort && workerData?.target !== undefined) {
  const server = relay(workerData);
  server.listen(0, '127.0.0.1', () => parentPort?.postMessage((server.address() as { port: number }).port));
}
