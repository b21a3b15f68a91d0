import { PeerLabError } from '#proto/errors.ts';

export interface QuotaInit {
  readonly maxFileBytes: number;
  /** Of the share, what is on its way included; without one, the disk is the limit. */
  readonly maxShareBytes: number | undefined;
  /** Bytes in the share now. */
  readonly shareBytes: () => number;
}

/** What others may put into the share. Room is taken before the first byte comes, so that uploads at one time can't exceed it together. */
export class Quota {
  readonly #init: QuotaInit;
  #comingBytes = 0;

  constructor(init: QuotaInit) {
    this.#init = init;
  }

  /**
   * Takes room for a file until it is in the share, or is not going to be.
   * @throws PeerLabError `upload-too-large`, `quota-exceeded`
   */
  take(sizeBytes: number): Disposable {
    const { maxFileBytes, maxShareBytes, shareBytes } = this.#init;
    if (sizeBytes > maxFileBytes) {
      throw new PeerLabError('upload-too-large', { expected: `at most ${maxFileBytes} bytes`, got: `${sizeBytes}` });
    }
    if (maxShareBytes !== undefined && shareBytes() + this.#comingBytes + sizeBytes > maxShareBytes) {
      throw new PeerLabError('quota-exceeded', { expected: `at most ${maxShareBytes} bytes in the share` });
    }
    this.#comingBytes += sizeBytes;
    return {
      [Symbol.dispose]: () => {
        this.#comingBytes -= sizeBytes;
      },
    };
  }
}
