import { get } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { PeerLabError, reasonOf } from '#proto/errors.ts';
import { interruption } from './deadline.ts';

/** Between two questions; longer and longer, as many instances that are asked often are slower to get ready. */
const POLL_MS = { first: 50, most: 250, growth: 1.3 };
const ANSWER_TIMEOUT_MS = 2000;

/**
 * Asks `url` until it answers 200. Ends early, without a word, when `stopped` fires: the caller knows why.
 * @throws PeerLabError `not-ready`, naming what was asked and what came last; `interrupted`
 */
export async function waitUntilHealthy(
  url: string,
  about: string,
  timeoutMs: number,
  signal: AbortSignal,
  stopped: AbortSignal,
): Promise<void> {
  const giveUpAt = performance.now() + timeoutMs;
  let last = 'nothing yet';
  let pollMs = POLL_MS.first;
  while (!stopped.aborted) {
    if (signal.aborted) throw interruption(signal);
    if (performance.now() >= giveUpAt) {
      throw new PeerLabError('not-ready', { about, expected: `200 from ${url} within ${timeoutMs} ms`, got: last });
    }
    // Timers of signals take whole milliseconds only.
    const patienceMs = Math.ceil(Math.max(1, Math.min(ANSWER_TIMEOUT_MS, giveUpAt - performance.now())));
    const outcome = await ask(url, AbortSignal.any([signal, stopped, AbortSignal.timeout(patienceMs)]));
    if (outcome === 200) return;
    last = typeof outcome === 'number' ? `status ${outcome}` : outcome;
    await sleep(pollMs, undefined, { signal: stopped }).catch(() => {});
    pollMs = Math.min(POLL_MS.most, pollMs * POLL_MS.growth);
  }
}

/** One connection for each question: a pooled one would outlive the instance. And no proxy, whatever the environment says. */
function ask(url: string, signal: AbortSignal): Promise<number | string> {
  return new Promise((resolve) => {
    const failed = (error: Error) => resolve(signal.aborted ? 'no answer' : reasonOf(error));
    get(url, { agent: false, signal }, (answer) => {
      answer
        .on('error', failed)
        .on('end', () => resolve(answer.statusCode ?? 0))
        .resume();
    }).on('error', failed);
  });
}
