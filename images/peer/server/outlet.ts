import type { EventEmitter } from 'node:events';
import { PeerLabError } from '#proto/errors.ts';
import type { Pace, RateLimits } from '../rate-limit.ts';
import { hostOf, READER_TIMEOUT_MS } from './caller.ts';

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
    this.#pace = limits.of(hostOf(call));
    call.once('cancelled', this.#gone);
    if (call.cancelled) this.#gone();
  }

  /** @param bytes of content, for the limits. @throws PeerLabError `cancelled` */
  async send(message: M, bytes: number): Promise<void> {
    const waitMs = this.#pace.reserve(bytes);
    if (waitMs > 0) await this.#unlessGone((done) => setTimeout(done, waitMs));
    await this.#unlessGone((done) => {
      this.#call.write(message, done);
      const got = `nothing was read for ${READER_TIMEOUT_MS / 1000} s`;
      return setTimeout(() => this.#end(new PeerLabError('cancelled', { got })), READER_TIMEOUT_MS);
    });
  }

  [Symbol.dispose](): void {
    this.#call.off('cancelled', this.#gone);
    this.#pace[Symbol.dispose]();
  }

  /** @param begin begins what calls `done`; the timer that it gives ends with the wait */
  #unlessGone(begin: (done: () => void) => NodeJS.Timeout): Promise<void> {
    if (this.#ended) return Promise.reject(this.#ended);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#reject = reject;
    const timer = begin(resolve);
    return promise.finally(() => clearTimeout(timer));
  }

  #end(error: PeerLabError): void {
    this.#ended ??= error;
    this.#reject?.(this.#ended);
  }
}
