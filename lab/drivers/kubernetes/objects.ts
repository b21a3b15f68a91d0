import type { V1Namespace } from '@kubernetes/client-node';
import type { PodSecurity } from './capabilities.ts';
import { LABEL, LEASE, labelsOf, namespaceOf, SECRET, WATCHDOG } from './names.ts';
import { DIRECTORY_PORT, GRPC_PORT, HOSTED_PORTS } from './ports.ts';

/** WHAT A RUN'S NAMESPACE HAS beside pods: pure. Each is created once, and goes with the namespace. */

export interface Tokens {
  readonly keeper: string;
  readonly gateway: string;
  readonly agent: string;
}

/** An object, and the path of the REST interface at which it is made. */
export interface Wanted {
  readonly path: string;
  readonly body: object;
}

export function namespaceObject(runId: string, level: PodSecurity): V1Namespace {
  return {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: {
      name: namespaceOf(runId),
      labels: {
        'app.kubernetes.io/part-of': 'peerlab',
        [LABEL.run]: runId,
        'pod-security.kubernetes.io/enforce': level,
        'pod-security.kubernetes.io/warn': level,
      },
    },
  };
}

export interface RunObjects {
  readonly runId: string;
  readonly tokens: Tokens;
  readonly leaseSeconds: number;
  /** As Kubernetes writes it, with microseconds: microTime(). */
  readonly now: string;
  /** Networks of instances will be disturbed. */
  readonly isDisturbed: boolean;
}

/** In turns, each of which needs the one before: who is no administrator may bind a role only when it is there. */
export function objectsOf({ runId, tokens, leaseSeconds, now, isDisturbed }: RunObjects): Wanted[][] {
  const namespace = namespaceOf(runId);
  const core = `/api/v1/namespaces/${namespace}`;
  const rbac = `/apis/rbac.authorization.k8s.io/v1/namespaces/${namespace}`;
  const metadata = (name: string) => ({ name, namespace, labels: labelsOf(runId, 'run', name) });
  const account = (name: string) => ({
    path: `${core}/serviceaccounts`,
    body: {
      ...{ apiVersion: 'v1', kind: 'ServiceAccount', metadata: metadata(name) },
      automountServiceAccountToken: false,
    },
  });
  const binding = {
    path: `${rbac}/rolebindings`,
    body: {
      ...{ apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'RoleBinding', metadata: metadata(WATCHDOG) },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: WATCHDOG },
      subjects: [{ kind: 'ServiceAccount', name: WATCHDOG, namespace }],
    },
  };
  const others = [
    account('nobody'),
    account(WATCHDOG),
    {
      path: `${core}/secrets`,
      body: { apiVersion: 'v1', kind: 'Secret', metadata: metadata(SECRET), stringData: { ...tokens } },
    },
    ...policies(runId, isDisturbed).map((body) => ({
      path: `/apis/networking.k8s.io/v1/namespaces/${namespace}/networkpolicies`,
      body,
    })),
    {
      path: `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases`,
      body: leaseObject(runId, leaseSeconds, now),
    },
    {
      path: `${rbac}/roles`,
      body: {
        ...{ apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'Role', metadata: metadata(WATCHDOG) },
        rules: [
          { apiGroups: ['coordination.k8s.io'], resources: ['leases'], resourceNames: [LEASE], verbs: ['get'] },
          // Deleting a namespace is authorised in that namespace.
          { apiGroups: [''], resources: ['namespaces'], resourceNames: [namespace], verbs: ['delete'] },
        ],
      },
    },
  ];
  return [others, [binding]];
}

/** What lets the watchdog put a node back in service. It is of the whole cluster, and goes with the namespace of the run. */
export function nodesRoleObjects(runId: string, node: string, namespaceUid: string): Wanted[] {
  const namespace = namespaceOf(runId);
  const path = '/apis/rbac.authorization.k8s.io/v1';
  const metadata = {
    name: `${namespace}-${node}`,
    labels: labelsOf(runId, 'run', WATCHDOG),
    ownerReferences: [{ apiVersion: 'v1', kind: 'Namespace', name: namespace, uid: namespaceUid }],
  };
  const rules = [{ apiGroups: [''], resources: ['nodes'], resourceNames: [node], verbs: ['get', 'patch'] }];
  return [
    { path: `${path}/clusterroles`, body: { metadata, rules } },
    {
      path: `${path}/clusterrolebindings`,
      body: {
        metadata,
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: metadata.name },
        subjects: [{ kind: 'ServiceAccount', name: WATCHDOG, namespace }],
      },
    },
  ];
}

