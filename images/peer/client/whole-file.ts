import { PeerLabError } from '#proto/errors.ts';
import type { FileChunk__Output } from '#proto/generated/FileChunk.ts';
import type { ShareEntry } from '../share/catalogue.ts';
import type { Expected, PartFile } from '../share/part-file.ts';
import type { Share } from '../share/share.ts';
import type { PeerClients } from './peer-clients.ts';
import { type Next, receive } from './receive.ts';
import type { Source } from './sources.ts';
import type { Tally } from './tally.ts';

export interface WholeFileInit {
  readonly share: Share;
  readonly clients: PeerClients;
  readonly tally: Tally;
  readonly stallTimeoutMs: number;
  readonly signal: AbortSignal;
}

/**
 * Fetches a file from its first byte to its last from one source, for those without a hash tree: only the whole can be checked, and without any
 * hash not even that.
 * @returns the entry, and whether a hash was known
 */
export async function fetchWhole(
  source: Source,
  name: string,
  known: { sha256?: string | undefined; size?: number | undefined },
  init: WholeFileInit,
): Promise<{ entry: ShareEntry; verified: 'sha256' | 'none' }> {
  const { share, clients, tally, stallTimeoutMs, signal } = init;
  const { address } = source;
  using lease = clients.lease(address);
  // The call may fail while its first chunk still waits for the file to be made: what was begun is kept, not only what was made.
  let begun: Promise<PartFile> | undefined;
  let present: ShareEntry | undefined;
  const make = async (first: FileChunk__Output | undefined): Promise<PartFile> => {
    const expected = expectation(first, known, address);
    if (known.sha256 === undefined) present = await share.checkTarget(name, expected.sha256);
    return share.receive(expected);
  };
  const begin = (first: FileChunk__Output | undefined) => {
    begun ??= make(first);
    return begun;
  };
  try {
    const request = { filename: source.name, sha256: known.sha256 ?? '' };
    await receive(request, { lease, address, stallTimeoutMs, tally, signal }, async (chunk): Promise<Next> => {
      const part = await begin(chunk);
      if (present) return 'stop';
      return append(part, chunk, address);
    });
    const whole = await begin(undefined);
    if (present) return { entry: present, verified: 'sha256' };
    await whole.finish();
    const entry = await share.publish(whole, name);
    return { entry, verified: whole.expected.sha256 === undefined ? 'none' : 'sha256' };
  } finally {
    // TypeScript does not see that a function has set it.
    const part = await (begun as Promise<PartFile> | undefined)?.catch(() => undefined);
    await part?.[Symbol.asyncDispose]();
  }
}

/**
 * What the file must turn out to be: what was known before, else what the source announces in its first chunk.
 * @throws PeerLabError `hash-mismatch` when the source announces something else than is known
 */
function expectation(
  first: FileChunk__Output | undefined,
  known: { sha256?: string | undefined; size?: number | undefined },
  about: string,
): Expected {
  const sha256 = known.sha256 ?? first?.sha256;
  const size = known.size ?? first?.size;
  if (sha256 !== undefined && !/^[0-9a-f]{64}$/.test(sha256)) {
    throw new PeerLabError('hash-mismatch', {
      about,
      expected: 'sha256 as 64 hex digits',
      got: 'something else announced',
    });
  }
  if (first?.sha256 !== undefined && first.sha256 !== sha256) {
    throw new PeerLabError('hash-mismatch', { about, expected: `sha256 ${sha256}`, got: 'another one announced' });
  }
  if (first?.size !== undefined && first.size !== size) {
    throw new PeerLabError('hash-mismatch', { about, expected: `${size} bytes`, got: `${first.size} announced` });
  }
  return { size, sha256 };
}

/** A peer that echoes no offset sends from byte 0 on, which is what was asked for. */
async function append(part: PartFile, { offset, content }: FileChunk__Output, about: string): Promise<undefined> {
  if (offset !== undefined && offset !== part.position) {
    throw new PeerLabError('hash-mismatch', {
      about,
      expected: `a chunk at ${part.position}`,
      got: `one at ${offset}`,
    });
  }
  await part.append(content);
}
