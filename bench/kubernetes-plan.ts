import { randomBytes } from 'node:crypto';
import type { V1Node, V1Pod } from '@kubernetes/client-node';
import { reasonOf } from '#proto/errors.ts';
import { Cluster } from '../lab/drivers/kubernetes/cluster.ts';
import { findKubeconfig } from '../lab/drivers/kubernetes/kubeconfig.ts';
import { podNameOf } from '../lab/drivers/kubernetes/names.ts';
import { instancePod } from '../lab/drivers/kubernetes/pods.ts';
import { ownImage, ownProgram } from '../lab/drivers/kubernetes/programs.ts';
import { RunNamespace } from '../lab/drivers/kubernetes/run-namespace.ts';
import { inPool } from '../lab/limit.ts';
import { secondsOf } from './kit/fleet.ts';
import { Report } from './kit/report.ts';

/**
 * How far the driver gets with ten thousand peers, on nodes that kwok simulates (its label is `type=kwok`): nothing runs in their pods, so all
 * is tried up to pods that the cluster calls running, and nothing after. Measured are the time, the lab's own memory and CPU, and the
 * requests to the server. Fewer nodes take fewer peers. The bar of memory is that of a run with 200 pods, and 10 KiB more for each peer.
 */

/** The first argument, if there is one. */
const PEERS = Number(process.argv[2] ?? 10_000);
const PEERS_PER_NODE = 100;
/** Peers that are on their way to run at one time. */
const AT_ONCE = 500;
const MIB = 1024 * 1024;
const CALLS_LIMIT = 6;
const MEMORY_LIMIT_MIB = 250;
const MEMORY_LIMIT_EACH_MIB = 0.01;

/** Only there, and nowhere else. */
function simulated(pod: V1Pod): V1Pod {
  const tolerations = [{ key: 'kwok.x-k8s.io/node', operator: 'Exists', effect: 'NoSchedule' }];
  const spec = pod.spec as NonNullable<V1Pod['spec']>;
  return { ...pod, spec: { ...spec, nodeSelector: { type: 'kwok' }, tolerations } };
}

async function roomOf(cluster: Cluster): Promise<{ lacking: string } | { nodes: number }> {
  const path = '/api/v1/nodes?labelSelector=type%3Dkwok';
  const { items } = await cluster.ask<{ items: V1Node[] }>('GET', path, { patienceMs: 0 });
  if (items.length === 0) return { lacking: 'the cluster has no nodes that kwok simulates (type=kwok)' };
  return { nodes: items.length };
}

async function measure(cluster: Cluster, peers: number, nodes: number): Promise<void> {
  const report = new Report('kubernetes-plan');
  const runId = `plan${randomBytes(4).toString('hex')}`;
  const over = new AbortController();
  const { signal } = over;
  const namespace = new RunNamespace({ cluster, runId, signal, over: signal, broke: () => {} });
  const { image, command = [] } = ownProgram('peer');
  const labImage = ownImage('lab');
  const names = Array.from({ length: peers }, (_, i) => `peer-${i + 1}`);
  let mostMib = 0;
  const looks = setInterval(() => {
    mostMib = Math.max(mostMib, process.memoryUsage().rss / MIB);
  }, 500);
  const began = process.cpuUsage();
  try {
    await namespace.make('restricted', false);
    const before = cluster.calls;
    const seconds = await secondsOf(() =>
      inPool(names, AT_ONCE, async (name) => {
        await namespace.create(simulated(instancePod({ runId, name, role: 'peer', image, command, labImage })));
        await namespace.untilRuns(podNameOf(name), name);
      }),
    );
    const { user, system } = process.cpuUsage(began);
    const calls = cluster.calls - before;
    report.row(`${peers} pods on ${nodes} simulated nodes`, {
      'all running after': `${seconds.toFixed(0)} s`,
      'a second': (peers / seconds).toFixed(0),
      memory: `${mostMib.toFixed(0)} MiB`,
      CPU: `${((user + system) / 1e6 / seconds).toFixed(2)} cores`,
      requests: calls,
    });
    report.atMost('kubernetes-plan-calls', calls / peers, CALLS_LIMIT);
    report.atMost('kubernetes-plan-memory', mostMib, MEMORY_LIMIT_MIB + peers * MEMORY_LIMIT_EACH_MIB);
  } finally {
    const seconds = await secondsOf(async () => {
      for (const left of await namespace.remove(signal)) report.missing(`the end: ${left}`);
    });
    report.row(`removal of ${peers} pods`, { 'gone after': `${seconds.toFixed(0)} s` });
    over.abort();
    clearInterval(looks);
    report.close();
  }
}

if (!findKubeconfig(process.env)) {
  console.log('kubernetes-plan: not measured, no kubeconfig names a cluster (PEERLAB_KUBECONFIG)');
} else {
  const cluster = await Cluster.named();
  const room = await roomOf(cluster).catch((error) => ({ lacking: reasonOf(error) }));
  if ('lacking' in room) console.log(`kubernetes-plan: not measured, ${room.lacking}`);
  else await measure(cluster, Math.min(PEERS, room.nodes * PEERS_PER_NODE), room.nodes);
  cluster.close();
}
