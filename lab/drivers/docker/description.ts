import { PeerLabError } from '#proto/errors.ts';
import { AS_PROCESSES, type Footprint } from '../../machine/footprint.ts';
import type { DriverDescription } from '../description.ts';
import { buildImages, findUserImage } from './build-images.ts';
import { dockerCapabilities } from './capabilities.ts';
import { createDockerDriver } from './docker-driver.ts';
import { contextFlaw } from './engine.ts';
import { examineForDocker } from './preflight.ts';
import { engineAbilities } from './survey.ts';
import { dockerSweeper } from './sweeper.ts';

const MIB = 1024 * 1024;

/**
 * As processes, and for each container 5 to 6 MiB of its shim and its proxy and about 5 in the kernel, 13 threads of the shim and 7 of
 * the proxy (Docker 20.10).
 */
const AS_CONTAINERS: Footprint = {
  ...AS_PROCESSES,
  peerBytes: 85 * MIB,
  directoryBytes: 150 * MIB,
  labBytes: 250 * MIB,
  tasks: 31,
};

export const dockerDriver: DriverDescription = {
  kind: 'docker',
  isAutomatic: true,
  carrier: {
    name: 'engine',
    absent: 'no-engine',
    help: 'start a Docker engine (on Debian: apt-get install docker.io, then dockerd)',
  },
  async survey() {
    const flaw = contextFlaw();
    if (flaw !== undefined) throw new PeerLabError('no-engine', { got: flaw });
    const engine = await engineAbilities();
    if (typeof engine === 'string') return engine;
    return { what: `Docker ${engine.version} at ${engine.endpoint}, by ${engine.by}`, can: dockerCapabilities(engine) };
  },
  find: findUserImage,
  create: createDockerDriver,
  sweeper: dockerSweeper,
  footprint: AS_CONTAINERS,
  examine: examineForDocker,
  makeImages: buildImages,
};
