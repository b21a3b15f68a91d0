import type { TransferFailure } from '#proto/control-api.ts';
import { type ErrorCode, toPeerLabError } from '#proto/errors.ts';
import type { MeteredTransfer } from '../transfer-meter.ts';

interface SourceFigures {
  bytes: number;
  cut?: boolean;
  error?: ErrorCode;
}

/** What one transfer moved, by the peer at the other end: the one place where received content is counted. */
export class Tally {
  readonly transfer: MeteredTransfer;
  readonly #sources = new Map<string, SourceFigures>();

  constructor(transfer: MeteredTransfer) {
    this.transfer = transfer;
  }

  /** `address` is asked: it may count what it sends although nothing of it arrives. */
  asked(address: string): void {
    this.#of(address).cut ??= false;
  }

  /** A call to `address` was ended before its end: it may have sent more than came. */
  cut(address: string): void {
    this.#of(address).cut = true;
  }

  add(address: string, bytes: number): void {
    if (bytes === 0) return;
    this.#of(address).bytes += bytes;
    this.transfer.moved(bytes);
  }

  /** `address` was given up; the first reason counts. */
  gaveUp(address: string, code: ErrorCode): void {
    this.#of(address).error ??= code;
  }

  get figures(): TransferFailure {
    const sources = Array.from(this.#sources, ([peer, share]) => ({ peer, ...share }));
    return { bytes: sources.reduce((sum, source) => sum + source.bytes, 0), sources };
  }

  /** The error that a failed transfer ends with, the figures beside it. */
  failed(thrown: unknown): Error {
    this.transfer.end(thrown);
    return Object.assign(toPeerLabError(thrown), { beside: this.figures });
  }

  #of(address: string): SourceFigures {
    const figures = this.#sources.get(address) ?? { bytes: 0 };
    this.#sources.set(address, figures);
    return figures;
  }
}
