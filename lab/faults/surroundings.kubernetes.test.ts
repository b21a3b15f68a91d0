import type { V1Pod } from '@kubernetes/client-node';
import { expect } from 'vitest';
import { Cluster } from '../drivers/kubernetes/cluster.ts';
import { createKubernetesDriver } from '../drivers/kubernetes/kubernetes-driver.ts';
import { namespaceOf, podNameOf } from '../drivers/kubernetes/names.ts';
import { surveyCluster } from '../drivers/kubernetes/survey.ts';
import { describeSurroundings } from './surroundings.contract.ts';

// Where agents are let in; the other level is tested beside its driver.
process.env.PEERLAB_KUBERNETES_POD_SECURITY = 'privileged';
const cluster = await Cluster.named().catch((error: Error) => error);
const survey = cluster instanceof Error ? cluster : await surveyCluster(cluster).catch((error: Error) => error);
const isRequired = process.env.PEERLAB_REQUIRE_KUBERNETES === '1';

describeSurroundings('kubernetes', {
  create: createKubernetesDriver,
  skipReason: survey instanceof Error && !isRequired ? survey.message : undefined,
  async expectHelper(runId, when) {
    // It can't be taken out of a pod: what it did is undone when there is another life.
    if (when === 'killed') return;
    const path = `/api/v1/namespaces/${namespaceOf(runId)}/pods/${podNameOf('one')}`;
    const { spec } = await (cluster as Cluster).ask<V1Pod>('GET', path);
    expect(spec?.containers.map(({ securityContext }) => securityContext?.capabilities)).toEqual([{ drop: ['ALL'] }]);
    expect((spec?.ephemeralContainers ?? []).map(({ securityContext }) => securityContext?.capabilities)).toEqual([
      { drop: ['ALL'], add: ['NET_ADMIN'] },
    ]);
  },
});
