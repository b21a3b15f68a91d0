import { expect, test } from 'vitest';
import { type ClusterNode, wayInto } from './way-in.ts';

const HERE = { bootId: 'this-boot', containerd: undefined };
const IMAGES = ['peerlab/peer:1', 'peerlab/lab:1'];

const node = (change: Partial<ClusterNode> = {}): ClusterNode => ({
  ...{ name: 'n1', labels: {}, providerId: '', runtime: 'containerd://2.0.1', version: 'v1.30.1', bootId: 'other' },
  ...change,
});

const words = (way: ReturnType<typeof wayInto>) =>
  typeof way === 'string' ? way : way.commands.map((one) => one.words.join(' '));

test('kind, minikube, k3d: by their own programs, on every node', () => {
  expect(words(wayInto([node({ providerId: 'kind://docker/class/class-control-plane' })], IMAGES, HERE))).toEqual([
    'kind load docker-image --name class peerlab/peer:1 peerlab/lab:1',
  ]);
  expect(words(wayInto([node({ labels: { 'minikube.k8s.io/name': 'minikube' } })], IMAGES, HERE))).toEqual([
    'minikube image load -p minikube peerlab/peer:1',
    'minikube image load -p minikube peerlab/lab:1',
  ]);
  const k3d = node({ name: 'k3d-class-server-0', runtime: 'containerd://2.0-k3s1', version: 'v1.30.1+k3s1' });
  expect(words(wayInto([k3d], IMAGES, HERE))).toEqual(['k3d image import -c class peerlab/peer:1 peerlab/lab:1']);
});

test('a node that is this machine: through its runtime', () => {
  const own = { bootId: 'this-boot' };
  expect(words(wayInto([node(own)], IMAGES, HERE))).toEqual(['ctr --namespace k8s.io images import --local -']);
  expect(words(wayInto([node(own)], IMAGES, { ...HERE, containerd: '/run/c.sock' }))).toEqual([
    'ctr --address /run/c.sock --namespace k8s.io images import --local -',
  ]);
  expect(words(wayInto([node({ ...own, version: 'v1.30.1+k3s1' })], IMAGES, HERE))).toEqual([
    'k3s ctr images import -',
  ]);
  // Docker Desktop, or cri-dockerd: the engine's images are the node's.
  expect(words(wayInto([node({ ...own, runtime: 'docker://27.0.1' })], IMAGES, HERE))).toEqual([]);
});

test('other nodes are named, and other machines are refused with the reason', () => {
  const way = wayInto([node({ name: 'far' }), node({ bootId: 'this-boot' })], IMAGES, HERE);
  expect(way).toMatchObject({ leftOut: ['far'] });
  expect(wayInto([node()], IMAGES, HERE)).toContain('another machine');
  expect(wayInto([node({ bootId: 'this-boot', runtime: 'cri-o://1.30' })], IMAGES, HERE)).toContain('cri-o');
  expect(wayInto([], IMAGES, HERE)).toBe('the cluster has no node');
});
