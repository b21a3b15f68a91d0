import type { EnvSpec } from '../../proto/env.ts';
import * as env from '../../proto/env.ts';
import { isCanonical, quantity } from './quantities.ts';
import { type Container, type Manifest, type PodTemplate, podTemplates, type Tree } from './read.ts';

/** GOOD PRACTICE of manifests, as far as it can be seen without a cluster: each rule gives a sentence for each place that breaks it. */
export type Rule = (classroom: Classroom) => string[];

export interface Classroom {
  readonly manifests: readonly Manifest[];
  readonly templates: readonly PodTemplate[];
  /** Of package.json. */
  readonly version: string;
}

const CORES = 1;
const MEMORY_BYTES = 2 ** 30;

const ofKind = ({ manifests }: Classroom, kind: string) => manifests.filter((one) => one.kind === kind);

/** A rule for each container: what is wrong with it, if anything. */
const eachContainer =
  (judge: (container: Container, template: PodTemplate, all: Classroom) => string | undefined | false): Rule =>
  (all) =>
    all.templates.flatMap((template) =>
      template.containers.flatMap((container) => {
        const flaw = judge(container, template, all);
        return flaw ? [`${container.about}: ${flaw}`] : [];
      }),
    );

const eachTemplate =
  (judge: (template: PodTemplate, all: Classroom) => string | undefined | false): Rule =>
  (all) =>
    all.templates.flatMap((template) => {
      const flaw = judge(template, all);
      return flaw ? [`${template.about}: ${flaw}`] : [];
    });

