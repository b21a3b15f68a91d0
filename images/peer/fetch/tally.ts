import type { TransferFailure } from '#proto/control-api.ts';
import { toPeerLabError } from '#proto/errors.ts';
import type { MeteredTransfer } from '../transfer-meter.ts';

/** What one transfer moved, by the peer at the other end. */
export class Tally {
  readonly transfer: MeteredTransfer;
  readonly #bytes = new Map<string, number>();

  constructor(transfer: MeteredTransfer) {
    this.transfer = transfer;
  }

  add(address: string, bytes: number): void {
    if (bytes === 0) return;
    this.#bytes.set(address, (this.#bytes.get(address) ?? 0) + bytes);
    this.transfer.moved(bytes);
  }

  get figures(): TransferFailure {
    const sources = Array.from(this.#bytes, ([peer, bytes]) => ({ peer, bytes }));
    return { bytes: sources.reduce((sum, source) => sum + source.bytes, 0), sources };
  }

  /** The error that a failed transfer ends with, the figures beside it. */
  failed(thrown: unknown): Error {
    this.transfer.end(thrown);
    return Object.assign(toPeerLabError(thrown), { beside: this.figures });
  }
}
