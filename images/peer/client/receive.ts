import { setTimeout as sleep } from 'node:timers/promises';
import type { ClientReadableStream } from '@grpc/grpc-js';
import { PeerLabError } from '#proto/errors.ts';
import type { FileChunk__Output } from '#proto/generated/FileChunk.ts';
import type { FileRequest } from '#proto/generated/FileRequest.ts';
import { fromStatus } from '../wire-error.ts';
import type { ClientLease } from './peer-clients.ts';
import type { Tally } from './tally.ts';

export interface ReceiveInit {
  readonly lease: Pick<ClientLease, 'client' | 'receiving'>;
  /** Whom it is asked from, `ip:port`, for messages. */
  readonly address: string;
  readonly stallTimeoutMs: number;
  /** Told what the call moves, and whether it was ended before its end. */
  readonly tally: Tally;
  readonly signal: AbortSignal;
}

/** What to do after a chunk: go on; let the call end by itself, for all that was asked for is there; end it, for no more is wanted. */
export type Next = undefined | 'enough' | 'stop';

/** Fewer bytes than these in `stallTimeoutMs` are no progress: a trickle must not hold up a transfer. */
const MIN_PROGRESS_BYTES = 16 * 1024;
/** A sender that has sent everything has so long to end the call, while the transfer goes on without it. */
const LAST_WORD_MS = 1000;

/**
 * Makes one DownloadFile call and hands each chunk to `take`. The next one comes only when what `take` returned has resolved, so a slow disk
 * slows the sender; that time is not counted against it. Comes back when the stream has ended well or `take` has enough.
 * @throws PeerLabError what `take` throws, `source-stalled`, `source-unreachable`, `source-refused`, `truncated`, `cancelled`, or what the peer named
 */
export function receive(
  request: FileRequest,
  init: ReceiveInit,
  take: (chunk: FileChunk__Output) => Next | Promise<Next>,
): Promise<void> {
  const { lease, address, stallTimeoutMs, tally, signal } = init;
  if (signal.aborted) return Promise.reject(new PeerLabError('cancelled'));
  return new Promise((resolve, reject) => {
    tally.asked(address);
    const call = lease.client.downloadFile(request);
    const cut = () => {
      tally.cut(address);
      call.cancel();
    };
    let hasEnded = false;
    // Its status may come while the last content still waits for `take`: it is told once.
    call.once('status', () => {
      hasEnded = true;
    });
    let moved = false;
    let over = false;
    let waits = true;
    let unmarkedBytes = 0;
    const stall = setTimeout(() => {
      if (!waits) return stall.refresh();
      fail(new PeerLabError('source-stalled', { about: address, got: `nothing to speak of for ${stallTimeoutMs} ms` }));
    }, stallTimeoutMs);
    const leave = () => {
      over = true;
      clearTimeout(stall);
      signal.removeEventListener('abort', cancelled);
    };
    const fail = (error: unknown) => {
      if (over) return;
      leave();
      cut();
      reject(error);
    };
    const cancelled = () => fail(new PeerLabError('cancelled'));
    signal.addEventListener('abort', cancelled, { once: true });

    const goOn = (next: Next | Promise<Next>) => {
      if (over || next === undefined) return;
      if (next === 'enough' || next === 'stop') {
        leave();
        if (next === 'stop') cut();
        else if (!hasEnded) tally.ending(lastWord(call, cut));
        return resolve();
      }
      call.pause();
      waits = false;
      next.then((then) => {
        if (over) return;
        waits = true;
        stall.refresh();
        call.resume();
        goOn(then);
      }, fail);
    };
    call.on('data', (chunk: FileChunk__Output) => {
      if (over) return;
      moved = true;
      tally.add(address, chunk.content.length);
      unmarkedBytes += chunk.content.length;
      if (unmarkedBytes >= MIN_PROGRESS_BYTES) {
        unmarkedBytes = 0;
        stall.refresh();
      }
      try {
        const waitMs = lease.receiving.reserve(chunk.content.length);
        const next = take(chunk);
        goOn(waitMs > 0 ? sleep(waitMs).then(() => next) : next);
      } catch (error) {
        fail(error);
      }
    });
    // After the call was left, it still emits its end.
    call.on('error', (error) => fail(fromStatus(error, address, moved)));
    call.on('end', () => {
      if (over) return;
      leave();
      resolve();
    });
  });
}

/** The sender's own count says that the transfer ended well only when it may end it. Content that nobody asked for is cut off. */
function lastWord(call: ClientReadableStream<FileChunk__Output>, cut: () => void): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => {
      cut();
      resolve();
    }, LAST_WORD_MS).unref();
    call.on('data', (chunk: FileChunk__Output) => {
      if (chunk.content.length > 0) cut();
    });
    call.once('status', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
