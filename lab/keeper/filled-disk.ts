import { statfs } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { PeerLabError } from '#proto/errors.ts';
import { freeBytesOf, keepFull } from '../machine/full-disk.ts';

const FULL_TIMEOUT_MS = 10_000;
const POLL_MS = 10;
/** The type of file systems in memory, from linux/magic.h. */
const TMPFS = 0x01021994;

/** The disk of a folder, which can be filled and freed again. */
export class FilledDisk {
  readonly #folder: string;
  #filling: { readonly end: AbortController; readonly done: Promise<void> } | undefined;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /**
   * Comes back when it is so.
   * @throws PeerLabError `bad-request` for a disk that others may share: only one in memory is certainly the share's own
   */
  async keepFull(isWanted: boolean): Promise<void> {
    if (!isWanted) {
      const filling = this.#filling;
      this.#filling = undefined;
      filling?.end.abort();
      return filling?.done.catch(() => {});
    }
    if (this.#filling) return;
    const { type } = await statfs(this.#folder);
    if (type !== TMPFS)
      throw new PeerLabError('bad-request', { about: 'share', expected: 'a disk of its own', got: `type ${type}` });
    const end = new AbortController();
    const done = keepFull(this.#folder, end.signal);
    // Told to whoever waits for it; later a look at what is free shows it.
    done.catch(() => {});
    this.#filling = { end, done };
    const giveUpAt = performance.now() + FULL_TIMEOUT_MS;
    while ((await freeBytesOf(this.#folder)) > 0) {
      await Promise.race([done, sleep(POLL_MS)]);
      if (performance.now() < giveUpAt) continue;
      await this.keepFull(false);
      throw new PeerLabError('internal', {
        about: this.#folder,
        expected: `a full disk within ${FULL_TIMEOUT_MS} ms`,
      });
    }
  }
}
