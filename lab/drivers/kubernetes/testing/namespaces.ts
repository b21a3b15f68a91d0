import type { V1Namespace } from '@kubernetes/client-node';
import { Cluster } from '../cluster.ts';
import { LABEL } from '../names.ts';

/** Namespaces that carry the id of a run, and are not being removed. `run`: its results folder. */
export async function namespacesOf(run: string | undefined): Promise<string[]> {
  const cluster = await Cluster.named();
  try {
    const path = `/api/v1/namespaces?labelSelector=${LABEL.run}%3D${run?.split('/').at(-1)}`;
    const { items } = await cluster.ask<{ items: V1Namespace[] }>('GET', path);
    return items.filter(({ metadata }) => !metadata?.deletionTimestamp).map(({ metadata }) => metadata?.name ?? '');
  } finally {
    cluster.close();
  }
}
