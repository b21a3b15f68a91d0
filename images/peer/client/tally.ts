import type { TransferFailure } from '#proto/control-api.ts';
import { type ErrorCode, toPeerLabError } from '#proto/errors.ts';
import type { MeteredTransfer } from '../transfer-meter.ts';

type SourceFigures = TransferFailure['sources'][number];

/** What one transfer moved, by the peer at the other end: the one place where content is counted. */
export class Tally {
  readonly transfer: MeteredTransfer;
  readonly #sources = new Map<string, SourceFigures>();
  readonly #noted: ((address: string, bytes: number) => void) | undefined;
  readonly #ending = new Set<Promise<void>>();

  /** @param noted told what each source gave */
  constructor(transfer: MeteredTransfer, noted?: (address: string, bytes: number) => void) {
    this.transfer = transfer;
    this.#noted = noted;
  }

  /** `address` is asked: it may count what it sends although nothing of it arrives. */
  asked(address: string): void {
    this.#of(address).cut ??= false;
  }

  /** A call to `address` was ended before its end: it may have sent more than came. */
  cut(address: string): void {
    this.#of(address).cut = true;
  }

  /** A call that the transfer does not need any more is still ending, and may be cut yet. `end` must be bounded, and not reject. */
  ending(end: Promise<void>): void {
    this.#ending.add(end);
    void end.then(() => this.#ending.delete(end));
  }

  add(address: string, bytes: number): void {
    if (bytes === 0) return;
    this.#of(address).bytes += bytes;
    this.transfer.moved(bytes);
    this.#noted?.(address, bytes);
  }

  /** `address` was given up; the first reason counts. */
  gaveUp(address: string, code: ErrorCode): void {
    this.#of(address).error ??= code;
  }

  /** Adds what a transfer that is part of this one moved; it was measured by itself. */
  include(sources: readonly SourceFigures[]): void {
    for (const { peer, bytes, cut, error } of sources) {
      const figures = this.#of(peer);
      figures.bytes += bytes;
      if (cut !== undefined) figures.cut ||= cut;
      if (error !== undefined) figures.error ??= error;
    }
  }

  /** The figures, when every call has ended. */
  async final(): Promise<TransferFailure> {
    await Promise.all(this.#ending);
    const sources = Array.from(this.#sources.values(), (figures) => ({ ...figures }));
    return { bytes: sources.reduce((sum, source) => sum + source.bytes, 0), sources };
  }

  /** The error that a failed transfer ends with, the figures beside it. */
  async failed(thrown: unknown): Promise<Error> {
    this.transfer.end(thrown);
    return Object.assign(toPeerLabError(thrown), { beside: await this.final() });
  }

  #of(peer: string): SourceFigures {
    const figures = this.#sources.get(peer) ?? { peer, bytes: 0 };
    this.#sources.set(peer, figures);
    return figures;
  }
}
