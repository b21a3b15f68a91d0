import { PeerLabError } from '#proto/errors.ts';
import { PROMISES } from '#proto/promises.ts';
import type { Logger } from './logger.ts';

/** An ordered ending must not hang: after this the process leaves anyway, before it is killed. */
const STOP_DEADLINE_MS = PROMISES.end.ms - 1000;

/**
 * Runs a service until SIGTERM or SIGINT: `start` returns how to stop it. One that is asked to end while it starts does so when
 * it has started. Exit code 0 after an orderly stop, 64 for wrong settings (one line on stderr), 1 for all else.
 */
export async function runService(logger: () => Logger, start: () => Promise<() => Promise<void>>): Promise<void> {
  const started = Promise.withResolvers<() => Promise<void>>();
  let stopping = false;
  // First of all: until then, a signal ends the process out of order.
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      if (stopping) process.exit(1);
      stopping = true;
      logger().info({ signal }, 'stopping');
      setTimeout(() => process.exit(1), STOP_DEADLINE_MS).unref();
      started.promise
        .then((stop) => stop())
        .then(
          () => process.exit(0),
          (error) => {
            logger().error({ err: error }, 'could not stop in order');
            process.exit(1);
          },
        );
    });
  }
  started.resolve(await start().catch(failToStart));
}

function failToStart(error: unknown): never {
  if (!(error instanceof PeerLabError)) throw error;
  process.stderr.write(`${error.message}\n${error.hint}\n`);
  process.exit(error.kind.exit ?? 1);
}
