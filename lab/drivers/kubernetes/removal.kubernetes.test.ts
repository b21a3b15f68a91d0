import { randomBytes } from 'node:crypto';
import { expect, onTestFinished, test } from 'vitest';
import { Cluster } from './cluster.ts';
import { removeNamespace } from './removal.ts';

test('a namespace that does not go is said, with what keeps it', { timeout: 60_000 }, async () => {
  const name = `peerlab-test-${randomBytes(4).toString('hex')}`;
  const cluster = await Cluster.named();
  const path = `/api/v1/namespaces/${name}`;
  await cluster.ask('POST', '/api/v1/namespaces', { body: { metadata: { name } } });
  onTestFinished(async () => {
    const body = { metadata: { finalizers: null } };
    await cluster.ask('PATCH', `${path}/configmaps/kept`, { body, contentType: 'application/merge-patch+json' });
    expect(await removeNamespace(cluster, name, { withinMs: 30_000 })).toEqual([]);
    cluster.close();
  });
  const body = { metadata: { name: 'kept', finalizers: ['peerlab.test/somebody-else'] } };
  await cluster.ask('POST', `${path}/configmaps`, { body });
  const left = await removeNamespace(cluster, name, { withinMs: 12_000 });
  expect(left).toEqual([expect.stringMatching(new RegExp(`^namespace ${name} is still there: .*somebody-else`))]);
});
