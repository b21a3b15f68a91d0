import { PeerLabError } from '#proto/errors.ts';
import { interruption } from '../deadline.ts';
import type { DirectorySpec, Driver, DriverInit, HostSpec, Instance, PeerSpec } from '../driver.ts';
import type { Tested } from '../program.ts';
import { Cluster } from './cluster.ts';
import { KubernetesRun } from './kubernetes-run.ts';

/** Cheap to import: client-node is loaded by `prepare`. */
export function createKubernetesDriver(init: DriverInit): Driver {
  return new KubernetesDriver(init);
}

/** Directory and peers as pods in a namespace of the run's own. The work is done in kubernetes-run.ts. */
class KubernetesDriver implements Driver {
  readonly kind = 'kubernetes';
  readonly #init: DriverInit;
  #run: KubernetesRun | undefined;
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
    const cluster = await Cluster.named();
    if (this.#init.signal.aborted) throw interruption(this.#init.signal);
    this.#run = new KubernetesRun(this.#init, cluster);
    await this.#run.prepare(report);
  }

  #prepared(): KubernetesRun {
    if (!this.#run) throw new PeerLabError('internal', { expected: 'prepare() before the first start' });
    return this.#run;
  }
}
