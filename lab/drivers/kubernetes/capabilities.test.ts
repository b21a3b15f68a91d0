import { release } from 'node:os';
import { expect, test } from 'vitest';
import { type ClusterAbilities, kubernetesCapabilities, podSecurityOf } from './capabilities.ts';

const cluster = (more: Partial<ClusterAbilities> = {}) =>
  kubernetesCapabilities({
    cpus: 4,
    kernels: ['0.0.1-elsewhere'],
    podSecurity: 'restricted',
    nodeCount: 2,
    drainLacks: [],
    ...more,
  });

test('where no agent is let in, only a cut may be had, by policies; the setting that lets them in is named', () => {
  const { 'network-faults': can } = cluster();
  expect(can('cut')).toBeUndefined();
  for (const kind of ['lose', 'limit', 'delay'] as const)
    expect(can(kind)).toMatchObject({
      why: expect.stringContaining('restricted'),
      help: expect.stringContaining('PEERLAB_KUBERNETES_POD_SECURITY=privileged'),
    });
});

test('where agents are let in, the kernels of the nodes decide, as far as they are known', () => {
  const { 'network-faults': can } = cluster({ podSecurity: 'privileged' });
  for (const kind of ['cut', 'lose', 'limit', 'delay'] as const) expect(can(kind)).toBeUndefined();
  const here = cluster({ podSecurity: 'privileged', kernels: ['0.0.1-elsewhere', release()] })['network-faults'];
  const docker = cluster({ podSecurity: 'privileged', kernels: [release()] })['network-faults'];
  expect(here('delay')).toEqual(docker('delay'));
});

test('limits, disks and evictions', () => {
  const can = cluster();
  const MIB = 1024 * 1024;
  expect([can['disk-limit'](MIB), can['memory-limit'](16 * MIB), can['cpu-limit'](4)]).toEqual(
    Array(3).fill(undefined),
  );
  expect(can['disk-limit'](MIB - 1)).toBeDefined();
  expect(can['memory-limit'](16 * MIB - 1)).toBeDefined();
  expect(can['cpu-limit'](4.5)).toBeDefined();
  expect(can['machine-faults']('evict')).toBeUndefined();
});

test('a drain needs a node beside that of the gateway, and the rights for it; what is lacking is said', () => {
  const lack = (more: Partial<ClusterAbilities>, wanted = 1) => cluster(more)['drained-nodes'](wanted)?.why;
  expect([lack({}), lack({ nodeCount: 3 }, 2)]).toEqual([undefined, undefined]);
  expect(lack({ nodeCount: 1 })).toBe('its only node also carries the gateway of the run, and there is no other one');
  expect(lack({}, 2)).toContain('it has 2 nodes');
  expect(lack({ drainLacks: ['patch nodes'] })).toBe('the account of this lab may not patch nodes');
  // Who may not look at nodes sees none.
  expect(lack({ nodeCount: 0 })).toContain('it has 0 nodes');
});

test('the level is one of two', () => {
  expect(podSecurityOf({})).toBe('restricted');
  expect(podSecurityOf({ PEERLAB_KUBERNETES_POD_SECURITY: 'privileged' })).toBe('privileged');
  expect(() => podSecurityOf({ PEERLAB_KUBERNETES_POD_SECURITY: 'baseline' })).toThrow(/restricted or privileged/);
});
