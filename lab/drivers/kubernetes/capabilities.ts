import { type Capabilities, type Lack, OF_ITS_OWN } from '../capabilities.ts';
import { hostedLack } from '../hosted-peer.ts';
import { usersProgramLack } from './programs.ts';

const MIB = 1024 * 1024;
const LEAST_MEMORY_BYTES = 16 * MIB;

/** What of a cluster matters for what a run may ask for. */
export interface ClusterAbilities {
  /** Of the node that has the most for pods. */
  readonly cpus: number;
}

export function kubernetesCapabilities({ cpus }: ClusterAbilities): Capabilities {
  return {
    ...OF_ITS_OWN,
    'memory-limit': (bytes) =>
      bytes >= LEAST_MEMORY_BYTES
        ? undefined
        : { why: `a pod needs a memory limit of at least ${LEAST_MEMORY_BYTES / MIB} MiB`, help: 'ask for more' },
    'cpu-limit': (wanted) =>
      wanted <= cpus
        ? undefined
        : { why: `no node of this cluster has more than ${cpus} CPUs for pods`, help: 'a lower limit of CPUs' },
    'own-peer': usersProgramLack,
    'network-faults': () => NETWORKS,
    'disk-limit': () => DISKS,
    'while-hosted': hostedLack,
  };
}

const NETWORKS: Lack = {
  why: 'pods of a namespace with Pod Security restricted may not disturb their network',
  help: 'use --driver docker',
};
const DISKS: Lack = {
  why: 'the volumes of pods are on the disk of their node, and none has a size that the kernel holds it to',
  help: 'use --driver docker',
};
