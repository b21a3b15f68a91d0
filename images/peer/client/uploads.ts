import { setTimeout as sleep } from 'node:timers/promises';
import type { ClientWritableStream } from '@grpc/grpc-js';
import type { Logger } from '#base/logger.ts';
import { orAborted, type Slots } from '#base/slots.ts';
import { type TransferFailure, type TransferResult, transferFailure } from '#proto/control-api.ts';
import { type ErrorCode, PeerLabError, toPeerLabError } from '#proto/errors.ts';
import type { FileResponse__Output } from '#proto/generated/FileResponse.ts';
import type { FileUpload } from '#proto/generated/FileUpload.ts';
import type { PeerServiceClient } from '#proto/generated/PeerService.ts';
import { CHUNK_SIZE_BYTES } from '#proto/peer.ts';
import { printable } from '#proto/printable.ts';
import { StallWatch } from '../bounds.ts';
import type { RateLimits } from '../rate-limit.ts';
import type { ShareEntry } from '../share/catalogue.ts';
import type { RegularFile } from '../share/regular-file.ts';
import type { Share } from '../share/share.ts';
import type { TransferMeter } from '../transfer-meter.ts';
import { fromStatus, namedCode } from '../wire-error.ts';
import type { ClientLease, PeerClients } from './peer-clients.ts';
import { Tally } from './tally.ts';

export interface UploadsInit {
  readonly share: Share;
  readonly clients: PeerClients;
  readonly meter: TransferMeter;
  /** Shared with downloads. */
  readonly slots: Slots;
  readonly sending: RateLimits;
  /** Whether a receiver can learn from this peer's ticket where to fetch. */
  readonly canOffer: () => boolean;
  readonly stallTimeoutMs: number;
  readonly logger: Logger;
}

/** A smaller file is there before an offer is answered. */
const OFFER_AT_LEAST_BYTES = 1024 * 1024;
/** Answers to an offer after which there is no sense in streaming. */
const FINAL: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'bad-name',
  'file-exists',
  'upload-too-large',
  'quota-exceeded',
  'ticket-refused',
  'disk-full',
  'share-gone',
  'share-read-only',
  'cancelled',
  'source-unreachable',
]);

/** How long a receiver may take from the last byte to its answer: it flushes, and tells its directory. */
const ANSWER_TIMEOUT_MS = 30_000;

/** Stores files of the own share at other peers. */
export class Uploads {
  readonly #init: UploadsInit;

  constructor(init: UploadsInit) {
    this.#init = init;
  }

  /**
   * Sends one file of the share to the peer at `to`. `bytes` of the result were handed to the connection; a receiver that has
   * the file already may have read fewer.
   * @throws PeerLabError with the bytes that moved beside it: `file-not-found`, `file-exists`, `source-refused`, …
   */
  async upload({ name, to }: { name: string; to: string }, signal: AbortSignal): Promise<TransferResult> {
    const { share, clients, meter, slots } = this.#init;
    using _slot = await slots.take(signal);
    const offered = await this.#offer(name, to, signal);
    if (offered && 'outcome' in offered) return offered;
    const tally = new Tally(meter.start('sent'));
    tally.include(offered?.sources ?? []);
    try {
      const { entry, file } = await share.open(name);
      await using _file = file;
      using lease = clients.lease(to);
      const answer = await this.#send(lease, { entry, file }, to, tally, signal);
      if (!answer.success) throw new PeerLabError('source-refused', { about: to, got: printable(answer.message) });
      const { seconds, firstByteSeconds } = tally.transfer;
      tally.transfer.end();
      const first = firstByteSeconds === undefined ? {} : { firstByteSeconds };
      return {
        outcome: 'ok',
        name,
        size: entry.size,
        sha256: entry.sha256,
        ...(await tally.final()),
        seconds,
        ...first,
      };
    } catch (error) {
      throw await tally.failed(error);
    }
  }

