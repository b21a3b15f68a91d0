import type { V1Node } from '@kubernetes/client-node';
import { PeerLabError, reasonOf } from '#proto/errors.ts';
import { type Cluster, ClusterRefusal } from './cluster.ts';
import { LABEL, LEASE, NODES_ANNOTATION, namespaceOf } from './names.ts';
import { nodesRoleObjects } from './objects.ts';

/** Others change a node at the same time: its status, for instance. */
const ATTEMPTS = 5;
const MERGE_PATCH = 'application/merge-patch+json';

export interface DrainedNodesInit {
  readonly cluster: Cluster;
  readonly runId: string;
  /** Of the run's namespace: what the watchdog may do to nodes goes with it. */
  readonly namespaceUid: () => Promise<string>;
}

/**
 * The nodes that a run has put out of service. Each carries the run's label from that moment, so that it is found by whoever cleans up after
 * a lab; and before that it is named in the Lease of the run, so that the watchdog in the cluster can put it back as well.
 */
export class DrainedNodes {
  readonly #init: DrainedNodesInit;
  readonly #out = new Set<string>();

  constructor(init: DrainedNodesInit) {
    this.#init = init;
  }

  /** It takes no new pods. @throws PeerLabError `cluster-failed` where somebody else has put it out of service */
  async cordon(name: string): Promise<void> {
    const { cluster, runId } = this.#init;
    for (const { path, body } of nodesRoleObjects(runId, name, await this.#init.namespaceUid()))
      await cluster.ask('POST', path, { body });
    this.#out.add(name);
    await this.#tellWatchdog();
    const isMine = await change(cluster, name, ({ metadata, spec }) => {
      if (spec?.unschedulable || metadata?.labels?.[LABEL.run] !== undefined) return undefined;
      return { label: runId, unschedulable: true };
    });
    if (isMine) return;
    this.#out.delete(name);
    throw new PeerLabError('cluster-failed', { about: `node ${name}`, got: 'somebody else has it out of service' });
  }

  async isInService(name: string): Promise<boolean> {
    return (await readNode(this.#init.cluster, name)).spec?.unschedulable !== true;
  }

  async uncordon(name: string): Promise<void> {
    await uncordon(this.#init.cluster, name, this.#init.runId);
    this.#out.delete(name);
    // It looks whose node that is.
    await this.#tellWatchdog().catch(() => {});
  }

  /** Never throws. @returns those that are still out of service, a line each */
  async uncordonAll(): Promise<string[]> {
    const left: string[] = [];
    for (const name of this.#out) await this.uncordon(name).catch((error) => left.push(stillOut(name, error)));
    return left;
  }

  #tellWatchdog(): Promise<unknown> {
    const { cluster, runId } = this.#init;
    const path = `/apis/coordination.k8s.io/v1/namespaces/${namespaceOf(runId)}/leases/${LEASE}`;
    const body = { metadata: { annotations: { [NODES_ANNOTATION]: [...this.#out].join(',') } } };
    return cluster.ask('PATCH', path, { body, contentType: MERGE_PATCH });
  }
}

/** The nodes that a run, or any, has put out of service. Who may not look at nodes has none. */
export async function cordonedNodes(cluster: Cluster, runId?: string): Promise<{ name: string; runId: string }[]> {
  const selector = encodeURIComponent(runId === undefined ? LABEL.run : `${LABEL.run}=${runId}`);
  try {
    const { items } = await cluster.ask<{ items: V1Node[] }>('GET', `/api/v1/nodes?labelSelector=${selector}`);
    return items.map(({ metadata }) => ({ name: metadata?.name ?? '', runId: metadata?.labels?.[LABEL.run] ?? '' }));
  } catch (error) {
    if (error instanceof ClusterRefusal && error.status === 403) return [];
    throw error;
  }
}

/** One that this run did not put out of service stays as it is. */
export async function uncordon(cluster: Cluster, name: string, runId: string): Promise<void> {
  await change(cluster, name, ({ metadata }) => {
    return metadata?.labels?.[LABEL.run] === runId ? { label: null, unschedulable: null } : undefined;
  });
}

interface Change {
  readonly label: string | null;
  readonly unschedulable: true | null;
}

/** @returns whether there was something to change; a node that has gone wants no change */
async function change(cluster: Cluster, name: string, wanted: (node: V1Node) => Change | undefined): Promise<boolean> {
  for (let attempt = 1; ; attempt++) {
    try {
      const node = await readNode(cluster, name);
      const to = wanted(node);
      if (!to) return false;
      const metadata = { resourceVersion: node.metadata?.resourceVersion, labels: { [LABEL.run]: to.label } };
      const body = { metadata, spec: { unschedulable: to.unschedulable } };
      await cluster.ask('PATCH', pathOf(name), { body, contentType: MERGE_PATCH });
      return true;
    } catch (error) {
      const status = error instanceof ClusterRefusal ? error.status : 0;
      if (status === 404) return false;
      if (status !== 409 || attempt === ATTEMPTS) throw error;
    }
  }
}

export function stillOut(name: string, error: unknown): string {
  return `node ${name} is still out of service (kubectl uncordon ${name}): ${reasonOf(error)}`;
}

function readNode(cluster: Cluster, name: string): Promise<V1Node> {
  return cluster.ask<V1Node>('GET', pathOf(name));
}

function pathOf(name: string): string {
  return `/api/v1/nodes/${name}`;
}
