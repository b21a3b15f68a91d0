import { PeerLabError } from '#proto/errors.ts';
import type { Images } from '../images/build.ts';
import { findEngine } from './engine.ts';

/**
 * Makes `peerlab/directory` and `peerlab/peer` when their inputs have changed. Cheap to import: the Docker
 * libraries are loaded when it is called.
 * @throws PeerLabError `no-engine`, `build-failed`, `no-base-image`, `engine-lost`, `engine-failed`
 */
export async function buildImages(report: (what: string) => void): Promise<Images> {
  const info = await findEngine();
  if (typeof info === 'string') throw new PeerLabError('no-engine', { got: info });
  const [{ EngineConnection }, { DockerImages }, { imagesOn }] = await Promise.all([
    import('./connection.ts'),
    import('./docker-images.ts'),
    import('../images/build.ts'),
  ]);
  return imagesOn(new DockerImages(new EngineConnection(info)), report);
}