export const RULES: Readonly<Record<string, Rule>> = {
  'the namespace comes first, and enforces restricted': ({ manifests: [first] }) =>
    first?.kind === 'Namespace' &&
    first.name === 'peerlab' &&
    first.tree.metadata.labels?.['pod-security.kubernetes.io/enforce'] === 'restricted'
      ? []
      : ['the first object is not the namespace peerlab with Pod Security restricted enforced'],

  'everything is in the namespace': ({ manifests }) =>
    manifests
      .filter(({ kind, tree }) => kind !== 'Namespace' && tree.metadata.namespace !== 'peerlab')
      .map(({ kind, name }) => `${kind}/${name} is in another namespace`),

  'names are those of the contract': ({ manifests }) =>
    ['Deployment/directory', 'StatefulSet/peers', 'Service/lab', 'Job/lab', 'CronJob/scenario', 'Deployment/prometheus']
      .filter((wanted) => !manifests.some(({ kind, name }) => `${kind}/${name}` === wanted))
      .map((wanted) => `${wanted} is missing`),

  'six peers, named from 1': (all) => {
    const { replicas, ordinals } = ofKind(all, 'StatefulSet')[0]?.tree.spec ?? {};
    return replicas === 6 && ordinals?.start === 1 ? [] : ['StatefulSet/peers is not peers-1 to peers-6'];
  },

  'images of PeerLab have the version, others a fixed one, and none is pulled without need': eachContainer(
    ({ tree: { image, imagePullPolicy } }, _, { version }) => {
      const tag = /:([^:/]+)$/.exec(image)?.[1];
      if (tag === undefined || tag === 'latest') return `the image ${image} has no fixed tag`;
      if (image.startsWith('peerlab/') && tag !== version) return `the image ${image} is not of version ${version}`;
      return imagePullPolicy !== 'IfNotPresent' && 'imagePullPolicy is not IfNotPresent';
    },
  ),

  'no root': eachTemplate(
    ({ spec: { securityContext } }) =>
      !(securityContext?.runAsNonRoot === true && securityContext.runAsUser > 0) && 'may run as root',
  ),
  'seccomp is on': eachTemplate(
    ({ spec }) => spec.securityContext?.seccompProfile?.type !== 'RuntimeDefault' && 'seccomp is not RuntimeDefault',
  ),
  'the root folder is read-only': eachContainer(
    ({ tree }) => tree.securityContext?.readOnlyRootFilesystem !== true && 'its root folder can be written to',
  ),
  'no privilege can be gained': eachContainer(
    ({ tree }) => tree.securityContext?.allowPrivilegeEscalation !== false && 'may gain privileges',
  ),
  'no capabilities': eachContainer(
    ({ tree }) => String(tree.securityContext?.capabilities?.drop) !== 'ALL' && 'keeps capabilities',
  ),
  'no token for who needs none': eachTemplate(
    ({ spec }) => spec.automountServiceAccountToken !== false && 'gets a token of the API server',
  ),
  'accounts of their own': eachTemplate(
    ({ spec }, all) =>
      !ofKind(all, 'ServiceAccount').some(
        ({ name, tree }) => name === spec.serviceAccountName && tree.automountServiceAccountToken === false,
      ) && 'has no account of its own, without a token',
  ),
  // A service named `directory` would set DIRECTORY_PORT to tcp://….
  'no variables for services': eachTemplate(
    ({ spec }) => spec.enableServiceLinks !== false && 'gets variables for each service',
  ),

  'requests and limits': eachContainer(({ tree: { resources } }) =>
    ['cpu', 'memory', 'ephemeral-storage']
      .filter((what) => !(quantity(resources?.requests?.[what]) <= quantity(resources?.limits?.[what])))
      .map((what) => `no request and limit of ${what}`)
      .join(', '),
  ),
  'a laptop is enough: 1 core and 1 GiB requested in all': ({ templates }) => {
    const sum = (what: string) =>
      templates
        .filter(({ owner }) => owner.kind !== 'CronJob')
        .reduce((total, template) => total + requestOf(template, what) * (template.owner.tree.spec.replicas ?? 1), 0);
    return [
      ...(sum('cpu') > CORES ? [`${sum('cpu')} cores are requested`] : []),
      ...(sum('memory') > MEMORY_BYTES ? [`${sum('memory') / 2 ** 20} MiB are requested`] : []),
    ];
  },
  'quantities are spelt as the server does': ({ manifests }) =>
    manifests.flatMap(({ kind, name, tree }) =>
      quantitiesIn(tree)
        .filter((one) => !isCanonical(one))
        .map((one) => `${kind}/${name}: ${JSON.stringify(one)} would be a change at every apply`),
    ),

  'probes for what stays': eachContainer(({ isInit, tree }, { owner }) => {
    if (isInit || /Job$/.test(owner.kind)) return undefined;
    const probes = ['startupProbe', 'readinessProbe', 'livenessProbe'];
    const ports = (tree.ports ?? []).map(({ name }: Tree) => name);
    const isRight = (probe: Tree) => ports.includes(probe?.httpGet?.port ?? probe?.tcpSocket?.port);
    const lacking = probes.filter((probe) => !isRight(tree[probe]));
    return lacking.length > 0 && `no ${lacking.join(', ')} at one of its ports`;
  }),
  'ports have names': (all) => [
    ...eachContainer(({ tree }) => (tree.ports ?? []).some((port: Tree) => !port.name) && 'a port has no name')(all),
    ...ofKind(all, 'Service')
      .filter(({ tree }) => tree.spec.ports.some((port: Tree) => !port.name || typeof port.targetPort !== 'string'))
      .map(({ name }) => `Service/${name}: a port has no name, or goes to a number`),
  ],

  'services find pods and their ports': (all) =>
    ofKind(all, 'Service').flatMap(({ name, tree: { spec } }) => {
      const found = all.templates.filter(({ labels }) => fits(spec.selector, labels));
      const ports = found.flatMap(({ containers }) => containers.flatMap(({ tree }) => tree.ports ?? []));
      return spec.ports
        .filter((port: Tree) => !ports.some((one: Tree) => one.name === port.targetPort))
        .map((port: Tree) => `Service/${name}: no pod has the port ${port.targetPort}`);
    }),
  'selectors select their own pods': eachTemplate(({ owner, labels }) => {
    const selector = owner.tree.spec.selector?.matchLabels;
    return selector !== undefined && !fits(selector, labels) && 'its selector does not fit its own pods';
  }),

  'nobody talks to anybody by default': (all) =>
    ofKind(all, 'NetworkPolicy').some(
      ({ tree: { spec } }) =>
        Object.keys(spec.podSelector).length === 0 &&
        String(spec.policyTypes) === 'Ingress,Egress' &&
        !spec.ingress &&
        !spec.egress,
    )
      ? []
      : ['there is no policy that denies everything'],
  'policies speak of pods and ports that there are': (all) => policyFlaws(all),
  'nothing leaves the namespace but questions for names': (all) =>
    ofKind(all, 'NetworkPolicy').flatMap(({ name, tree: { spec } }) =>
      (spec.egress ?? [])
        .filter(({ to, ports }: Tree) => {
          const isNames = ports?.every(({ port }: Tree) => port === 53);
          return !to?.length || to.some((one: Tree) => one.ipBlock || (one.namespaceSelector && !isNames));
        })
        .map(() => `NetworkPolicy/${name}: pods may talk to what is elsewhere`),
    ),

  'variables are those of the environment table': eachContainer(({ tree }) => {
    const names: string[] = (tree.env ?? []).map(({ name }: Tree) => name);
    const text = JSON.stringify([tree.args, tree.command, tree.env]);
    // What is only there for the container itself is named in it: $(POD_IP).
    const unknown = names.filter((name) => !KNOWN.has(name) && !text.includes(`$(${name})`));
    return unknown.length > 0 && `nobody reads ${unknown.join(', ')}`;
  }),
  'no secret is written down but in the secret': eachContainer(({ tree }) => {
    const bare = (tree.env ?? []).filter(({ name, value }: Tree) => SECRETS.has(name) && value !== undefined);
    return bare.length > 0 && `${bare.map(({ name }: Tree) => name).join(', ')} is written down`;
  }),
  'secrets, claims, settings and volumes that are named are there': (all) => missingParts(all),

  'a secret is written as the server keeps it': (all) =>
    ofKind(all, 'Secret')
      .filter(({ tree }) => tree.stringData !== undefined)
      .map(({ name }) => `Secret/${name}: stringData would be a change at every apply`),
  // kubectl sends the selector of a PodDisruptionBudget at every apply (its patch strategy is `replace`): always `configured`.
  'a second apply says unchanged': (all) =>
    ofKind(all, 'PodDisruptionBudget').map(({ name }) => `PodDisruptionBudget/${name} would never be unchanged`),
};

