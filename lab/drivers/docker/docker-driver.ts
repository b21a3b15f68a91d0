import { PeerLabError } from '#proto/errors.ts';
import { interruption } from '../deadline.ts';
import type { DirectorySpec, Driver, DriverInit, HostSpec, Instance, PeerSpec } from '../driver.ts';
import type { Tested } from '../program.ts';
import type { DockerRun } from './docker-run.ts';
import { findEngine } from './engine.ts';

/** Cheap to import: the Docker libraries are loaded by `prepare`. */
export function createDockerDriver(init: DriverInit): Driver {
  return new DockerDriver(init);
}

/** Directory and peers as containers on a bridge of the run's own. The work is done in docker-run.ts. */
class DockerDriver implements Driver {
  readonly kind = 'docker';
  readonly #init: DriverInit;
  #run: DockerRun | undefined;
  #preparing: Promise<void> | undefined;

  constructor(init: DriverInit) {
    this.#init = init;
  }

  get tested(): readonly Tested[] {
    return this.#run?.tested ?? [];
  }

  get artifacts(): Readonly<Record<string, string>> {
    return this.#run?.artifacts ?? {};
  }

  prepare(report: (what: string) => void): Promise<void> {
    this.#preparing = this.#prepare(report);
    return this.#preparing;
  }

  startDirectory(spec: DirectorySpec): Promise<Instance> {
    return this.#prepared().startDirectory(spec);
  }

  startPeer(spec: PeerSpec): Promise<Instance> {
    return this.#prepared().startPeer(spec);
  }

  startHost(spec: HostSpec): Promise<Instance[]> {
    return this.#prepared().startHost(spec);
  }

  restart(instance: Instance): Promise<Instance> {
    return this.#prepared().restart(instance);
  }

  async end(orderly: boolean): Promise<string[]> {
    // A run that ends while it is prepared: what is being made must be known before it can be removed.
    this.#run?.close();
    await this.#preparing?.catch(() => {});
    return (await this.#run?.end(orderly)) ?? [];
  }

  async #prepare(report: (what: string) => void): Promise<void> {
    const engine = await findEngine();
    if (typeof engine === 'string') throw new PeerLabError('no-engine', { got: engine });
    if (this.#init.signal.aborted) throw interruption(this.#init.signal);
    const { DockerRun } = await import('./docker-run.ts');
    this.#run = new DockerRun(this.#init, engine);
    await this.#run.prepare(report);
  }

  #prepared(): DockerRun {
    if (!this.#run) throw new PeerLabError('internal', { expected: 'prepare() before the first start' });
    return this.#run;
  }
}
