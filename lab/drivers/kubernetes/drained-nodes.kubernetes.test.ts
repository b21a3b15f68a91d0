import { randomBytes } from 'node:crypto';
import type { V1Node } from '@kubernetes/client-node';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { Cluster } from './cluster.ts';
import { cordonedNodes, DrainedNodes } from './drained-nodes.ts';
import { LABEL, LEASE, namespaceOf } from './names.ts';
import { leaseObject, microTime, namespaceObject } from './objects.ts';
import { removeNamespace } from './removal.ts';
import { kubernetesSweeper } from './sweeper.ts';

/** Nodes that are nothing but objects: nothing runs on them, and no pod goes there. */
let cluster: Cluster;

beforeAll(async () => {
  cluster = await Cluster.named();
});
afterAll(() => cluster.close());

async function makeNode(more: Partial<V1Node['spec']> = {}): Promise<string> {
  const name = `peerlab-test-${randomBytes(4).toString('hex')}`;
  const taints = [{ key: 'peerlab.test', effect: 'NoSchedule' }];
  await cluster.ask('POST', '/api/v1/nodes', { body: { metadata: { name }, spec: { taints, ...more } } });
  onTestFinished(async () => void (await cluster.ask('DELETE', `/api/v1/nodes/${name}`)));
  return name;
}

async function makeRun(): Promise<{ runId: string; drained: DrainedNodes }> {
  const runId = `drain${randomBytes(5).toString('hex')}`;
  const namespace = namespaceOf(runId);
  await cluster.ask('POST', '/api/v1/namespaces', { body: namespaceObject(runId, 'restricted') });
  onTestFinished(async () => expect(await removeNamespace(cluster, namespace, { withinMs: 60_000 })).toEqual([]));
  const leases = `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases`;
  await cluster.ask('POST', leases, { body: leaseObject(runId, 45, microTime()) });
  const namespaceUid = async () => {
    const { metadata } = await cluster.ask<V1Node>('GET', `/api/v1/namespaces/${namespace}`);
    return metadata?.uid ?? '';
  };
  return { runId, drained: new DrainedNodes({ cluster, runId, namespaceUid }) };
}

const read = (name: string) => cluster.ask<V1Node>('GET', `/api/v1/nodes/${name}`);
const stateOf = async (name: string) => {
  const { spec, metadata } = await read(name);
  return [spec?.unschedulable ?? false, metadata?.labels?.[LABEL.run]];
};

test('a node that is drained carries the run, and is named in its Lease; when it is put back, nothing of that is left', async () => {
  const { runId, drained } = await makeRun();
  const name = await makeNode();
  const lease = async () => {
    const path = `/apis/coordination.k8s.io/v1/namespaces/${namespaceOf(runId)}/leases/${LEASE}`;
    return (await cluster.ask<V1Node>('GET', path)).metadata?.annotations?.['peerlab.nodes'];
  };
  expect(await drained.isInService(name)).toBe(true);
  await drained.cordon(name);
  expect([await stateOf(name), await drained.isInService(name), await lease()]).toEqual([[true, runId], false, name]);
  expect(await cordonedNodes(cluster, runId)).toEqual([{ name, runId }]);
  await drained.uncordon(name);
  expect([await stateOf(name), await lease()]).toEqual([[false, undefined], '']);
  expect(await drained.uncordonAll()).toEqual([]);
});

test('one that somebody else has out of service is left as it is', async () => {
  const { drained } = await makeRun();
  const name = await makeNode({ unschedulable: true });
  await expect(drained.cordon(name)).rejects.toThrow(/somebody else has it out of service/);
  expect(await drained.uncordonAll()).toEqual([]);
  expect(await stateOf(name)).toEqual([true, undefined]);
});

test('a lab that is gone: the sweeper puts its nodes back, and those of other runs stay', {
  timeout: 120_000,
}, async () => {
  const [mine, others] = [await makeRun(), await makeRun()];
  const [name, theirs] = [await makeNode(), await makeNode()];
  await mine.drained.cordon(name);
  await others.drained.cordon(theirs);
  expect(await kubernetesSweeper.find(mine.runId)).toContainEqual({
    ...{ runId: mine.runId, what: `node ${name} out of service` },
  });
  expect(await kubernetesSweeper.sweep(mine.runId)).toEqual([]);
  expect([await stateOf(name), await stateOf(theirs)]).toEqual([
    [false, undefined],
    [true, others.runId],
  ]);
  expect(await others.drained.uncordonAll()).toEqual([]);
});

test('what the watchdog may do to a node goes with the namespace of the run', { timeout: 120_000 }, async () => {
  const { runId, drained } = await makeRun();
  const name = await makeNode();
  await drained.cordon(name);
  await drained.uncordon(name);
  const role = `/apis/rbac.authorization.k8s.io/v1/clusterroles/${namespaceOf(runId)}-${name}`;
  expect(await cluster.ask('GET', role)).toMatchObject({ rules: [{ resources: ['nodes'], resourceNames: [name] }] });
  expect(await removeNamespace(cluster, namespaceOf(runId), { withinMs: 60_000 })).toEqual([]);
  const isThere = () =>
    cluster.ask('GET', role).then(
      () => true,
      () => false,
    );
  await expect.poll(isThere, { timeout: 60_000, interval: 500 }).toBe(false);
});
