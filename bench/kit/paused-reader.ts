import { setTimeout as sleep } from 'node:timers/promises';
import * as grpc from '@grpc/grpc-js';
import { PeerService } from '#proto/peer.ts';

/**
 * Asks for a file and reads one message of it, then nothing for a while: what is sent meanwhile has to wait somewhere.
 * @param readers the number of readers at once, each on a connection of its own
 */
export async function pausedReaders(
  address: string,
  filename: string,
  readers: number,
  pauseMs: number,
): Promise<void> {
  const read = async () => {
    const client = new PeerService(address, grpc.credentials.createInsecure(), { 'grpc.use_local_subchannel_pool': 1 });
    const call = client.downloadFile({ filename });
    call.on('error', () => {});
    await new Promise<void>((resolve) => call.once('data', () => resolve()));
    call.pause();
    await sleep(pauseMs);
    call.cancel();
    client.close();
  };
  await Promise.all(Array.from({ length: readers }, read));
}
