import type { EventEmitter } from 'node:events';
import { PeerLabError } from '#proto/errors.ts';
import type { Pace, RateLimits } from '../rate-limit.ts';
import { hostOf } from './send-file.ts';

/** A reader that takes nothing for so long loses its slot. */
const READER_TIMEOUT_MS = 60_000;

interface Sink<M> {
  write(message: M, taken: () => void): unknown;
  once(event: 'cancelled', listener: () => void): EventEmitter;
  off(event: 'cancelled', listener: () => void): EventEmitter;
  readonly cancelled: boolean;
  getPeer(): string;
}

/** Sends message after message, each when the connection has taken the one before, within the limits on the rate. */
export class Outlet<M> implements Disposable {
  readonly #call: Sink<M>;
  readonly #pace: Pace;
  readonly #gone = () => this.#end(new PeerLabError('cancelled'));
  #ended: PeerLabError | undefined;
  #reject: ((error: PeerLabError) => void) | undefined;

  constructor(call: Sink<M>, limits: RateLimits) {
    this.#call = call;
    this.#pace = limits.of(hostOf(call.getPeer()));
    call.once('cancelled', this.#gone);
    if (call.cancelled) this.#gone();
  }

  /** @param bytes of content, for the limits. @throws PeerLabError `cancelled` */
  async send(message: M, bytes: number): Promise<void> {
    const waitMs = this.#pace.reserve(bytes);
    if (waitMs > 0) await this.#until(waitMs, (done) => void setTimeout(done, waitMs));
    await this.#until(READER_TIMEOUT_MS, (done) => this.#call.write(message, done), true);
  }

  [Symbol.dispose](): void {
    this.#call.off('cancelled', this.#gone);
    this.#pace[Symbol.dispose]();
  }

  #until(ms: number, begin: (done: () => void) => unknown, isLateAnEnd = false): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#ended) return reject(this.#ended);
      this.#reject = reject;
      const late = () =>
        isLateAnEnd && this.#end(new PeerLabError('cancelled', { got: `nothing was read for ${ms / 1000} s` }));
      const timer = setTimeout(late, ms);
      begin(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  #end(error: PeerLabError): void {
    this.#ended ??= error;
    this.#reject?.(this.#ended);
  }
}
