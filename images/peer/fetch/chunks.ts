import { PeerLabError } from '#proto/errors.ts';
import type { FileChunk__Output } from '#proto/generated/FileChunk.ts';
import type { FileRequest } from '#proto/generated/FileRequest.ts';
import type { PeerServiceClient } from '#proto/generated/PeerService.ts';
import { StallWatch } from '../bounds.ts';
import { fromStatus } from '../wire-error.ts';

export interface ChunksInit {
  readonly client: PeerServiceClient;
  /** Whom it is asked from, `ip:port`, for messages. */
  readonly address: string;
  readonly stallTimeoutMs: number;
  readonly signal: AbortSignal;
}

/**
 * The chunks that one peer sends, as they come; leaving the loop early cancels the call. The next is asked for only when
 * the last was taken, so a slow disk slows the sender.
 * @throws PeerLabError `source-stalled`, `source-unreachable`, `source-refused`, `truncated`, `cancelled`, or what the peer named
 */
export async function* chunksOf(request: FileRequest, init: ChunksInit): AsyncGenerator<FileChunk__Output, void, void> {
  const { client, address, stallTimeoutMs, signal } = init;
  if (signal.aborted) throw new PeerLabError('cancelled');
  const call = client.downloadFile(request);
  const cancel = () => call.cancel();
  let stalled = false;
  let moved = false;
  // After the loop was left, the cancelled call still emits its end.
  call.on('error', () => {});
  signal.addEventListener('abort', cancel, { once: true });
  using watch = new StallWatch(stallTimeoutMs, () => {
    stalled = true;
    call.cancel();
  });
  try {
    const chunks = call[Symbol.asyncIterator]();
    for (let next = await watch.during(chunks.next()); !next.done; next = await watch.during(chunks.next())) {
      moved = true;
      yield next.value;
    }
  } catch (error) {
    if (signal.aborted) throw new PeerLabError('cancelled', { cause: error });
    if (stalled) throw new PeerLabError('source-stalled', { about: address, got: `nothing for ${stallTimeoutMs} ms` });
    throw fromStatus(error, address, moved);
  } finally {
    signal.removeEventListener('abort', cancel);
    cancel();
  }
}