/** All tables there. */
const SPECS = Object.values(env).flatMap((table): [string, EnvSpec][] => Object.entries(table));
const KNOWN: ReadonlySet<string> = new Set(SPECS.map(([name]) => name));
const SECRETS: ReadonlySet<string> = new Set(SPECS.filter(([, { secret }]) => secret).map(([name]) => name));

/** All complaints, each with its rule. */
export function complaints(manifests: readonly Manifest[], version: string): string[] {
  const classroom: Classroom = { manifests, templates: podTemplates(manifests), version };
  return Object.entries(RULES).flatMap(([rule, judge]) => judge(classroom).map((flaw) => `${rule}: ${flaw}`));
}

/** Of one pod: what runs at one time, and no less than each of its init containers. */
function requestOf({ containers }: PodTemplate, what: string): number {
  const request = ({ tree }: Container) => quantity(tree.resources?.requests?.[what]);
  const together = containers.filter(({ isInit }) => !isInit).reduce((sum, container) => sum + request(container), 0);
  return Math.max(together, ...containers.filter(({ isInit }) => isInit).map(request));
}

function fits(selector: Readonly<Record<string, string>> | undefined, labels: Readonly<Record<string, string>>) {
  return Object.entries(selector ?? {}).every(([key, value]) => labels[key] === value);
}

const QUANTITY_PARENTS = new Set(['requests', 'limits', 'hard', 'default', 'defaultRequest', 'max']);

function quantitiesIn(tree: Tree, parent = ''): unknown[] {
  if (typeof tree !== 'object' || tree === null) return parent === 'sizeLimit' ? [tree] : [];
  if (QUANTITY_PARENTS.has(parent) && !Array.isArray(tree)) return Object.values(tree);
  return Object.entries(tree).flatMap(([key, value]) => quantitiesIn(value, Array.isArray(tree) ? '' : key));
}

function policyFlaws(all: Classroom): string[] {
  const portsOf = (selector: Tree): number[] =>
    all.templates
      .filter(({ labels }) => fits(selector?.matchLabels, labels))
      .flatMap(({ containers }) => containers.flatMap(({ tree }) => tree.ports ?? []))
      .map(({ containerPort }: Tree) => containerPort);
  return ofKind(all, 'NetworkPolicy').flatMap(({ name, tree: { spec } }) => {
    const flaws: string[] = [];
    const own = (one: Tree) => one.podSelector !== undefined && one.namespaceSelector === undefined;
    const hold = (selector: Tree) => {
      if (!all.templates.some(({ labels }) => fits(selector?.matchLabels, labels)))
        flaws.push(`NetworkPolicy/${name} speaks of pods that there are not: ${JSON.stringify(selector)}`);
    };
    const holdPorts = (selector: Tree, ports: Tree[] | undefined) => {
      for (const { port } of ports ?? [])
        if (!portsOf(selector).includes(port)) flaws.push(`NetworkPolicy/${name}: nobody there has the port ${port}`);
    };
    hold(spec.podSelector);
    for (const { from, ports } of spec.ingress ?? []) {
      for (const one of (from ?? []).filter(own)) hold(one.podSelector);
      holdPorts(spec.podSelector, ports);
    }
    for (const { to, ports } of spec.egress ?? []) {
      for (const one of (to ?? []).filter(own)) {
        hold(one.podSelector);
        holdPorts(one.podSelector, ports);
      }
    }
    return flaws;
  });
}

function missingParts(all: Classroom): string[] {
  const has = (kind: string, name: string) => ofKind(all, kind).some((one) => one.name === name);
  return all.templates.flatMap(({ about, spec, containers }) => {
    const volumes: Tree[] = spec.volumes ?? [];
    const lacking = [
      ...volumes.flatMap(({ persistentVolumeClaim, configMap }: Tree) => [
        ...(persistentVolumeClaim && !has('PersistentVolumeClaim', persistentVolumeClaim.claimName)
          ? [`the claim ${persistentVolumeClaim.claimName}`]
          : []),
        ...(configMap && !has('ConfigMap', configMap.name) ? [`the settings ${configMap.name}`] : []),
      ]),
      ...containers.flatMap(({ tree }) => [
        ...(tree.volumeMounts ?? [])
          .filter((mount: Tree) => !volumes.some(({ name }) => name === mount.name))
          .map((mount: Tree) => `the volume ${mount.name}`),
        ...(tree.env ?? [])
          .map(({ valueFrom }: Tree) => valueFrom?.secretKeyRef)
          .filter((ref: Tree) => ref && ofKind(all, 'Secret').every(({ tree }) => tree.data?.[ref.key] === undefined))
          .map((ref: Tree) => `the key ${ref.key} of a secret`),
      ]),
    ];
    return lacking.map((what) => `${about}: ${what} is not there`);
  });
}
