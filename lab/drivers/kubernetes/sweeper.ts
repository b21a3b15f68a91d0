import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { V1Lease, V1Namespace, V1Pod } from '@kubernetes/client-node';
import { inPool } from '../../limit.ts';
import type { Sweeper, Trace } from '../sweeper.ts';
import { Cluster, ClusterRefusal } from './cluster.ts';
import { cordonedNodes, stillOut, uncordon } from './drained-nodes.ts';
import { findKubeconfig } from './kubeconfig.ts';
import { LABEL, LEASE } from './names.ts';
import { removeNamespace } from './removal.ts';

const PATIENCE = { patienceMs: 5000, timeoutMs: 5000 };
const LOGS_AT_ONCE = 8;
const NAMESPACE_ENDS_MS = 60_000;
/** A namespace that is being removed and still there after so long is stuck. */
const REMOVAL_TAKES_MS = 120_000;
const MAX_WATCH_MS = 60_000;

/**
 * By the label `peerlab.run` of namespaces. Other labs use the same cluster: what they are at work with renews its Lease, and is not found
 * unless its id is asked for by the lab that has a record of it.
 */
export const kubernetesSweeper: Sweeper = {
  settleMs: 3000,

  async find(runId?: string): Promise<Trace[]> {
    if (!findKubeconfig(process.env)) return [];
    return onCluster(async (cluster) => {
      const namespaces = await namespacesOf(cluster, runId);
      const traceOf = async ({ metadata }: V1Namespace): Promise<Trace[]> => {
        const name = metadata?.name ?? '';
        if (isBeingRemoved(metadata?.deletionTimestamp)) return [];
        if (runId === undefined && !(await hasLapsed(cluster, name))) return [];
        return [{ runId: metadata?.labels?.[LABEL.run] ?? '', what: `namespace ${name}` }];
      };
      const traces = (await Promise.all(namespaces.map(traceOf))).flat();
      return [...traces, ...(await tracesOnNodes(cluster, namespaces, traces, runId))];
    });
  },

  async sweep(runId: string, logsDir?: string): Promise<string[]> {
    try {
      return await onCluster(async (cluster) => {
        const left: string[] = [];
        for (const { name } of await cordonedNodes(cluster, runId))
          await uncordon(cluster, name, runId).catch((error) => left.push(stillOut(name, error)));
        for (const { metadata } of await namespacesOf(cluster, runId)) {
          const name = metadata?.name ?? '';
          if (logsDir !== undefined) await saveLogs(cluster, name, logsDir);
          left.push(...(await removeNamespace(cluster, name, { withinMs: NAMESPACE_ENDS_MS })));
        }
        return left;
      });
    } catch (error) {
      return [`the namespace with the label ${LABEL.run}=${runId} may still be there: ${error}`];
    }
  },
};

async function onCluster<T>(work: (cluster: Cluster) => Promise<T>): Promise<T> {
  const cluster = await Cluster.named();
  try {
    return await work(cluster);
  } finally {
    cluster.close();
  }
}

async function namespacesOf(cluster: Cluster, runId?: string): Promise<V1Namespace[]> {
  const selector = encodeURIComponent(runId === undefined ? LABEL.run : `${LABEL.run}=${runId}`);
  const path = `/api/v1/namespaces?labelSelector=${selector}`;
  return (await cluster.ask<{ items: V1Namespace[] }>('GET', path, PATIENCE)).items;
}

/** Nodes out of service by runs that nobody leads any more, whose namespaces may have gone. */
async function tracesOnNodes(
  cluster: Cluster,
  namespaces: readonly V1Namespace[],
  lapsed: readonly Trace[],
  runId: string | undefined,
): Promise<Trace[]> {
  const alive = new Set(namespaces.map(({ metadata }) => metadata?.labels?.[LABEL.run]));
  for (const trace of lapsed) alive.delete(trace.runId);
  return (await cordonedNodes(cluster, runId))
    .filter((node) => runId !== undefined || !alive.has(node.runId))
    .map((node) => ({ runId: node.runId, what: `node ${node.name} out of service` }));
}

/** The cluster is at it; one that is still there much later has to be looked after. */
function isBeingRemoved(since: Date | undefined): boolean {
  return since !== undefined && Date.now() - new Date(since).getTime() < REMOVAL_TAKES_MS;
}

/**
 * No lab renews it. One that was renewed a moment ago is somebody's; where that looks long ago, or where there is none yet, it is watched
 * for as long as it holds, since the clocks of two machines are not the same.
 */
export async function hasLapsed(
  cluster: Pick<Cluster, 'ask'>,
  namespace: string,
  maxWatchMs = MAX_WATCH_MS,
): Promise<boolean> {
  const path = `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases/${LEASE}`;
  const read = async () => {
    try {
      return (await cluster.ask<V1Lease>('GET', path, PATIENCE)).spec;
    } catch (error) {
      // Whoever does not answer has said nothing about a Lease.
      if (error instanceof ClusterRefusal && error.status === 404) return undefined;
      throw error;
    }
  };
  const seen = await read();
  const holdsMs = Math.min((seen?.leaseDurationSeconds ?? Number.POSITIVE_INFINITY) * 1000, maxWatchMs);
  if (seen && Math.abs(Date.now() - Date.parse(String(seen.renewTime))) < holdsMs) return false;
  await sleep(holdsMs);
  return String((await read())?.renewTime) === String(seen?.renewTime);
}

/** What nodes keep of what instances put out. */
async function saveLogs(cluster: Cluster, namespace: string, logsDir: string): Promise<void> {
  const path = `/api/v1/namespaces/${namespace}/pods`;
  const { items } = await cluster.ask<{ items: V1Pod[] }>('GET', path).catch(() => ({ items: [] }));
  const instances = items.filter(({ metadata }) =>
    ['peer', 'directory'].includes(metadata?.labels?.[LABEL.role] ?? ''),
  );
  await inPool(instances, LOGS_AT_ONCE, async ({ metadata }) => {
    const name = metadata?.labels?.[LABEL.peer] ?? metadata?.name ?? '';
    try {
      const log = await cluster.ask<string>('GET', `${path}/${metadata?.name}/log`, { patienceMs: 0 });
      await pipeline(Readable.from([log]), createWriteStream(join(logsDir, `${name}.log`)));
    } catch {
      // A pod that never ran has none.
    }
  });
}
