import http from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Seen } from '../history/events.ts';

const POLL_MS = 25;

/**
 * Asks an instance for `/healthz` on a connection of its own, and tells what came within `timeoutMs`: `answers` (an HTTP answer,
 * whatever it says), `refuses` (no connection, or one that was cut), `silent` (nothing). Never throws.
 */
export function probe(url: string, timeoutMs: number): Promise<Seen> {
  const { promise, resolve } = Promise.withResolvers<Seen>();
  const request = http.get(`${url}/healthz`, { agent: false, headers: { connection: 'close' } });
  const timer = setTimeout(() => {
    resolve('silent');
    request.destroy();
  }, timeoutMs);
  request.on('error', () => resolve('refuses'));
  request.on('response', (response) => {
    resolve('answers');
    // A cut in the rest of an answer changes nothing; unhandled, it would end the lab.
    response.on('error', () => {}).resume();
  });
  return promise.finally(() => clearTimeout(timer));
}

/** Probes until `wanted` is seen, for at most `withinMs`. @returns what was seen last */
export async function probeUntil(url: string, wanted: Seen, withinMs: number): Promise<Seen> {
  const until = performance.now() + withinMs;
  for (;;) {
    const seen = await probe(url, Math.max(POLL_MS, until - performance.now()));
    if (seen === wanted || performance.now() >= until) return seen;
    await sleep(POLL_MS);
  }
}
