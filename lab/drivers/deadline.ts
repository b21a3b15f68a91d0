import { PeerLabError } from '#proto/errors.ts';

/**
 * `work`, or the error that `late` makes when it takes longer than `ms`, or `interrupted` when `signal` fires. What loses
 * the race goes on unobserved: end it by other means.
 */
export async function within<T>(work: Promise<T>, ms: number, late: () => Error, signal?: AbortSignal): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  let onAbort: (() => void) | undefined;
  const broken = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(late()), ms);
    onAbort = () => reject(interruption(signal));
    signal?.addEventListener('abort', onAbort, { once: true });
    if (signal?.aborted) onAbort();
  });
  try {
    return await Promise.race([work, broken]);
  } finally {
    clearTimeout(timer);
    if (onAbort) signal?.removeEventListener('abort', onAbort);
    work.catch(() => {});
  }
}

/** Fires when one of them does. */
export function anyOf(...signals: (AbortSignal | undefined)[]): AbortSignal {
  return AbortSignal.any(signals.filter((signal) => signal !== undefined));
}

/** Waits until all are settled, however; at most `ms`. */
export async function settled(works: Iterable<Promise<unknown>>, ms: number): Promise<void> {
  const all = Promise.allSettled(works).then(() => {});
  await within(all, ms, () => new Error('late')).catch(() => {});
}

/** Why a wait ended when `signal` fired: the signal's own reason when that is one of our errors, else `interrupted`. */
export function interruption(signal?: AbortSignal): PeerLabError {
  return signal?.reason instanceof PeerLabError ? signal.reason : new PeerLabError('interrupted');
}
