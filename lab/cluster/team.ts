import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { parseAllDocuments } from 'yaml';
import { PeerLabError } from '#proto/errors.ts';

/** THE OBJECTS OF A TEAM: the classroom of k8s/ in a namespace of its own, and a login that can do what a class does, there. Pure but for reading k8s/. */

export interface Manifest {
  readonly kind: string;
  metadata: { name: string; namespace?: string; labels?: Record<string, string> };
  data?: Record<string, string>;
}

const NAME = /^[a-z0-9]([a-z0-9-]{0,28}[a-z0-9])?$/;
const TOKEN_BYTES = 16;
/** The account that a team logs in with. */
export const ACCOUNT = 'student';

/** @throws PeerLabError `usage` */
export function namespaceOf(team: string): string {
  if (NAME.test(team)) return `peerlab-team-${team}`;
  throw new PeerLabError('usage', { expected: 'a name of lower-case letters, digits and -, at most 30', got: team });
}

export function readClassroom(folder: string): Manifest[] {
  return readdirSync(folder)
    .sort()
    .flatMap((file) => parseAllDocuments(readFileSync(path.join(folder, file), 'utf8')))
    .map((document) => document.toJS() as Manifest);
}

/** @param tokens the secret as it is in the cluster: a team that is there already keeps it */
export function teamObjects(
  classroom: readonly Manifest[],
  namespace: string,
  tokens?: Readonly<Record<string, string>>,
): object[] {
  const own = classroom.map((manifest) => {
    const { metadata } = manifest;
    if (manifest.kind === 'Namespace') return { ...manifest, metadata: { ...metadata, name: namespace } };
    const moved = { ...manifest, metadata: { ...metadata, namespace } };
    return manifest.kind === 'Secret' ? { ...moved, data: tokens ?? freshTokens(manifest.data ?? {}) } : moved;
  });
  return [...own, ...login(namespace)];
}

function freshTokens(data: Readonly<Record<string, string>>): Record<string, string> {
  const fresh = () => Buffer.from(randomBytes(TOKEN_BYTES).toString('hex')).toString('base64');
  return Object.fromEntries(Object.keys(data).map((key) => [key, fresh()]));
}

/** Looks at everything but secrets; enters, deletes, scales and restarts what runs; plays scenarios. */
const RULES = [
  {
    apiGroups: [''],
    resources: ['pods', 'pods/log', 'services', 'endpoints', 'configmaps', 'persistentvolumeclaims', 'events'],
    verbs: ['get', 'list', 'watch'],
  },
  { apiGroups: [''], resources: ['pods'], verbs: ['delete'] },
  { apiGroups: [''], resources: ['pods/exec', 'pods/portforward'], verbs: ['create', 'get'] },
  { apiGroups: [''], resources: ['resourcequotas', 'limitranges'], verbs: ['get', 'list'] },
  { apiGroups: ['apps'], resources: ['deployments', 'statefulsets', 'replicasets'], verbs: ['get', 'list', 'watch'] },
  { apiGroups: ['apps'], resources: ['deployments', 'statefulsets'], verbs: ['patch'] },
  { apiGroups: ['apps'], resources: ['deployments/scale', 'statefulsets/scale'], verbs: ['get', 'patch', 'update'] },
  { apiGroups: ['batch'], resources: ['jobs'], verbs: ['get', 'list', 'watch', 'create', 'patch', 'delete'] },
  { apiGroups: ['batch'], resources: ['cronjobs'], verbs: ['get', 'list', 'watch'] },
  { apiGroups: ['networking.k8s.io'], resources: ['networkpolicies'], verbs: ['get', 'list'] },
];

function login(namespace: string): object[] {
  const metadata = { name: ACCOUNT, namespace };
  const rbac = 'rbac.authorization.k8s.io';
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata, automountServiceAccountToken: false },
    { apiVersion: `${rbac}/v1`, kind: 'Role', metadata, rules: RULES },
    {
      apiVersion: `${rbac}/v1`,
      kind: 'RoleBinding',
      metadata,
      roleRef: { apiGroup: rbac, kind: 'Role', name: ACCOUNT },
      subjects: [{ kind: 'ServiceAccount', ...metadata }],
    },
  ];
}

/** What kubectl reads. @param cluster as the teacher's own settings have it */
export function kubeconfig(cluster: object, namespace: string, token: string): string {
  return `${JSON.stringify(
    {
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': namespace,
      clusters: [{ name: 'class', cluster }],
      users: [{ name: ACCOUNT, user: { token } }],
      contexts: [{ name: namespace, context: { cluster: 'class', user: ACCOUNT, namespace } }],
    },
    null,
    2,
  )}\n`;
}
