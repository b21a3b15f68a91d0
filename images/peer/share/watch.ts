import { type FSWatcher, watch } from 'node:fs';
import type { Logger } from '#base/logger.ts';
import { reasonOf } from '#proto/errors.ts';

export interface FolderWatchInit {
  readonly folder: string;
  readonly logger: Logger;
  /** Looks at the folder; called again only after it has come back. Must not reject. */
  readonly look: () => Promise<void>;
  /** For tests: how a watch is had. */
  readonly watch?: typeof watch;
}

/** Events within this time lead to one look: copying a thousand files is not a thousand scans. */
const GATHER_MS = 100;
/** How often the folder is looked at if no watch is available, or there is no folder. */
export const POLL_MS = 1000;
/** Safety net beside a watch: events can be lost (queue overflow, network file systems). */
const RESCAN_MS = 60_000;

/**
 * Calls `look` soon after the folder changed. One inotify instance at most, of which a user has few (128 by default);
 * without one it polls.
 */
export class FolderWatch implements Disposable {
  readonly #init: FolderWatchInit;
  #watcher: FSWatcher | undefined;
  #timer: NodeJS.Timeout | undefined;
  #dueAt = Number.POSITIVE_INFINITY;
  #closed = false;

  constructor(init: FolderWatchInit) {
    this.#init = init;
    this.renew();
    this.lookWithin(this.#restMs);
  }

  /** Watches what has the folder's name now: a watch stays with the folder that it was made for, wherever that one goes. */
  renew(): void {
    this.#watcher?.close();
    try {
      const { folder, watch: begin = watch } = this.#init;
      this.#watcher = begin(folder, { persistent: false }, () => this.lookWithin(GATHER_MS));
      this.#watcher.on('error', (error) => this.#fallBack(error));
    } catch (error) {
      this.#fallBack(error);
    }
  }

  /** Looks at the folder after `delayMs` at the latest. */
  lookWithin(delayMs: number): void {
    const dueAt = performance.now() + delayMs;
    if (this.#closed || dueAt >= this.#dueAt) return;
    this.#dueAt = dueAt;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#look(), delayMs).unref();
  }

  [Symbol.dispose](): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#watcher?.close();
  }

  get #restMs(): number {
    return this.#watcher ? RESCAN_MS : POLL_MS;
  }

  async #look(): Promise<void> {
    this.#dueAt = Number.POSITIVE_INFINITY;
    await this.#init.look();
    this.lookWithin(this.#restMs);
  }

  #fallBack(error: unknown): void {
    if (this.#closed) return;
    this.#watcher?.close();
    this.#watcher = undefined;
    this.#init.logger.warn({ reason: reasonOf(error) }, 'the share cannot be watched; polling once a second');
    this.lookWithin(POLL_MS);
  }
}
