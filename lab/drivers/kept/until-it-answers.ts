import { Writable } from 'node:stream';
import { PeerLabError } from '#proto/errors.ts';
import { LAST_WORDS_BYTES, lastWords } from '../last-words.ts';
import { waitUntilHealthy } from '../readiness.ts';
import type { KeptInstance } from './kept-instance.ts';

/** Waits until a life that has been started answers. @throws PeerLabError `not-ready`, `instance-exited`, `interrupted` */
export async function untilItAnswers(instance: KeptInstance, timeoutMs: number, signal: AbortSignal): Promise<void> {
  const { name, url, gone } = instance;
  await waitUntilHealthy(`${url}/healthz`, name, timeoutMs, signal, gone);
  if (!gone.aborted) return;
  const said = await lastWordsOf(instance, signal);
  throw new PeerLabError('instance-exited', {
    about: name,
    got: `"${await instance.ended}" before it was ready; its last words:\n${said || '(nothing)'}`,
  });
}

/** The end of its log; nothing when it can't be had. */
async function lastWordsOf({ init: { place } }: KeptInstance, signal: AbortSignal): Promise<string> {
  let said = Buffer.alloc(0);
  const tail = new Writable({
    write(part: Buffer, _, done) {
      said = Buffer.concat([said, part]).subarray(-LAST_WORDS_BYTES);
      done();
    },
  });
  await place.client.log(tail, signal).catch(() => {});
  return lastWords(said.toString());
}
