import { type KernelAbilities, kernelLack } from '../agent/kernel-abilities.ts';
import { type Capabilities, type Lack, NO_MACHINES, OF_ITS_OWN } from '../capabilities.ts';
import { hostedLack } from '../hosted-peer.ts';
import { isReference } from './reference.ts';

/** What an engine says of itself that decides what its containers can do. */
export interface EngineAbilities {
  readonly limitsMemory: boolean;
  readonly limitsCpu: boolean;
  readonly cpus: number;
  /** Why there are no tools to disturb networks and disks with, and none can be made; undefined when there are. */
  readonly toolsLack: string | undefined;
  readonly kernel: KernelAbilities;
}

const LEAST_DISK_BYTES = 1024 * 1024;
/** The engine refuses less. */
const LEAST_MEMORY_BYTES = 6 * 1024 * 1024;
const CGROUPS_HELP = 'boot the kernel with memory and CPU cgroups; see the warnings of docker info';

export function dockerCapabilities(abilities: EngineAbilities): Capabilities {
  const { limitsMemory, limitsCpu, cpus } = abilities;
  return {
    'memory-limit'(bytes) {
      if (!limitsMemory) return { why: 'the engine can not limit memory on this kernel', help: CGROUPS_HELP };
      if (bytes >= LEAST_MEMORY_BYTES) return undefined;
      return { why: 'Docker takes no limit below 6 MiB', help: 'raise the limit' };
    },
    'cpu-limit'(wanted) {
      if (!limitsCpu) return { why: 'the engine can not limit CPU on this kernel', help: CGROUPS_HELP };
      if (wanted <= cpus) return undefined;
      return { why: `the engine has ${cpus} CPUs`, help: 'lower the limit, or leave it out' };
    },
    'own-peer': (image) => (isReference(image) ? undefined : noImage),
    'network-faults': (kind) => toolsLack(abilities) ?? kernelLack(kind, abilities.kernel),
    'disk-limit'(bytes) {
      if (bytes < LEAST_DISK_BYTES) return { why: 'a disk of less than 1 MiB is none', help: 'raise the limit' };
      return toolsLack(abilities);
    },
    'machine-faults': () => NO_MACHINES,
    'drained-nodes': () => NO_MACHINES,
    'while-hosted': hostedLack,
    ...OF_ITS_OWN,
  };
}

function toolsLack({ toolsLack: why }: EngineAbilities): Lack | undefined {
  if (why === undefined) return undefined;
  return {
    why: `it is done with the image peerlab/faults, which can not be made here: ${why}`,
    help: 'take Debian or Ubuntu with apt-get, on the architecture of the engine',
  };
}

const noImage: Lack = {
  why: 'for the docker driver this is the name of an image, and no image has such a name',
  help: 'give the name of an image, or take --driver process if it is a command',
};
