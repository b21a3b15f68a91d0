import path from 'node:path';
import { expect, test } from 'vitest';
import { kubeconfig, type Manifest, namespaceOf, readClassroom, teamObjects } from './team.ts';

const classroom = readClassroom(path.join(import.meta.dirname, '../../k8s'));
const NAMESPACE = 'peerlab-team-red';
const objects = (tokens?: Record<string, string>) => teamObjects(classroom, NAMESPACE, tokens) as Manifest[];
const secretOf = (all: Manifest[]) => all.find(({ kind }) => kind === 'Secret')?.data;

test('a team has all of the classroom, and nothing outside of its namespace', () => {
  const all = objects();
  expect(all[0]).toMatchObject({
    kind: 'Namespace',
    metadata: { name: NAMESPACE, labels: { 'pod-security.kubernetes.io/enforce': 'restricted' } },
  });
  expect(all.slice(1).map(({ metadata }) => metadata.namespace)).toEqual(all.slice(1).map(() => NAMESPACE));
  expect(all).toHaveLength(classroom.length + 3);
  // Nothing that is said within an object names the namespace of the classroom.
  const text = JSON.stringify(all).replaceAll('part-of":"peerlab"', '');
  expect(/"peerlab"|\.peerlab\./.test(text)).toBe(false);
});

test('tokens are of the team alone; a team that is there keeps its own', () => {
  const [one, other] = [secretOf(objects()), secretOf(objects())];
  expect(Object.keys(one ?? {})).toEqual(Object.keys(classroom.find(({ kind }) => kind === 'Secret')?.data ?? {}));
  expect(new Set([...Object.values(one ?? {}), ...Object.values(other ?? {})]).size).toBe(8);
  expect(secretOf(objects({ 'page-token': 'eA==' }))).toEqual({ 'page-token': 'eA==' });
});

test('the login reads no secret and changes no right, policy or quota', () => {
  const role = objects().find(({ kind }) => kind === 'Role') as unknown as {
    rules: { resources: string[]; verbs: string[] }[];
  };
  const may = (verb: string, resource: string) =>
    role.rules.some(({ resources, verbs }) => resources.includes(resource) && verbs.includes(verb));
  expect([may('create', 'pods/exec'), may('delete', 'pods'), may('patch', 'statefulsets/scale')]).toEqual([
    ...[true, true, true],
  ]);
  const none = ['secrets', 'roles', 'rolebindings', 'serviceaccounts/token', '*'].filter((what) => may('get', what));
  expect(none).toEqual([]);
  expect(may('create', 'pods')).toBe(false);
  for (const what of ['networkpolicies', 'resourcequotas', 'limitranges'])
    for (const verb of ['create', 'update', 'patch', 'delete']) expect(may(verb, what)).toBe(false);
});

test('names of teams, and the file that kubectl reads', () => {
  expect(namespaceOf('red')).toBe(NAMESPACE);
  for (const name of ['Red', '-red', 'a b', 'x'.repeat(40), '']) expect(() => namespaceOf(name)).toThrow('a name of');
  expect(JSON.parse(kubeconfig({ server: 'https://x' }, NAMESPACE, 'secret'))).toMatchObject({
    clusters: [{ cluster: { server: 'https://x' } }],
    users: [{ user: { token: 'secret' } }],
    contexts: [{ context: { namespace: NAMESPACE } }],
  });
});
