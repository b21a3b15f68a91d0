import { EXIT, PeerLabError } from '#proto/errors.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Turns Ctrl-C (and SIGTERM, SIGHUP) into an orderly ending: the first fires the returned signal, the second calls
 * `atOnce`, which must remove everything without grace, and leaves with 130.
 */
export function onInterrupt(
  tell: (what: string) => void,
  atOnce: () => Promise<unknown>,
): { signal: AbortSignal } & Disposable {
  const controller = new AbortController();
  let count = 0;
  const listener = () => {
    count++;
    if (count === 1) {
      tell('Interrupted: cleaning up and reporting what was done. Once more ends it at once.');
      controller.abort(new PeerLabError('interrupted'));
    } else if (count === 2) {
      tell('Ending at once.');
      void atOnce().finally(() => process.exit(EXIT.interrupted));
    }
  };
  for (const signal of SIGNALS) process.on(signal, listener);
  return {
    signal: controller.signal,
    [Symbol.dispose]: () => {
      for (const signal of SIGNALS) process.off(signal, listener);
    },
  };
}
