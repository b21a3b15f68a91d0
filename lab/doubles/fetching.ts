import { createHash } from 'node:crypto';
import { link, open, rm } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import * as grpc from '@grpc/grpc-js';
import { addressText } from '#proto/addresses.ts';
import type { TransferResult } from '#proto/control-api.ts';
import type { SearchResponse } from '#proto/directory-api.ts';
import { PeerLabError } from '#proto/errors.ts';
import { assertName } from '#proto/names.ts';
import { PeerService } from '#proto/peer.ts';
import { TICKET_METADATA } from '#proto/ticket.ts';
import { type Behaviour, Pace } from './behaviour.ts';
import { type Counters, settings } from './double.ts';

type Found = SearchResponse['results'][number];

export interface FetchInit {
  readonly behaviour: Behaviour;
  readonly counters: Counters;
  readonly ticket: string | undefined;
}

/** Fetches a file from one source, the first that is not itself, and reads it as slowly as it is told to. */
export async function fetchFile(name: string, found: Found[], init: FetchInit): Promise<TransferResult> {
  assertName(name);
  const began = performance.now();
  const [content] = found;
  const source = content?.peers.find((peer) => addressText(peer) !== settings.PEER_ADVERTISE);
  if (!content || !source) throw new PeerLabError('no-source', { about: name });
  const peer = addressText(source);
  const { size, sha256 } = content;
  const part = path.join(settings.PEER_SHARE_DIR, `.peerlab-${sha256}`);
  try {
    const bytes = await receive(part, peer, { filename: source.name, sha256 }, init);
    if (bytes.sha256 !== sha256) throw new PeerLabError('hash-mismatch', { about: peer });
    await link(part, path.join(settings.PEER_SHARE_DIR, name));
  } finally {
    await rm(part, { force: true });
  }
  const seconds = (performance.now() - began) / 1000;
  return { outcome: 'ok', name, size, sha256, bytes: size, sources: [{ peer, bytes: size }], seconds };
}

async function receive(
  part: string,
  address: string,
  request: { filename: string; sha256: string },
  { behaviour, counters, ticket }: FetchInit,
): Promise<{ sha256: string }> {
  // The window is left at its small default: what is not read yet waits with the sender, as a slow reader wants it to.
  const client = new PeerService(address, grpc.credentials.createInsecure(), { 'grpc.use_local_subchannel_pool': 1 });
  const metadata = new grpc.Metadata();
  if (ticket !== undefined) metadata.set(TICKET_METADATA, `Bearer ${ticket}`);
  const hash = createHash('sha256');
  const pace = new Pace();
  await using file = await open(part, 'w');
  try {
    for await (const { content } of client.downloadFile(request, metadata)) {
      hash.update(content);
      counters.received += content.length;
      await file.write(content);
      await sleep(pace.delayMs(content.length, behaviour.DOUBLE_READS));
    }
  } finally {
    client.close();
  }
  return { sha256: hash.digest('hex') };
}