export function leaseObject(runId: string, leaseSeconds: number, now: string): object {
  return {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { name: LEASE, namespace: namespaceOf(runId), labels: labelsOf(runId, 'run', LEASE) },
    spec: { holderIdentity: 'lab', leaseDurationSeconds: leaseSeconds, renewTime: now },
  };
}

/** Of a Lease: a time with microseconds. */
export function microTime(date = new Date()): string {
  return date.toISOString().replace('Z', '000Z');
}

const of = (role: string) => ({ matchLabels: { [LABEL.role]: role } });
/** Whose networks are disturbed, and who measures. */
const ALL = ['peer', 'directory', 'witness'] as const;
const isOne = (roles: readonly string[]) => ({ key: LABEL.role, operator: 'In', values: [...roles] });
const uncut = (...roles: string[]) => ({
  matchExpressions: [isOne(roles), { key: LABEL.cut, operator: 'DoesNotExist' }],
});
const allBut = (names: readonly string[]) => ({
  matchExpressions: [
    isOne(ALL),
    ...(names.length > 0 ? [{ key: LABEL.peer, operator: 'NotIn', values: [...names] }] : []),
  ],
});
const port = (number: number) => ({ protocol: 'TCP', port: number });
const FILES = [port(GRPC_PORT), { ...port(HOSTED_PORTS.first), endPort: HOSTED_PORTS.last }];
const DIRECTORY = [port(DIRECTORY_PORT)];

/**
 * Nobody talks to anybody, but: peers to peers and the directory; the gateway to both; the watchdog to the API server. Where networks are
 * disturbed, every instance may also talk to every other and to the witness, so that it can be seen from either side what is cut.
 */
function policies(runId: string, isDisturbed: boolean): object[] {
  const policy = (name: string, spec: object) => policyObject(runId, name, spec);
  const from = (role: string, ports?: object[]) => ({ from: [{ podSelector: of(role) }], ...(ports && { ports }) });
  const to = (role: string, ports?: object[]) => ({ to: [{ podSelector: of(role) }], ...(ports && { ports }) });
  const both = ['Ingress', 'Egress'];
  const anyone = [{ podSelector: allBut([]) }];
  const around = isDisturbed
    ? [
        policy('all', {
          ...{ podSelector: uncut(...ALL), policyTypes: both, ingress: [{ from: anyone }], egress: [{ to: anyone }] },
        }),
        policy('reached', { podSelector: allBut([]), policyTypes: ['Ingress'], ingress: [from('gateway')] }),
      ]
    : [];
  return [
    policy('nobody', { podSelector: {}, policyTypes: both }),
    policy('directory', {
      podSelector: uncut('directory'),
      policyTypes: ['Ingress'],
      ingress: [from('peer', DIRECTORY), from('gateway')],
    }),
    policy('peers', {
      podSelector: uncut('peer'),
      policyTypes: both,
      ingress: [from('peer', FILES), from('gateway')],
      egress: [to('peer', FILES), to('directory', DIRECTORY)],
    }),
    policy('gateway', {
      ...{ podSelector: of('gateway'), policyTypes: ['Egress'] },
      egress: ALL.map((role) => to(role)),
    }),
    // No policy can name the API server: it is no pod of every cluster.
    policy('watchdog', { podSelector: of('watchdog'), policyTypes: ['Egress'], egress: [{}] }),
    ...around,
  ];
}

/** For a pod whose label `peerlab.cut` is its name: it talks to all but those of these names. */
export function cutPolicy(runId: string, pod: string, from: readonly string[]): Policy {
  const rest = [{ podSelector: allBut(from) }];
  return policyObject(runId, `cut-${pod}`, {
    podSelector: { matchLabels: { [LABEL.cut]: pod } },
    ...{ policyTypes: ['Ingress', 'Egress'], ingress: [{ from: rest }], egress: [{ to: rest }] },
  });
}

interface Policy {
  readonly metadata: { readonly name: string };
  readonly spec: object;
}

function policyObject(runId: string, name: string, spec: object): Policy {
  const metadata = { name, namespace: namespaceOf(runId), labels: labelsOf(runId, 'run', name) };
  return { ...{ apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy' }, metadata, spec };
}
