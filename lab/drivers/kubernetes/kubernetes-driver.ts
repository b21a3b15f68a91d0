import type { Driver, DriverInit } from '../driver.ts';
import { LazyDriver } from '../lazy-driver.ts';
import { Cluster } from './cluster.ts';
import { KubernetesRun } from './kubernetes-run.ts';

/** Directory and peers as pods in a namespace of the run's own. Cheap to import: client-node is loaded by `prepare`. */
export function createKubernetesDriver(init: DriverInit): Driver {
  return new LazyDriver('kubernetes', init, async () => {
    const cluster = await Cluster.named();
    return () => new KubernetesRun(init, cluster);
  });
}
