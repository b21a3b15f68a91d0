import type { V1Pod } from '@kubernetes/client-node';
import { expect, test } from 'vitest';
import { LABEL, podNameOf } from './names.ts';
import { NodeSets } from './node-sets.ts';
import { instancePod } from './pods.ts';

/** A run with peers on two nodes; what is done is written down in its order. */
function run(place: Readonly<Record<string, string>>, sets: string[][]) {
  const done: string[] = [];
  const note = (what: string) => async (whom: string) => void done.push(`${what} ${whom}`);
  const left = new Map(Object.entries(place));
  const nodeSets: NodeSets = new NodeSets({
    sets,
    nodes: { cordon: note('cordon'), uncordon: note('uncordon'), isInService: async () => true },
    nodeOf: (peer) => left.get(peer),
    podsOn: (node) => [...left].filter(([, on]) => on === node).map(([name]) => podOf(name)),
    evict: note('evict'),
  });
  const podOf = (name: string): V1Pod => {
    const set = nodeSets.labelOf(name);
    return { metadata: { name: podNameOf(name), labels: set === undefined ? {} : { [LABEL.node]: set } } };
  };
  const drain = (...peers: string[]) => Promise.all(peers.map((peer) => nodeSets.machineNodeOf(peer)?.drain()));
  return { nodeSets, done, drain, left };
}

const PLACES = { 's-1': 'a', 's-2': 'a', 'l-1': 'b', gateway: 'b' };

test('a node is out of service before its pods go, and they go when all of the set have been asked', async () => {
  const { nodeSets, done, drain } = run(PLACES, [['s-1', 's-2']]);
  const first = nodeSets.machineNodeOf('s-1')?.drain();
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(done).toEqual([]);
  await Promise.all([first, drain('s-2')]);
  expect(done).toEqual(['cordon a', 'evict s-1', 'evict s-2']);
  await nodeSets.machineNodeOf('s-1')?.giveBack();
  expect(done.at(-1)).toBe('uncordon a');
});

test('one that has ended is not waited for', async () => {
  const { done, drain, left } = run(PLACES, [['s-1', 's-2']]);
  left.delete('s-2');
  await drain('s-1');
  expect(done).toEqual(['cordon a', 'evict s-1']);
});

test('a node that somebody else of the run is on as well is not drained, and nothing is done to it', async () => {
  const { done, drain } = run({ ...PLACES, 's-2': 'b' }, [['s-1'], ['s-2']]);
  await expect(drain('s-2')).rejects.toThrow(/i-l-1 of this run is on it/);
  expect(done).toEqual([]);
});

test('who is in no set has no node that can be drained', () => {
  const { nodeSets } = run(PLACES, [['s-1', 's-2']]);
  expect([nodeSets.labelOf('l-1'), nodeSets.machineNodeOf('l-1')]).toEqual([undefined, undefined]);
});

test('the pods of a set go together to a node that nobody else of the run is on; others say nothing of it', () => {
  const what = { runId: 'r', name: 's-1', role: 'peer', image: 'i', command: [], labImage: 'l' } as const;
  const { spec, metadata } = instancePod({ ...what, nodeSet: 'drained-1' });
  const term = (operator: string) => ({
    labelSelector: { matchExpressions: [{ key: 'peerlab.node', operator, values: ['drained-1'] }] },
    topologyKey: 'kubernetes.io/hostname',
  });
  expect(metadata?.labels).toMatchObject({ 'peerlab.node': 'drained-1', 'peerlab.run': 'r' });
  expect(spec?.affinity).toEqual({
    podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term('In')] },
    podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term('NotIn')] },
  });
  expect(instancePod(what).spec?.affinity).toBeUndefined();
});
