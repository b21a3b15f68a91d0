import { PeerLabError } from '#proto/errors.ts';
import { kernelAbilities, kernelLack } from '../agent/kernel-abilities.ts';
import { type Capabilities, type Lack, OF_ITS_OWN, type Wants } from '../capabilities.ts';
import { hostedLack } from '../hosted-peer.ts';
import { usersProgramLack } from './programs.ts';

const MIB = 1024 * 1024;
const LEAST_MEMORY_BYTES = 16 * MIB;
const LEAST_DISK_BYTES = MIB;

/** What the namespaces of runs enforce. Pods are the same on either level; agents that disturb networks are let in on the second only. */
export type PodSecurity = 'restricted' | 'privileged';
const POD_SECURITY = 'PEERLAB_KUBERNETES_POD_SECURITY';

/** What of a cluster matters for what a run may ask for. */
export interface ClusterAbilities {
  /** Of the node that has the most for pods. */
  readonly cpus: number;
  /** Releases of its nodes' kernels. */
  readonly kernels: readonly string[];
  readonly podSecurity: PodSecurity;
  /** How many nodes take pods. */
  readonly nodeCount: number;
  /** What the account lacks for draining nodes: `patch nodes`. */
  readonly drainLacks: readonly string[];
}

export function kubernetesCapabilities(abilities: ClusterAbilities): Capabilities {
  const { cpus } = abilities;
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
    'network-faults': (kind) => networkLack(kind, abilities),
    'disk-limit': (bytes) =>
      bytes >= LEAST_DISK_BYTES ? undefined : { why: 'a disk of less than 1 MiB is none', help: 'raise the limit' },
    'machine-faults': () => undefined,
    'drained-nodes': (wanted) => drainLack(wanted, abilities),
    'while-hosted': hostedLack,
  };
}

function networkLack(kind: Wants['network-faults'], { podSecurity, kernels }: ClusterAbilities): Lack | undefined {
  // Whether policies can do it shows when the run is prepared.
  if (podSecurity === 'restricted') return kind === 'cut' ? undefined : NO_AGENT;
  return kernels.map((kernel) => kernelLack(kind, kernelAbilities(kernel))).find((lack) => lack !== undefined);
}

function drainLack(wanted: number, { nodeCount, drainLacks }: ClusterAbilities): Lack | undefined {
  if (drainLacks.length > 0)
    return {
      why: `the account of this lab may not ${drainLacks.join(', ')}`,
      help: 'ask the administrator for that, or use evict',
    };
  if (nodeCount > wanted) return undefined;
  const why =
    nodeCount === 1
      ? 'its only node also carries the gateway of the run, and there is no other one'
      : `it has ${nodeCount} nodes for pods, and the gateway of the run needs one that is not drained`;
  return { why, help: `a cluster of ${wanted + 1} nodes or more, or evict` };
}

/** @throws PeerLabError `bad-setting` */
export function podSecurityOf(env: NodeJS.ProcessEnv): PodSecurity {
  const got = env[POD_SECURITY] || 'restricted';
  if (got === 'restricted' || got === 'privileged') return got;
  throw new PeerLabError('bad-setting', { about: POD_SECURITY, expected: 'restricted or privileged', got });
}

/** What would help where networks can't be disturbed. */
export const LET_IN = `set ${POD_SECURITY}=privileged where the administrator of the cluster agrees, or use --driver docker`;
const NO_AGENT: Lack = {
  why: 'the namespaces of runs enforce Pod Security restricted, in which no container may disturb a network',
  help: LET_IN,
};
