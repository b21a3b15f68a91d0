import { createHash } from 'node:crypto';
import type * as grpc from '@grpc/grpc-js';
import type { PeerServiceHandlers } from '#proto/generated/PeerService.ts';
import { TICKET_METADATA } from '#proto/ticket.ts';

/** A call that another peer made to the prober. */
export interface Visit {
  readonly method: string;
  /** Whether it showed a ticket, right or wrong. */
  readonly hasTicket: boolean;
  /** Of an upload: what was announced, and what came. */
  readonly upload?: {
    readonly filename: string;
    readonly size: number | undefined;
    readonly sha256: string | undefined;
    readonly offer: boolean;
    readonly bytes: number;
    readonly gotSha256: string;
  };
}

/** A check makes a few; whoever makes more is told of no longer. */
const MAX_VISITS = 10_000;

/** Who called the prober, in order. */
export class Visits {
  readonly #visits: Visit[] = [];

  note(method: string, metadata: grpc.Metadata, upload?: Visit['upload']): void {
    if (this.#visits.length >= MAX_VISITS) return;
    const hasTicket = metadata.get(TICKET_METADATA).some((text) => String(text).startsWith('Bearer '));
    this.#visits.push({ method, hasTicket, ...(upload && { upload }) });
  }

  /** Those after the first `count`. */
  since(count: number): { count: number; visits: Visit[] } {
    return { count: this.#visits.length, visits: this.#visits.slice(count) };
  }

  /** Hashes an upload and stores nothing; an offer is declined, so that content follows. */
  takeUpload: PeerServiceHandlers['UploadFile'] = (call, answer) => {
    const hash = createHash('sha256');
    let first: { filename: string; size?: number; sha256?: string; offer: boolean } | undefined;
    let bytes = 0;
    call.on('data', (message) => {
      first ??= message;
      bytes += message.content.length;
      hash.update(message.content);
    });
    call.on('error', () => {});
    call.on('end', () => {
      const { filename = '', size, sha256, offer = false } = first ?? {};
      const gotSha256 = hash.digest('hex');
      this.note('UploadFile', call.metadata, { filename, size, sha256, offer, bytes, gotSha256 });
      const isRight = !offer && bytes === size && gotSha256 === sha256;
      answer(null, { success: isRight, message: isRight ? 'taken' : 'not taken', bytes });
    });
  };
}
