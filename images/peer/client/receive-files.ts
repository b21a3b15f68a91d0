import { setTimeout as sleep } from 'node:timers/promises';
import { PeerLabError } from '#proto/errors.ts';
import { StallWatch } from '../bounds.ts';
import { fromStatus } from '../wire-error.ts';
import type { ReceiveInit } from './receive.ts';

export interface ReceivedFile {
  readonly index: number;
  readonly content: Buffer;
}

/**
 * Makes one DownloadFiles call and gives the files as they come; those that the sender can't serve are left out. The next message is asked
 * for when the files of the last were taken.
 * @throws PeerLabError as `receive`
 */
export async function* receiveFiles(
  files: { filename: string; sha256: string }[],
  { lease, address, stallTimeoutMs, tally, signal }: ReceiveInit,
): AsyncGenerator<ReceivedFile> {
  if (signal.aborted) throw new PeerLabError('cancelled');
  tally.asked(address);
  const call = lease.client.downloadFiles({ files });
  let hasEnded = false;
  let stalled = false;
  let moved = false;
  call.on('error', () => {});
  const cancel = () => call.cancel();
  signal.addEventListener('abort', cancel, { once: true });
  using watch = new StallWatch(stallTimeoutMs, () => {
    stalled = true;
    cancel();
  });
  try {
    const messages = call[Symbol.asyncIterator]();
    for (let next = await watch.during(messages.next()); !next.done; next = await watch.during(messages.next())) {
      moved = true;
      let bytes = 0;
      for (const { index, content, error } of next.value.files) {
        bytes += content.length;
        tally.add(address, content.length);
        if (error === '') yield { index, content };
      }
      const waitMs = lease.receiving.reserve(bytes);
      if (waitMs > 0) await sleep(waitMs);
    }
    hasEnded = true;
  } catch (error) {
    if (signal.aborted) throw new PeerLabError('cancelled', { cause: error });
    if (stalled) throw new PeerLabError('source-stalled', { about: address, got: `nothing for ${stallTimeoutMs} ms` });
    throw fromStatus(error, address, moved);
  } finally {
    signal.removeEventListener('abort', cancel);
    if (!hasEnded) tally.cut(address);
    cancel();
  }
}
