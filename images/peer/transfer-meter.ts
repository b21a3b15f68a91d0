import type { Metrics } from '#base/metrics.ts';
import { toPeerLabError } from '#proto/errors.ts';
import type { Direction } from '#proto/metrics.ts';
import { contentMoved } from './memory.ts';

/** One transfer, measured from `start` to `end`. */
export interface MeteredTransfer {
  /** `bytes` of content crossed the wire. */
  moved(bytes: number): void;
  /** Ends the measurement, once; without an error it ended well. */
  end(error?: unknown): void;
  /** Seconds since the start. */
  readonly seconds: number;
  readonly firstByteSeconds: number | undefined;
}

/** Keeps the figures of transfers in both directions. */
export class TransferMeter {
  readonly #metrics: Metrics<'peer'>;
  /** Served now, and what the last of them that were worth measuring reached together, in bytes per second. */
  readonly #sending = { now: 0, bytesPerSecond: undefined as number | undefined };

  constructor(metrics: Metrics<'peer'>) {
    this.#metrics = metrics;
    for (const direction of ['sent', 'received'] as const) {
      metrics.counter('peerlab_transfer_bytes_total').inc({ direction }, 0);
      metrics.gauge('peerlab_transfers_in_progress').set({ direction }, 0);
    }
  }

  pieceRejected(): void {
    this.#metrics.counter('peerlab_pieces_rejected_total').inc();
  }

  resumed(bytes: number): void {
    this.#metrics.counter('peerlab_resumed_bytes_total').inc(bytes);
  }

  start(direction: Direction): MeteredTransfer {
    if (direction !== 'sent') return new Measurement(this.#metrics, direction);
    const sending = this.#sending;
    sending.now++;
    return new Measurement(this.#metrics, direction, (bytes, seconds) => {
      const together = bytes < MEASURABLE_BYTES ? undefined : (bytes / seconds) * sending.now;
      sending.now--;
      if (together !== undefined) sending.bytesPerSecond = ((sending.bytesPerSecond ?? together) + together) / 2;
    });
  }

  /** How busy this peer is with serving. */
  get load(): { serving: number; bytesPerSecond?: number } {
    const { now: serving, bytesPerSecond } = this.#sending;
    return bytesPerSecond === undefined ? { serving } : { serving, bytesPerSecond: Math.round(bytesPerSecond) };
  }
}

/** Smaller transfers tell how long a call takes, not how fast the peer is. */
const MEASURABLE_BYTES = 1024 * 1024;

class Measurement implements MeteredTransfer {
  readonly #metrics: Metrics<'peer'>;
  readonly #direction: Direction;
  readonly #startedAt = performance.now();
  readonly #onEnd: ((bytes: number, seconds: number) => void) | undefined;
  #bytes = 0;
  #ended = false;
  firstByteSeconds: number | undefined;

  constructor(metrics: Metrics<'peer'>, direction: Direction, onEnd?: (bytes: number, seconds: number) => void) {
    this.#onEnd = onEnd;
    this.#metrics = metrics;
    this.#direction = direction;
    metrics.gauge('peerlab_transfers_in_progress').inc({ direction });
  }

  get seconds(): number {
    return (performance.now() - this.#startedAt) / 1000;
  }

  moved(bytes: number): void {
    if (bytes === 0) return;
    contentMoved(bytes);
    const direction = this.#direction;
    this.#bytes += bytes;
    this.#metrics.counter('peerlab_transfer_bytes_total').inc({ direction }, bytes);
    if (this.firstByteSeconds !== undefined) return;
    this.firstByteSeconds = this.seconds;
    this.#metrics.histogram('peerlab_transfer_first_byte_seconds').observe({ direction }, this.firstByteSeconds);
  }

  end(error?: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#onEnd?.(this.#bytes, this.seconds);
    const direction = this.#direction;
    const metrics = this.#metrics;
    metrics.gauge('peerlab_transfers_in_progress').dec({ direction });
    const outcome = error === undefined ? 'ok' : 'failed';
    const reason = error === undefined ? 'none' : toPeerLabError(error).code;
    metrics.counter('peerlab_transfers_total').inc({ direction, outcome, reason });
    if (error !== undefined) return;
    const seconds = this.seconds;
    metrics.histogram('peerlab_transfer_duration_seconds').observe({ direction }, seconds);
    if (this.#bytes > 0) {
      metrics.histogram('peerlab_transfer_throughput_bytes_per_second').observe({ direction }, this.#bytes / seconds);
    }
  }
}
