import { setTimeout as sleep } from 'node:timers/promises';
import { transferFailure } from '#proto/control-api.ts';
import { type ErrorCode, PeerLabError, toPeerLabError } from '#proto/errors.ts';
import type { FileResponse } from '#proto/generated/FileResponse.ts';
import type { FileUpload__Output } from '#proto/generated/FileUpload.ts';
import { StallWatch } from '../bounds.ts';
import type { Pace } from '../rate-limit.ts';
import type { Expected } from '../share/part-file.ts';
import type { Share } from '../share/share.ts';
import type { Quota } from './quota.ts';

/**
 * Refusals that are about the file that was offered. They are answers, success=false and the reason, with status OK;
 * everything else that goes wrong is a status.
 */
export const REFUSALS: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'bad-name',
  'bad-request',
  'file-exists',
  'unverifiable',
  'truncated',
  'too-many-bytes',
  'hash-mismatch',
  'upload-too-large',
  'quota-exceeded',
  'offer-declined',
]);

export interface TakeUploadInit {
  readonly share: Share;
  readonly stallTimeoutMs: number;
  readonly pace: Pick<Pace, 'reserve'>;
  readonly quota: Quota;
  /** Fetches what is offered; undefined where the sender is nobody that the directory vouches for. */
  readonly pull: ((offer: Offer) => Promise<Fetched>) | undefined;
  /** Begins the measurement of content that is streamed; told the bytes of each message. */
  readonly streaming: () => (bytes: number) => void;
  /** Runs when the sender sends nothing for `stallTimeoutMs`: must end `messages` with an error. */
  readonly onStall: () => void;
}

/** A file that the sender serves itself, for the receiver to fetch. */
export interface Offer {
  readonly name: string;
  /** In bytes. Room was taken for as many and no more. */
  readonly size: number;
  readonly sha256: string;
}

/** What moved of an offer; `cut`: a call was ended before its end, so that the sender may have sent more. */
export interface Fetched {
  readonly bytes: number;
  readonly cut: boolean;
}

/** What the sender is told; with what was fetched, where it was an offer. */
export type Taken = Pick<FileResponse, 'message'> & Partial<Fetched>;

/** What keeps a receiver from a file, wherever it comes from. Every other failure to fetch is one between it and the sender's address. */
const NOT_MENDED_BY_STREAMING: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'bad-name',
  'cancelled',
  'disk-full',
  'file-exists',
  'hash-mismatch',
  'internal',
  'share-gone',
  'share-read-only',
  'too-many-bytes',
]);

/**
 * Receives one file and publishes it, or fetches it where it is offered.
 * @throws PeerLabError one of `REFUSALS`, or `disk-full`
 */
export async function takeUpload(messages: AsyncIterable<FileUpload__Output>, init: TakeUploadInit): Promise<Taken> {
  const { share, pace, quota, pull } = init;
  const iterator = messages[Symbol.asyncIterator]();
  using watch = new StallWatch(init.stallTimeoutMs, init.onStall);
  const first = await watch.during(iterator.next());
  if (first.done) throw new PeerLabError('bad-request', { expected: 'a first message with filename, size and sha256' });

  const { filename } = first.value;
  const expected = expectation(first.value);
  if (await share.checkTarget(filename, expected.sha256))
    return { message: 'the same content is there already', bytes: 0 };
  using _room = quota.take(expected.size);
  if (first.value.offer) {
    if (!pull) throw new PeerLabError('offer-declined', { got: 'nobody that the directory vouches for' });
    return await fetchOffer({ name: filename, ...expected }, pull);
  }

  const moved = init.streaming();
  await using part = await share.receive(expected);
  for (let next: IteratorResult<FileUpload__Output> = first; !next.done; next = await watch.during(iterator.next())) {
    moved(next.value.content.length);
    await part.append(next.value.content);
    const waitMs = pace.reserve(next.value.content.length);
    if (waitMs > 0) await sleep(waitMs);
  }
  await part.finish();
  await share.publish(part, filename);
  return { message: 'stored' };
}

/** @throws PeerLabError with what moved beside it: `offer-declined` when the sender's address does not give the file */
async function fetchOffer(offer: Offer, pull: (offer: Offer) => Promise<Fetched>): Promise<Taken> {
  try {
    return { message: 'fetched', ...(await pull(offer)) };
  } catch (cause) {
    const error = toPeerLabError(cause);
    const { bytes, sources } = transferFailure.parse(error.beside);
    const beside = { bytes, cut: sources.some(({ cut }) => cut) } satisfies Fetched;
    if (NOT_MENDED_BY_STREAMING.has(error.code)) throw Object.assign(error, { beside });
    throw new PeerLabError('offer-declined', { got: error.message, beside, cause });
  }
}

/** @throws PeerLabError `unverifiable` for a bare filename, `bad-request` */
function expectation({ size, sha256 }: FileUpload__Output): Expected & { size: number; sha256: string } {
  if (size === undefined || sha256 === undefined) {
    throw new PeerLabError('unverifiable', { expected: 'size and sha256 in the first message' });
  }
  if (!/^[0-9a-f]{64}$/.test(sha256))
    throw new PeerLabError('bad-request', { expected: 'sha256 as 64 lower-case hex digits' });
  if (!Number.isSafeInteger(size)) throw new PeerLabError('bad-request', { expected: 'a size below 2^53 bytes' });
  return { size, sha256 };
}
