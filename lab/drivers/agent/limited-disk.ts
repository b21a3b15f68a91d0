import { PeerLabError } from '#proto/errors.ts';
import type { InstanceDisk } from '../driver.ts';
import type { Helper } from './helper.ts';
import { AGENT } from './image.ts';

const FULL_TIMEOUT_MS = 20_000;
const RELEASE_TIMEOUT_MS = 10_000;
const POLL_MS = 25;

/** What a driver knows of a disk that it made. */
export interface DiskInit {
  /** For messages. */
  readonly name: string;
  /** Where the disk is in the helpers' containers. */
  readonly folder: string;
  /** An agent beside the disk; one in memory ends with its last mount, and is held by it. */
  readonly holder: Helper;
  /** Starts another container beside the disk with this command. */
  start(command: readonly string[]): Promise<Helper>;
}

/**
 * A share's disk with an end. It is filled by a container of its own, with a file that has no name: the peer does not see it in
 * its share, and whatever the peer gives back is taken, too.
 */
export class LimitedDisk implements InstanceDisk {
  readonly #init: DiskInit;
  #filler: Helper | undefined;

  constructor(init: DiskInit) {
    this.#init = init;
  }

  async fill(): Promise<void> {
    const { folder, start } = this.#init;
    this.#filler = await start([...AGENT, 'fill', folder]);
    await this.#until((free) => free === 0, 'no free space', FULL_TIMEOUT_MS);
  }

  async release(): Promise<void> {
    const filler = this.#filler;
    this.#filler = undefined;
    if (!filler) return;
    await filler.remove();
    await this.#until((free) => free > 0, 'free space', RELEASE_TIMEOUT_MS);
  }

  async freeBytes(): Promise<number> {
    return (await this.#init.holder.ask({ do: 'free', folder: this.#init.folder })).freeBytes;
  }

  async #until(isSo: (freeBytes: number) => boolean, expected: string, withinMs: number): Promise<void> {
    const giveUpAt = performance.now() + withinMs;
    for (;;) {
      const free = await this.freeBytes();
      if (isSo(free)) return;
      if (performance.now() > giveUpAt) {
        const got = `${free} bytes free`;
        throw new PeerLabError('agent-failed', {
          about: this.#init.name,
          expected: `${expected} in ${withinMs} ms`,
          got,
        });
      }
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }
}
