import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { quantity } from './quantities.ts';
import { type Manifest, readManifests, type Tree } from './read.ts';
import { complaints, RULES } from './rules.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
const VERSION: string = JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8')).version;
const manifests = readManifests(path.join(ROOT, 'k8s'));

test('k8s/ keeps every rule', () => {
  expect(complaints(manifests, VERSION)).toEqual([]);
});

/** A change for the worse, by the rule that must notice it. */
const BREAKS: Readonly<Record<keyof typeof RULES, (find: (what: string) => Tree, all: Manifest[]) => void>> = {
  'the namespace comes first, and enforces restricted': (find) => {
    find('Namespace/peerlab').metadata.labels['pod-security.kubernetes.io/enforce'] = 'baseline';
  },
  'everything is in the namespace': (find) => delete find('Service/lab').metadata.namespace,
  'names are those of the contract': (_, all) => all.splice(all.findIndex(({ kind }) => kind === 'CronJob')),
  'six peers, named from 1': (find) => delete find('StatefulSet/peers').spec.ordinals,
  'images of PeerLab have the version, others a fixed one, and none is pulled without need': (find) => {
    pod(find('Deployment/prometheus')).containers[0].image = 'prom/prometheus:latest';
  },
  'no root': (find) => delete pod(find('Job/lab')).securityContext.runAsUser,
  'seccomp is on': (find) => delete pod(find('Deployment/lab')).securityContext.seccompProfile,
  'the root folder is read-only': (find) => {
    pod(find('StatefulSet/peers')).initContainers[0].securityContext.readOnlyRootFilesystem = false;
  },
  'no privilege can be gained': (find) =>
    delete pod(find('Deployment/directory')).containers[0].securityContext.allowPrivilegeEscalation,
  'no capabilities': (find) => pod(find('Job/lab')).containers[0].securityContext.capabilities.drop.pop(),
  'no token for who needs none': (find) => delete pod(find('StatefulSet/peers')).automountServiceAccountToken,
  'accounts of their own': (find) => delete pod(find('StatefulSet/peers')).serviceAccountName,
  'no variables for services': (find) => delete pod(find('Deployment/directory')).enableServiceLinks,
  'requests and limits': (find) => delete pod(find('Job/lab')).containers[0].resources.limits.memory,
  'a laptop is enough: 1 core and 1 GiB requested in all': (find) => {
    find('StatefulSet/peers').spec.replicas = 12;
  },
  'quantities are spelt as the server does': (find) => {
    find('ResourceQuota/classroom').spec.hard['requests.cpu'] = '4000m';
  },
  'probes for what stays': (find) => delete pod(find('Deployment/lab')).containers[0].livenessProbe,
  'ports have names': (find) => delete pod(find('Deployment/lab')).containers[0].ports[0].name,
  'services find pods and their ports': (find) => {
    find('Service/peers').spec.ports[0].targetPort = 'http';
  },
  'selectors select their own pods': (find) => {
    find('Deployment/lab').spec.selector.matchLabels['app.kubernetes.io/component'] = 'lab';
  },
  'nobody talks to anybody by default': (find) => find('NetworkPolicy/nobody').spec.policyTypes.pop(),
  'policies speak of pods and ports that there are': (find) => {
    find('NetworkPolicy/peers').spec.ingress[0].ports[0].port = 50_054;
  },
  'nothing leaves the namespace but questions for names': (find) =>
    find('NetworkPolicy/job').spec.egress.push({ to: [{ ipBlock: { cidr: '0.0.0.0/0' } }] }),
  'variables are those of the environment table': (find) =>
    pod(find('StatefulSet/peers')).containers[0].env.push({ name: 'PEER_LOGN', value: '1' }),
  'no secret is written down but in the secret': (find) =>
    pod(find('StatefulSet/peers')).containers[0].env.push({ name: 'PEER_PASSWORD', value: 'x' }),
  'secrets, claims, settings and volumes that are named are there': (find) =>
    delete find('Secret/classroom').data['peer-password'],
  'a secret is written as the server keeps it': (find) => {
    find('Secret/classroom').stringData = {};
  },
  'a second apply says unchanged': (_, all) =>
    all.push({
      file: 'x.yaml',
      kind: 'PodDisruptionBudget',
      name: 'peers',
      tree: { metadata: { namespace: 'peerlab' } },
    }),
};

const pod = (tree: Tree): Tree => tree.spec.template.spec;

test.each(Object.keys(RULES))('a change for the worse is noticed: %s', (rule) => {
  const broken = structuredClone(manifests);
  const find = (what: string): Tree => broken.find(({ kind, name }) => `${kind}/${name}` === what)?.tree;
  BREAKS[rule]?.(find, broken);
  expect(complaints(broken, VERSION).filter((line) => line.startsWith(rule))).not.toEqual([]);
});

test('another version of PeerLab is noticed', () => {
  expect(complaints(manifests, '9.9.9')).not.toEqual([]);
});

test('quantities', () => {
  expect([quantity('250m'), quantity('64Mi'), quantity(2), quantity('1.5Gi')]).toEqual([
    0.25,
    2 ** 26,
    2,
    1.5 * 2 ** 30,
  ]);
  expect(quantity('much')).toBeNaN();
});
