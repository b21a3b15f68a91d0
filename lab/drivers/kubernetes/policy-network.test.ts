import { expect, test } from 'vitest';
import type { Witness } from '../agent/helper.ts';
import type { Instance } from '../driver.ts';
import type { KeptInstance } from '../kept/kept-instance.ts';
import type { Cluster } from './cluster.ts';
import { CutPolicies } from './cut-policies.ts';
import { PolicyNetwork } from './policy-network.ts';

type Outcome = 'connected' | 'refused' | 'nothing';

/** Two peers and a witness on a cluster that only keeps what it is told; `outcome` is what any connection comes to. */
function setup() {
  const asked: string[] = [];
  const bodies: object[] = [];
  const cluster = {
    ask: async (method: string, path: string, { body }: { body?: object } = {}) => {
      asked.push(`${method} ${path.split('/').slice(-2).join('/')}`);
      if (body) bodies.push(body);
    },
  } as unknown as Cluster;
  const seen: { outcome: Outcome } = { outcome: 'connected' };
  const peer = (name: string, address: string) =>
    ({
      ...{ name, address, gone: new AbortController().signal },
      ask: async (_: string, { targets }: { targets: object[] }) => ({ dialled: targets.map(() => seen.outcome) }),
    }) as unknown as KeptInstance;
  const [one, two] = [peer('one', '10.0.0.1:50051'), peer('two', '10.0.0.2:50051')];
  const helper = { ask: async () => ({ dialled: [seen.outcome] }) };
  const witness = async () => ({ helper, address: '10.0.0.9' }) as unknown as Witness;
  const policies = new CutPolicies(cluster, 'run1');
  const network = new PolicyNetwork({ instance: one, pod: 'i-one', witness, policies });
  return { asked, bodies, seen, network, policies, two };
}

test('a cut from all takes the pod out of the rules that all have; a cut from some gives it rules of its own', async () => {
  const it = setup();
  it.seen.outcome = 'nothing';
  await it.network.impose({ cutFrom: 'all' });
  expect(it.asked.splice(0)).toEqual(['PATCH pods/i-one']);
  expect(it.bodies.splice(0)).toEqual([{ metadata: { labels: { 'peerlab.cut': 'i-one' } } }]);
  await it.network.impose({ cutFrom: [it.two] });
  expect(it.asked.splice(0)).toEqual(['POST peerlab-run-run1/networkpolicies', 'PATCH pods/i-one']);
  expect(JSON.stringify(it.bodies.splice(0)[0])).toContain('"operator":"NotIn","values":["two"]');
  await it.network.impose({ cutFrom: [it.two, { ...it.two, name: 'three' } as unknown as Instance] });
  expect(it.asked.splice(0)).toEqual(['PUT networkpolicies/cut-i-one', 'PATCH pods/i-one']);
  await it.network.impose({ cutFrom: undefined });
  expect(it.asked.splice(0)).toEqual(['PATCH pods/i-one', 'DELETE networkpolicies/cut-i-one']);
  // Once.
  await it.policies.lift('i-one');
  expect(it.asked).toEqual([]);
});

test.each<[Outcome, boolean]>([
  ['connected', true],
  ['refused', false],
  ['nothing', false],
])('a connection that comes to %s makes a way open: %s', async (outcome, open) => {
  const it = setup();
  it.seen.outcome = outcome;
  expect(await it.network.reaches(['outside', it.two])).toEqual([
    { name: 'outside', to: open, back: open },
    { name: 'two', to: open, back: open },
  ]);
});

test('policies can do nothing but cut', async () => {
  const { network } = setup();
  await expect(network.impose({ lossFraction: 0.1 })).rejects.toMatchObject({ code: 'not-capable' });
  await expect(network.measureRate()).rejects.toMatchObject({ code: 'not-capable' });
});
