import * as grpc from '@grpc/grpc-js';
import { orAborted } from '#base/slots.ts';
import { PeerLabError } from '#proto/errors.ts';
import type { TreeResponse__Output } from '#proto/generated/TreeResponse.ts';
import { type HashTree, isPieceSize, rootOfLayer } from '#proto/hash-tree.ts';
import { fromStatus } from '../wire-error.ts';
import type { PeerClients } from './peer-clients.ts';
import type { Source } from './sources.ts';

/** What a source says of a file. The tree is consistent in itself: its layer leads to its root. */
export interface ToldTree {
  readonly sizeBytes: number;
  readonly sha256: string;
  readonly tree: HashTree;
}

export interface AskTreeInit {
  readonly clients: PeerClients;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/**
 * Asks one source for the tree of a file.
 * @returns undefined when it has none: a peer that knows no trees, an empty file
 * @throws PeerLabError `hash-mismatch` when what it says contradicts itself; `source-stalled`, `source-unreachable`, or what it named
 */
export async function askTree(
  source: Source,
  sha256: string | undefined,
  init: AskTreeInit,
): Promise<ToldTree | undefined> {
  const { clients, timeoutMs, signal } = init;
  const { address } = source;
  using lease = clients.lease(address);
  const { promise, resolve, reject } = Promise.withResolvers<TreeResponse__Output | undefined>();
  const call = lease.client.fileTree({ filename: source.name, sha256: sha256 ?? '' }, (error, answer) => {
    if (!error) return resolve(answer);
    if (error.code === grpc.status.UNIMPLEMENTED) return resolve(undefined);
    reject(fromStatus(error, address, false));
  });
  // Not a deadline of the call: that would be a date, and clocks jump.
  const timer = setTimeout(() => {
    reject(new PeerLabError('source-stalled', { about: address, got: `no answer in ${timeoutMs} ms` }));
  }, timeoutMs);
  try {
    const told = await orAborted(promise, signal);
    return told && checked(told, address);
  } finally {
    clearTimeout(timer);
    call.cancel();
  }
}

function checked({ size, sha256, root, pieceSize, layer }: TreeResponse__Output, about: string): ToldTree | undefined {
  if (root === '') return undefined;
  const isConsistent =
    Number.isSafeInteger(size) &&
    isPieceSize(pieceSize) &&
    /^[0-9a-f]{64}$/.test(sha256) &&
    rootOfLayer(layer, size, pieceSize) === root;
  if (!isConsistent)
    throw new PeerLabError('hash-mismatch', {
      about,
      expected: 'a hash tree that leads to its root',
      got: 'another one',
    });
  return { sizeBytes: size, sha256, tree: { root, pieceSizeBytes: pieceSize, layer } };
}
