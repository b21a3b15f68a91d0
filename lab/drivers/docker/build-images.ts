import { PeerLabError, reasonOf } from '#proto/errors.ts';
import type { Made } from '../description.ts';
import type { Image } from '../images/image-store.ts';
import type { Program } from '../program.ts';
import type { DockerImages } from './docker-images.ts';
import { findEngine } from './engine.ts';
import { isReference } from './reference.ts';

/** What is done with images outside of a run. Cheap to import: the Docker libraries are loaded when they are used. */

/**
 * Makes `peerlab/directory` and `peerlab/peer` when their inputs have changed; for clusters, `peerlab/lab` and `peerlab/faults` as well.
 * @throws PeerLabError `no-engine`, `build-failed`, `no-base-image`, `engine-lost`, `engine-failed`
 */
export async function buildImages(report: (what: string) => void, forClusters = false): Promise<Made> {
  const [store, { imagesForClusters, imagesOn }] = await Promise.all([imagesOfEngine(), import('../images/build.ts')]);
  const { version, double: _, ...images } = await (forClusters ? imagesForClusters : imagesOn)(store, report);
  const faults = forClusters ? await faultImage(store, report) : undefined;
  return { version, images: { ...images, ...(faults && { faults }) } };
}

/** Not everywhere it can be made: without it, networks are not disturbed. */
async function faultImage(store: DockerImages, report: (what: string) => void): Promise<Image | undefined> {
  const { ensureFaultImage } = await import('../agent/image.ts');
  try {
    return await ensureFaultImage(store, report);
  } catch (error) {
    if (!(error instanceof PeerLabError && error.code === 'build-failed')) throw error;
    report(`peerlab/faults, for faults of networks, can not be made here: ${reasonOf(error)}`);
    return undefined;
  }
}

/** @throws PeerLabError `no-program`, `no-engine`, `engine-lost`, `engine-failed` */
export async function findUserImage(name: string): Promise<Program> {
  if (!isReference(name)) throw new PeerLabError('no-program', { about: name, got: 'no image can have such a name' });
  const [store, { findImage }] = await Promise.all([imagesOfEngine(), import('../images/image-store.ts')]);
  return findImage(store, name);
}

async function imagesOfEngine(): Promise<DockerImages> {
  const info = await findEngine();
  if (typeof info === 'string') throw new PeerLabError('no-engine', { got: info });
  const [{ EngineConnection }, { DockerImages }] = await Promise.all([
    import('./connection.ts'),
    import('./docker-images.ts'),
  ]);
  return new DockerImages(new EngineConnection(info));
}
