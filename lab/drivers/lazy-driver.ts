import { PeerLabError } from '#proto/errors.ts';
import { interruption } from './deadline.ts';
import type { DirectorySpec, Driver, DriverInit, HostSpec, Instance, PeerSpec } from './driver.ts';
import type { Tested } from './program.ts';

/** A run of a driver that is expensive to load: all that a driver is asked for but its name. */
export interface LoadedRun extends Omit<Driver, 'kind' | 'accountOf'> {
  /** Nothing new is begun from now on. */
  close(): void;
}

/** A driver that is cheap to make: the run, with the libraries that it needs, is loaded by `prepare`. */
export class LazyDriver implements Driver {
  readonly kind: string;
  readonly #init: DriverInit;
  readonly #load: () => Promise<() => LoadedRun>;
  #run: LoadedRun | undefined;
  #preparing: Promise<void> | undefined;

  /** @param load what the run needs, and then how it is made: a run that was interrupted meanwhile is not */
  constructor(kind: string, init: DriverInit, load: () => Promise<() => LoadedRun>) {
    this.kind = kind;
    this.#init = init;
    this.#load = load;
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
    const make = await this.#load();
    if (this.#init.signal.aborted) throw interruption(this.#init.signal);
    this.#run = make();
    await this.#run.prepare(report);
  }

  #prepared(): LoadedRun {
    if (!this.#run) throw new PeerLabError('internal', { expected: 'prepare() before the first start' });
    return this.#run;
  }
}
