import { setTimeout as sleep } from 'node:timers/promises';
import type { V1Namespace } from '@kubernetes/client-node';
import { reasonOf } from '#proto/errors.ts';
import { type Cluster, ClusterRefusal } from './cluster.ts';

const PAUSE_MS = { first: 150, most: 1000, growth: 1.5 };

export interface RemovalInit {
  /** For how long it is waited for. */
  readonly withinMs: number;
  /** Pods are not waited for: their nodes end them a moment later. */
  readonly atOnce?: boolean;
  readonly patienceMs?: number;
}

/** Removes a namespace and all that is in it. Never throws. @returns what is still there, and why, a line each */
export async function removeNamespace(cluster: Cluster, namespace: string, init: RemovalInit): Promise<string[]> {
  const path = `/api/v1/namespaces/${namespace}`;
  const patience = { patienceMs: init.patienceMs ?? init.withinMs };
  try {
    // Pods first: a namespace that is removed with pods in it looks after them seconds later.
    if (init.atOnce) await ignoringMissing(cluster.ask('DELETE', `${path}/pods?gracePeriodSeconds=0`, patience));
    if (!(await ignoringMissing(cluster.ask('DELETE', path, patience)))) return [];
    return await untilGone(cluster, path, namespace, init.withinMs);
  } catch (error) {
    return [`namespace ${namespace} may still be there: ${reasonOf(error)}`];
  }
}

async function untilGone(cluster: Cluster, path: string, namespace: string, withinMs: number): Promise<string[]> {
  const giveUpAt = performance.now() + withinMs;
  let pauseMs = PAUSE_MS.first;
  for (;;) {
    const there = await ignoringMissing(cluster.ask<V1Namespace>('GET', path));
    if (!there) return [];
    if (performance.now() > giveUpAt) return [`namespace ${namespace} is still there: ${whyStuck(there)}`];
    await sleep(pauseMs);
    pauseMs = Math.min(PAUSE_MS.most, pauseMs * PAUSE_MS.growth);
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