  /**
   * Lets the receiver fetch the file, which is faster, many times so on a long path: a server's receive window is small. What it fetches is
   * counted where it is served.
   * @returns the result; or what moved in vain, if anything, and the content is to be streamed
   * @throws PeerLabError when the receiver refuses the file, or fails to fetch it
   */
  async #offer(name: string, to: string, signal: AbortSignal): Promise<TransferResult | TransferFailure | undefined> {
    const { share, clients, canOffer, logger } = this.#init;
    const began = performance.now();
    const { size, sha256 } = share.find(name);
    if (size < OFFER_AT_LEAST_BYTES || !canOffer()) return undefined;
    using lease = clients.lease(to);
    const call = new UploadCall(lease.client, to);
    try {
      await orAborted(call.write({ filename: name, size, sha256, offer: true }), signal);
      const answer = await orAborted(call.end(), signal);
      const seconds = (performance.now() - began) / 1000;
      const moved = movedBy(answer, to);
      return answer.success ? { outcome: 'ok', name, size, sha256, ...moved, seconds } : moved;
    } catch (thrown) {
      const error = toPeerLabError(thrown);
      if (FINAL.has(error.code)) throw error;
      logger.info({ file: name, to, reason: error.message }, 'an offer was not taken; the content is streamed');
      return transferFailure.parse(error.beside);
    } finally {
      call.cancel();
    }
  }

  async #send(
    { client, sending }: ClientLease,
    { entry, file }: { entry: ShareEntry; file: RegularFile },
    to: string,
    tally: Tally,
    signal: AbortSignal,
  ): Promise<FileResponse__Output> {
    tally.asked(to);
    const call = new UploadCall(client, to);
    let hasTakenAll = false;
    const chunkSizeBytes = this.#init.sending.chunkSize(CHUNK_SIZE_BYTES);
    using watch = new StallWatch(this.#init.stallTimeoutMs, () => call.stall());
    try {
      for (let position = 0; position < entry.size || position === 0; ) {
        const waitMs = sending.reserve(Math.min(chunkSizeBytes, entry.size - position));
        if (waitMs > 0) await orAborted(sleep(waitMs), signal);
        const content = Buffer.allocUnsafeSlow(Math.min(chunkSizeBytes, entry.size - position));
        if ((await file.read(content, position)) < content.length)
          throw new PeerLabError('file-changed', { about: entry.name });
        const head = position === 0 ? { filename: entry.name, size: entry.size, sha256: entry.sha256 } : {};
        // An answer before the end is a refusal, or says that the content is there already.
        if ((await orAborted(watch.during(call.write({ ...head, content })), signal)) === 'answered') break;
        tally.add(to, content.length);
        position += content.length;
        if (content.length === 0) break;
      }
      const isEarly = call.isAnswered;
      if (!isEarly && !(await file.isUnchanged())) throw new PeerLabError('file-changed', { about: entry.name });
      using _answerWatch = new StallWatch(ANSWER_TIMEOUT_MS, () => call.stall());
      const answer = await orAborted(call.end(), signal);
      hasTakenAll = !isEarly && (answer.bytes ?? entry.size) === entry.size;
      return answer;
    } finally {
      if (!hasTakenAll) tally.cut(to);
      call.cancel();
    }
  }
}

/** One UploadFile call: writes wait until the connection has taken them, or until the receiver has answered. */
class UploadCall {
  readonly #call: ClientWritableStream<FileUpload>;
  readonly #answer = Promise.withResolvers<FileResponse__Output>();
  readonly #answered: Promise<'answered'>;
  isAnswered = false;

  constructor(client: PeerServiceClient, to: string) {
    let refusal: ReturnType<typeof namedCode>;
    this.#call = client.uploadFile((error, response) => {
      // The trailing metadata comes with the status, which is emitted right after this callback.
      setImmediate(() => this.#settle(error, response, refusal, to));
    });
    this.#call.on('status', (status) => {
      refusal = namedCode(status.metadata);
    });
    this.#call.on('error', () => {});
    this.#answered = this.#answer.promise.then(() => 'answered');
    this.#answered.catch(() => {});
  }

  /** @throws PeerLabError when the call ended with an error */
  write(message: FileUpload): Promise<'taken' | 'answered'> {
    const taken = new Promise<'taken'>((resolve) => void this.#call.write(message, () => resolve('taken')));
    return Promise.race([this.#answered, taken]);
  }

  end(): Promise<FileResponse__Output> {
    this.#call.end();
    return this.#answer.promise;
  }

  /** The receiver takes nothing any more, or owes its answer for too long. */
  stall(): void {
    this.#answer.reject(new PeerLabError('source-stalled'));
    this.cancel();
  }

  cancel(): void {
    this.#call.cancel();
  }

  #settle(
    error: unknown,
    response: FileResponse__Output | undefined,
    refusal: ReturnType<typeof namedCode>,
    to: string,
  ): void {
    this.isAnswered = true;
    if (error || !response) this.#answer.reject(fromStatus(error, to, false));
    else if (!response.success && refusal) {
      const beside = movedBy(response, to);
      this.#answer.reject(new PeerLabError(refusal, { about: to, got: printable(response.message), beside }));
    } else this.#answer.resolve(response);
  }
}

/** What the receiver of an offer says that it fetched. */
function movedBy({ bytes = 0, cut = false }: FileResponse__Output, to: string): TransferFailure {
  return { bytes, sources: bytes > 0 || cut ? [{ peer: to, bytes, cut }] : [] };
}
