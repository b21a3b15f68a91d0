import { constants } from 'node:os';
import { debuglog } from 'node:util';
import { EXIT, PeerLabError, reasonOf, unforeseen } from '#proto/errors.ts';

/**
 * WHAT STOPS THE LAB FROM OUTSIDE OF ITS COURSE: signals, errors that nobody caught, and readers of its output that go
 * away. Nothing but a verdict exits 1: an error that nobody caught ends in order, with 75.
 */

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
/** The reader of a pipe has left; the terminal is closed. */
const READER_LEFT = new Set(['EPIPE', 'EIO']);

/** With NODE_DEBUG=peerlab, where an error came from; people who use the lab need the reason only. */
const debug = debuglog('peerlab');

/** The runs under way: each is told of an error that nobody caught, since nobody knows whose it is. */
const underWay = new Set<(error: unknown) => void>();

/**
 * To be called once, by the program.
 * @param complain tells people of an error, and gives the exit code for it
 */
export function guardProcess(complain: (error: unknown) => number): void {
  const uncaught = (error: unknown) => {
    debug('%s', error instanceof Error ? error.stack : error);
    if (underWay.size === 0) process.exit(complain(error));
    for (const run of underWay) run(error);
  };
  // In the place of the guard that start.ts had set until now.
  for (const event of ['uncaughtException', 'unhandledRejection'])
    process.removeAllListeners(event).on(event, uncaught);
  for (const signal of SIGNALS) if (isIgnored(signal)) process.on(signal, () => {});
  guardOutput();
}

/** Who reads the output may go away. Output that was lost for another reason (a full disk) must not look like a success. */
function guardOutput(): void {
  let lost: Error | undefined;
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (!READER_LEFT.has(error.code ?? '')) lost ??= error;
    });
  }
  process.on('exit', (code) => {
    if (lost === undefined || code !== EXIT.pass) return;
    process.stderr.write(`The output could not be written: ${reasonOf(lost)}\n`);
    process.exitCode = EXIT.inconclusive;
  });
}

/** Streams tell of a write that failed a moment later. A program that exits before that does not know of it. */
export async function outputSettled(): Promise<void> {
  for (const stream of [process.stdout, process.stderr])
    await new Promise<void>((resolve) => stream.write('', () => setImmediate(resolve)));
}

export interface StopInit {
  /** Tells people, a line each. */
  readonly tell: (what: string) => void;
  /** Removes everything without grace. */
  readonly atOnce: () => Promise<unknown>;
}

/**
 * Turns what stops a run into an orderly ending. The first Ctrl-C (or SIGTERM, SIGHUP), or an error that nobody caught,
 * fires the signal with its reason. A second Ctrl-C calls `atOnce` and leaves.
 */
export function onStop({ tell, atOnce }: StopInit): { readonly signal: AbortSignal } & Disposable {
  const controller = new AbortController();
  let isLeaving = false;
  const stop = (reason: PeerLabError, what: string) => {
    tell(`${what}: cleaning up and reporting what was done. Ctrl-C ends it at once.`);
    controller.abort(reason);
  };
  const onSignal = () => {
    if (!controller.signal.aborted) return stop(new PeerLabError('interrupted'), 'Interrupted');
    if (isLeaving) return;
    isLeaving = true;
    tell('Ending at once.');
    const { reason } = controller.signal;
    void atOnce().finally(() => process.exit(exitOf(reason)));
  };
  const onUncaught = (error: unknown) => {
    const reason = unforeseen(error);
    if (controller.signal.aborted) tell(reason.message);
    else stop(reason, reason.message);
  };
  const heeded = SIGNALS.filter((signal) => !isIgnored(signal));
  for (const signal of heeded) process.on(signal, onSignal);
  underWay.add(onUncaught);
  return {
    signal: controller.signal,
    [Symbol.dispose]: () => {
      for (const signal of heeded) process.off(signal, onSignal);
      underWay.delete(onUncaught);
    },
  };
}

/** Returns when somebody wants the program to end. */
export async function untilStopped(): Promise<void> {
  const heeded = SIGNALS.filter((signal) => !isIgnored(signal));
  const { promise, resolve } = Promise.withResolvers<void>();
  // Signals do not keep a program that has nothing else to do.
  const alive = setInterval(() => {}, 2 ** 30);
  for (const signal of heeded) process.once(signal, resolve);
  await promise;
  clearInterval(alive);
  for (const signal of heeded) process.off(signal, resolve);
}

/** The exit code that an error asks for: that of a verdict to none, whatever the same error means to a service. */
export function exitOf(error: unknown): number {
  const exit = error instanceof PeerLabError ? error.kind.exit : undefined;
  return exit === undefined || exit === EXIT.fail ? EXIT.inconclusive : exit;
}

/**
 * What was ignored when the lab was started stays so: `nohup` asks for that, and a shell for Ctrl-C of what it runs in the
 * background. Node takes all signals back at its start, so bin/lab looks before, and gives the kernel's mask on.
 */
function isIgnored(signal: (typeof SIGNALS)[number]): boolean {
  const mask = BigInt(`0x${/^[0-9a-f]{1,32}$/.exec(process.env.PEERLAB_IGNORED_SIGNALS ?? '')?.[0] ?? '0'}`);
  return ((mask >> BigInt(constants.signals[signal] - 1)) & 1n) === 1n;
}
