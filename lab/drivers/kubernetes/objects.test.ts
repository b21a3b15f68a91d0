import type { V1Pod } from '@kubernetes/client-node';
import { expect, test } from 'vitest';
import { labelsOf, namespaceOf, podNameOf } from './names.ts';
import { microTime, namespaceObject, objectsOf } from './objects.ts';
import { entryPod, gatewayPod, instancePod, KEEPER_BYTES, watchdogPod } from './pods.ts';
import { amountOf } from './quantities.ts';

const RUN = '0123456789';
const TOKENS = { keeper: 'of the keepers', gateway: 'of the gateway', agent: 'agent-secret' };
const peer = (more: object = {}) =>
  instancePod({
    ...{ runId: RUN, name: 'seeders-1', role: 'peer', image: 'peerlab/peer:1', command: ['node', 'x.js'] },
    ...{ labImage: 'peerlab/lab:1', ...more },
  });
const directory = instancePod({
  ...{ runId: RUN, name: 'directory', role: 'directory', image: 'peerlab/directory:1', command: ['node', 'x.js'] },
  labImage: 'peerlab/lab:1',
});
const PODS: readonly [string, V1Pod][] = [
  ['peer', peer()],
  ['limited peer', peer({ memoryBytes: 96 * 2 ** 20, cpus: 0.005 })],
  ['peer of the user', peer({ bringsNode: true })],
  ['entry', entryPod(RUN, 'entry-1', 'example/peer:1', 'peerlab/lab:1')],
  ['directory', directory],
  ['gateway', gatewayPod(RUN, 'peerlab/lab:1')],
  ['watchdog', watchdogPod(RUN, 'peerlab/lab:1', 40)],
];

test.each(PODS)(
  '%s: a pod that `restricted` takes, that nobody can find by surprise, and that fits its limits',
  (_, pod) => {
    const { spec, metadata } = pod as Required<V1Pod>;
    expect(spec).toMatchObject({
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      securityContext: { runAsNonRoot: true, runAsUser: 10_001, seccompProfile: { type: 'RuntimeDefault' } },
    });
    expect(metadata).toMatchObject({ namespace: `peerlab-run-${RUN}`, labels: { 'peerlab.run': RUN } });
    for (const container of [...spec.containers, ...(spec.initContainers ?? [])]) {
      expect(container).toMatchObject({
        imagePullPolicy: 'IfNotPresent',
        securityContext: {
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        },
      });
      const { requests = {}, limits = {} } = container.resources ?? {};
      for (const what of ['cpu', 'memory']) expect(amountOf(requests[what] ?? ''), what).toBeGreaterThan(0);
      for (const [what, limit] of Object.entries(limits))
        expect(amountOf(requests[what] ?? ''), what).toBeLessThanOrEqual(amountOf(limit));
      expect(limits).toHaveProperty('memory');
      for (const { name } of container.volumeMounts ?? [])
        expect(spec.volumes?.map((volume) => volume.name)).toContain(name);
    }
  },
);

test('limits are those that were asked for, and what the keeper takes', () => {
  const [container] = peer({ memoryBytes: 96 * 2 ** 20, cpus: 0.2 }).spec?.containers ?? [];
  expect(container?.resources?.limits).toEqual({ memory: String(96 * 2 ** 20 + KEEPER_BYTES), cpu: '200m' });
});

test('secrets are in the secret only', () => {
  const text = JSON.stringify(PODS);
  for (const token of Object.values(TOKENS)) expect(text).not.toContain(token);
});

test('the namespace enforces restricted, and nobody but the watchdog has a right', () => {
  expect(namespaceObject(RUN, 'restricted').metadata?.labels).toMatchObject({
    'peerlab.run': RUN,
    'pod-security.kubernetes.io/enforce': 'restricted',
  });
  const objects = objectsOf({
    ...{ runId: RUN, tokens: TOKENS, leaseSeconds: 40, now: microTime(new Date(0)), isDisturbed: false },
  })
    .flat()
    .map(({ body }) => body as Record<string, unknown>);
  const ofKind = (kind: string) => objects.filter((one) => one.kind === kind);
  expect(ofKind('Role').flatMap(({ rules }) => rules)).toEqual([
    { apiGroups: ['coordination.k8s.io'], resources: ['leases'], resourceNames: ['lab'], verbs: ['get'] },
    { apiGroups: [''], resources: ['namespaces'], resourceNames: [namespaceOf(RUN)], verbs: ['delete'] },
  ]);
  expect(ofKind('RoleBinding')).toMatchObject([{ subjects: [{ name: 'watchdog', namespace: namespaceOf(RUN) }] }]);
  expect(ofKind('NetworkPolicy')).toContainEqual(
    expect.objectContaining({ spec: { podSelector: {}, policyTypes: ['Ingress', 'Egress'] } }),
  );
  expect(ofKind('Lease')).toMatchObject([{ spec: { renewTime: '1970-01-01T00:00:00.000000Z' } }]);
});

test('any name of an instance has a pod of its own, and never that of the lab', () => {
  const names = ['seeders-1', 'gateway', 'watchdog', 'Seeders-1', 'x'.repeat(70), `${'x'.repeat(70)}y`];
  const pods = names.map(podNameOf);
  expect(new Set([...pods, 'gateway', 'watchdog']).size).toBe(names.length + 2);
  for (const name of pods) expect(name).toMatch(/^[a-z0-9][a-z0-9-]{0,61}[a-z0-9]$/);
  expect(labelsOf(RUN, 'peer', 'x'.repeat(70))).not.toHaveProperty(['peerlab.peer']);
});

test('quantities', () => {
  expect(['250m', '64Mi', '2', '1500k'].map(amountOf)).toEqual([0.25, 2 ** 26, 2, 1.5e6]);
  expect(amountOf('much')).toBeNaN();
});
