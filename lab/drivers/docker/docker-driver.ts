import { PeerLabError } from '#proto/errors.ts';
import type { Driver, DriverInit } from '../driver.ts';
import { LazyDriver } from '../lazy-driver.ts';
import { findEngine } from './engine.ts';

/** Directory and peers as containers on a bridge of the run's own. Cheap to import: the Docker libraries are loaded by `prepare`. */
export function createDockerDriver(init: DriverInit): Driver {
  return new LazyDriver('docker', init, async () => {
    const engine = await findEngine();
    if (typeof engine === 'string') throw new PeerLabError('no-engine', { got: engine });
    const { DockerRun } = await import('./docker-run.ts');
    return () => new DockerRun(init, engine);
  });
}
