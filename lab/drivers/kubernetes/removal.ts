import { setTimeout as sleep } from 'node:timers/promises';
import type { V1Namespace } from '@kubernetes/client-node';
import { reasonOf } from '#proto/errors.ts';
import { type Cluster, ClusterRefusal } from './cluster.ts';

/** A cluster lets a namespace that is being removed alone for its first 5 s. */
const PAUSE_MS = { first: 2000, later: 400 };
/** The end of whatever was to end in order has come before. */
const GRACE_SECONDS = 1;

export interface RemovalInit {
  /** For how long it is waited for. */
  readonly withinMs: number;
  /** Fires when nobody waits for more than that the cluster has begun, and that no pod is left. */
  readonly hurry?: AbortSignal;
}

/** Removes a namespace and all that is in it. Never throws. @returns what is still there, and why, a line each */
export async function removeNamespace(cluster: Cluster, namespace: string, init: RemovalInit): Promise<string[]> {
  const path = `/api/v1/namespaces/${namespace}`;
  const { hurry, withinMs } = init;
  const patience = { patienceMs: withinMs };
  try {
    if (!(await ignoringMissing(cluster.ask('DELETE', path, patience)))) return [];
    // The cluster itself would look after pods only seconds later, and then wait for them.
    const grace = hurry?.aborted ? 0 : GRACE_SECONDS;
    await ignoringMissing(cluster.ask('DELETE', `${path}/pods?gracePeriodSeconds=${grace}`, patience));
    return await untilGone(cluster, path, namespace, init);
  } catch (error) {
    return [`namespace ${namespace} may still be there: ${reasonOf(error)}`];
  }
}

async function untilGone(
  cluster: Cluster,
  path: string,
  namespace: string,
  { withinMs, hurry }: RemovalInit,
): Promise<string[]> {
  const giveUpAt = performance.now() + withinMs;
  for (let pauseMs = PAUSE_MS.first; ; pauseMs = PAUSE_MS.later) {
    await sleep(pauseMs, undefined, { ...(hurry && { signal: hurry }) }).catch(() => {});
    if (hurry?.aborted) {
      await ignoringMissing(cluster.ask('DELETE', `${path}/pods?gracePeriodSeconds=0`));
      return [];
    }
    const there = await ignoringMissing(cluster.ask<V1Namespace>('GET', path));
    if (!there) return [];
    if (performance.now() > giveUpAt) return [`namespace ${namespace} is still there: ${whyStuck(there)}`];
  }
}

/** What the cluster itself says of a namespace that does not go. */
export function whyStuck({ status, spec }: V1Namespace): string {
  const said = (status?.conditions ?? []).filter((one) => one.status === 'True').map(({ message }) => message);
  if (said.length > 0) return said.join('; ');
  const finalizers = spec?.finalizers ?? [];
  return finalizers.length > 0 ? `it waits for ${finalizers.join(', ')}` : 'the cluster does not say why';
}

/** @returns nothing when it was not there */
async function ignoringMissing<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof ClusterRefusal && error.status === 404) return undefined;
    throw error;
  }
}
