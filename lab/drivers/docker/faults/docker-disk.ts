import { PeerLabError } from '#proto/errors.ts';
import type { InstanceDisk } from '../../driver.ts';
import type { EngineConnection } from '../connection.ts';
import { FAULT_ROLE, labelsOf } from '../labels.ts';
import { SHARE_DIR } from '../share-volume.ts';
import type { Disturber, Helper } from './disturber.ts';
import { AGENT } from './fault-image.ts';

const FULL_TIMEOUT_MS = 20_000;
const RELEASE_TIMEOUT_MS = 10_000;
const POLL_MS = 25;

/**
 * A share's volume with an end: a file system in memory, which ends with its last mount, and so is held by a container from before the
 * share is copied into it to the end of the run. Filled by another container, with a file that has no name: the peer does not see it in
 * its share, and whatever the peer gives back is taken, too.
 */
export class DockerDisk implements InstanceDisk {
  readonly #disturber: Disturber;
  readonly #name: string;
  readonly #volume: string;
  readonly #sizeBytes: number;
  readonly #holder: Helper;
  #filler: Helper | undefined;

  private constructor(disturber: Disturber, name: string, volume: string, sizeBytes: number, holder: Helper) {
    this.#disturber = disturber;
    this.#name = name;
    this.#volume = volume;
    this.#sizeBytes = sizeBytes;
    this.#holder = holder;
  }

  /** Makes the volume, and holds it. */
  static async make(
    engine: EngineConnection,
    disturber: Disturber,
    runId: string,
    name: string,
    volume: string,
    sizeBytes: number,
  ): Promise<DockerDisk> {
    const created = engine.docker.createVolume({
      Name: volume,
      Driver: 'local',
      DriverOpts: { type: 'tmpfs', device: 'tmpfs', o: `size=${sizeBytes},mode=0755,nosuid,nodev,noexec` },
      Labels: labelsOf(runId, FAULT_ROLE, name),
    });
    await engine.call(`create the volume ${volume}`, created);
    const holder = await disturber.onVolume(`disk-${name}`, volume, sizeBytes);
    return new DockerDisk(disturber, name, volume, sizeBytes, holder);
  }

  async fill(): Promise<void> {
    this.#filler = await this.#disturber.onVolume(`fill-${this.#name}`, this.#volume, this.#sizeBytes, [
      ...AGENT,
      'fill',
      SHARE_DIR,
    ]);
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
    return (await this.#holder.ask({ do: 'free', folder: SHARE_DIR })).freeBytes;
  }

  async #until(isSo: (freeBytes: number) => boolean, expected: string, withinMs: number): Promise<void> {
    const giveUpAt = performance.now() + withinMs;
    for (;;) {
      const free = await this.freeBytes();
      if (isSo(free)) return;
      if (performance.now() > giveUpAt) {
        const got = `${free} bytes free`;
        throw new PeerLabError('engine-failed', {
          about: this.#volume,
          expected: `${expected} in ${withinMs} ms`,
          got,
        });
      }
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }
}
