import type { V1Node } from '@kubernetes/client-node';
import { PeerLabError } from '#proto/errors.ts';
import { type ClusterAbilities, podSecurityOf } from './capabilities.ts';
import type { Cluster } from './cluster.ts';
import { amountOf } from './quantities.ts';
import { DRAIN_RIGHTS, deniedRights, nameOf } from './rights.ts';

/** Pod Security, network policies and downward addresses as they are used here. */
const OLDEST = { major: 1, minor: 28 };
const PATIENCE_MS = 5000;

export interface ClusterNode {
  readonly name: string;
  readonly cpus: number;
  readonly memoryBytes: number;
  readonly pods: number;
  /** Names that it says of images that it has; a node says 50 of them, and not always the newest. */
  readonly images: readonly string[];
  readonly saysAllImages: boolean;
}

export interface ClusterSurvey extends ClusterAbilities {
  readonly version: string;
  /** Those that take pods. */
  readonly nodes: readonly ClusterNode[];
}

const MOST_IMAGES = 50;

/** @throws PeerLabError `no-cluster` when it does not answer, or is too old */
export async function surveyCluster(cluster: Cluster, signal?: AbortSignal): Promise<ClusterSurvey> {
  const init = { patienceMs: PATIENCE_MS, timeoutMs: PATIENCE_MS, ...(signal && { signal }) };
  const [version, nodes] = await Promise.all([
    cluster.ask<{ gitVersion: string }>('GET', '/version', init),
    // Not everybody may look at nodes.
    cluster.ask<{ items: V1Node[] }>('GET', '/api/v1/nodes', init).catch(() => ({ items: [] })),
  ]).catch((cause) => {
    signal?.throwIfAborted();
    throw new PeerLabError('no-cluster', { about: cluster.what, got: (cause as Error).message, cause });
  });
  const [, major, minor] = /^v?(\d+)\.(\d+)/.exec(version.gitVersion) ?? [];
  const isOld = Number(major) < OLDEST.major || (Number(major) === OLDEST.major && Number(minor) < OLDEST.minor);
  if (isOld)
    throw new PeerLabError('no-cluster', {
      about: cluster.what,
      expected: `Kubernetes ${OLDEST.major}.${OLDEST.minor} or later`,
      got: version.gitVersion,
    });
  const drainLacks = await deniedRights(cluster, DRAIN_RIGHTS, init).catch(() => DRAIN_RIGHTS.map(nameOf));
  const usable = nodes.items.filter(isUsable).map(nodeOf);
  return {
    version: version.gitVersion,
    nodes: usable,
    nodeCount: usable.length,
    drainLacks,
    podSecurity: podSecurityOf(process.env),
    kernels: [...new Set(nodes.items.filter(isUsable).flatMap(({ status }) => status?.nodeInfo?.kernelVersion ?? []))],
    cpus: usable.length === 0 ? Number.POSITIVE_INFINITY : Math.max(...usable.map(({ cpus }) => cpus)),
  };
}

function isUsable({ spec, status }: V1Node): boolean {
  const isReady = status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True');
  const repels = spec?.taints?.some(({ effect }) => effect === 'NoSchedule' || effect === 'NoExecute');
  return isReady === true && !repels && spec?.unschedulable !== true;
}

function nodeOf({ metadata, status }: V1Node): ClusterNode {
  const { cpu = '0', memory = '0', pods = '0' } = status?.allocatable ?? {};
  const images = status?.images ?? [];
  return {
    name: metadata?.name ?? '',
    cpus: amountOf(cpu),
    memoryBytes: amountOf(memory),
    pods: amountOf(pods),
    images: images.flatMap(({ names }) => names ?? []),
    saysAllImages: images.length < MOST_IMAGES,
  };
}
