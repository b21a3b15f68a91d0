import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { V1Namespace, V1Pod } from '@kubernetes/client-node';
import { expect, onTestFinished, test } from 'vitest';
import { Cluster } from './cluster.ts';
import { LABEL } from './names.ts';
import { ownImage } from './programs.ts';
import { removeNamespace } from './removal.ts';
import { RIGHTS } from './rights.ts';

const RUN_WITHIN_MS = 150_000;

test('a lab in a pod, with the rights that docs/drivers.md has and no more, passes `basic`', async () => {
  const name = `peerlab-test-${randomBytes(4).toString('hex')}`;
  const cluster = await Cluster.named();
  const rbac = '/apis/rbac.authorization.k8s.io/v1';
  const make = (path: string, body: object) => cluster.ask('POST', path, { body });
  onTestFinished(async () => {
    await cluster.ask('DELETE', `${rbac}/clusterrolebindings/${name}`);
    await cluster.ask('DELETE', `${rbac}/clusterroles/${name}`);
    expect(await removeNamespace(cluster, name, { withinMs: 60_000 })).toEqual([]);
    cluster.close();
  });
  const group = 'rbac.authorization.k8s.io';
  await make('/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  await make(`/api/v1/namespaces/${name}/serviceaccounts`, { metadata: { name: 'lab' } });
  await make(`${rbac}/clusterroles`, {
    metadata: { name },
    rules: RIGHTS.map(({ verb, group = '', resource }) => ({
      ...{ apiGroups: [group], resources: [resource], verbs: [verb] },
    })),
  });
  await make(`${rbac}/clusterrolebindings`, {
    metadata: { name },
    roleRef: { apiGroup: group, kind: 'ClusterRole', name },
    subjects: [{ kind: 'ServiceAccount', name: 'lab', namespace: name }],
  });
  await make(`/api/v1/namespaces/${name}/pods`, labPod(name));

  const path = `/api/v1/namespaces/${name}/pods/lab`;
  const phase = async () => (await cluster.ask<V1Pod>('GET', path)).status?.phase;
  const giveUpAt = performance.now() + RUN_WITHIN_MS;
  while (!['Succeeded', 'Failed'].includes((await phase()) ?? '') && performance.now() < giveUpAt) await sleep(1000);
  const log = await cluster.ask<string>('GET', `${path}/log`);
  expect(log).toMatch(
    /Driver: kubernetes \(as asked; Kubernetes v\S+ at \S+ by the account of this pod[\s\S]*\nPASS: /,
  );
  const [, runId] = /Results: \/results\/(\w+)/.exec(log) ?? [];
  const left = `/api/v1/namespaces?labelSelector=${LABEL.run}%3D${runId}`;
  expect((await cluster.ask<{ items: V1Namespace[] }>('GET', left)).items).toEqual([]);
}, 240_000);

function labPod(namespace: string): V1Pod {
  const registry = process.env.PEERLAB_KUBERNETES_REGISTRY;
  return {
    metadata: { name: 'lab', namespace },
    spec: {
      restartPolicy: 'Never',
      serviceAccountName: 'lab',
      enableServiceLinks: false,
      containers: [
        {
          name: 'lab',
          image: ownImage('lab'),
          imagePullPolicy: 'IfNotPresent',
          args: ['run', 'basic', '--driver', 'kubernetes', '--results', '/results'],
          env: registry ? [{ name: 'PEERLAB_KUBERNETES_REGISTRY', value: registry }] : [],
          volumeMounts: [
            { name: 'results', mountPath: '/results' },
            { name: 'tmp', mountPath: '/tmp' },
          ],
        },
      ],
      securityContext: { fsGroup: 10_001 },
      volumes: [
        { name: 'results', emptyDir: {} },
        { name: 'tmp', emptyDir: {} },
      ],
    },
  };
}
