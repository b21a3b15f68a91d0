import { PeerLabError } from '#proto/errors.ts';
import { findEngine } from './engine.ts';
import type { Images } from './image-build.ts';

/**
 * Makes `peerlab/directory` and `peerlab/peer` when their inputs have changed. Cheap to import: the Docker
 * libraries are loaded when it is called.
 * @throws PeerLabError `no-engine`, `build-failed`, `no-base-image`, `engine-lost`, `engine-failed`
 */
export async function buildImages(report: (what: string) => void): Promise<Images> {
  const info = await findEngine();
  if (typeof info === 'string') throw new PeerLabError('no-engine', { got: info });
  const [{ EngineConnection }, { imagesOn }] = await Promise.all([
    import('./connection.ts'),
    import('./image-build.ts'),
  ]);
  return imagesOn(new EngineConnection(info), report);
}
