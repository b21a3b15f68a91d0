import type { V1Container, V1EmptyDirVolumeSource, V1EnvVar, V1Pod } from '@kubernetes/client-node';
import { AGENT } from '../agent/image.ts';
import { GATEWAY, LABEL, LEASE, labelsOf, namespaceOf, podNameOf, SECRET, WATCHDOG, WITNESS } from './names.ts';
import { AGENT_PORT, CONTROL_PORT, DIRECTORY_PORT, GATEWAY_PORT, GRPC_PORT, KEEPER_PORT } from './ports.ts';

/** THE PODS OF A RUN: pure. All of them are such as Pod Security `restricted` takes. */

const MIB = 1024 * 1024;
/** What one instance may use, when nothing else is asked for. */
const MEMORY_BYTES = 512 * MIB;
/** The keeper's own, beside what is asked for its program. */
export const KEEPER_BYTES = 64 * MIB;
/** The user of PeerLab's images. Any image runs as it. */
const USER = 10_001;
/** The keepers of a run go with its namespace: a hold need not lapse before. */
const HOLD_SECONDS = 3600;
const SHARE_BYTES = 16 * 1024 * MIB;

export const KEEPER_DIR = '/keeper';
export const SHARE_DIR = '/share';
/** Where the directory keeps its state. */
const STATE_DIR = '/data';

export interface InstancePod {
  readonly runId: string;
  readonly name: string;
  readonly role: 'directory' | 'peer';
  readonly image: string;
  /** What the keeper starts. */
  readonly command: readonly string[];
  readonly labImage: string;
  /** Not every image has Node: this pod brings the keeper's own along. */
  readonly bringsNode?: boolean;
  readonly memoryBytes?: number | undefined;
  readonly cpus?: number | undefined;
  /** Size of a disk of its own for the share: it is in memory, which counts as the pod's. */
  readonly diskBytes?: number | undefined;
  /** Those of the same set are on one node, and nobody else of the run is there. */
  readonly nodeSet?: string | undefined;
}

export function instancePod(init: InstancePod): V1Pod {
  const { runId, name, role, image, command, labImage } = init;
  const isPeer = role === 'peer';
  const folder = isPeer ? SHARE_DIR : STATE_DIR;
  const limit = (init.memoryBytes ?? MEMORY_BYTES) + KEEPER_BYTES + (init.diskBytes ?? 0);
  // Where CPU is short, a directory that got the part of one peer would be what the run measures. Two cores take some 300 peers.
  const weight = isPeer ? '5m' : '100m';
  const node = init.bringsNode ? NODE_OF_ITS_OWN : ['node'];
  const keeper = [...node, '--max-semi-space-size=1', `${KEEPER_DIR}/lab/keeper/main.ts`, 'serve', '--idle', '--'];
  const container = containerOf({
    name: role,
    image,
    command: [...keeper, ...command],
    env: [...(isPeer ? PEER_ENV : DIRECTORY_ENV), ...keeperEnv(folder)],
    requests: { cpu: smaller(init.cpus, weight), memory: `${Math.min(96 * MIB, limit)}` },
    limits: { memory: `${limit}`, ...(init.cpus !== undefined && { cpu: cpuText(init.cpus) }) },
    mounts: { keeper: KEEPER_DIR, share: folder, tmp: '/tmp' },
  });
  const install = containerOf({
    name: 'keeper',
    image: labImage,
    // As the image has it ready: fifty starts of Node at one time would take the node's CPU for seconds.
    command: init.bringsNode ? ['sh', '-c', INSTALL_WITH_NODE] : ['cp', '-R', '/opt/keeper/.', KEEPER_DIR],
    env: [],
    requests: { cpu: '5m', memory: '32Mi' },
    limits: { memory: '256Mi' },
    mounts: { keeper: KEEPER_DIR },
  });
  const made = pod(runId, role, name, podNameOf(name), 'nobody', {
    initContainers: [install],
    containers: [container],
    volumes: [
      { name: 'keeper', emptyDir: { sizeLimit: init.bringsNode ? '256Mi' : '16Mi' } },
      { name: 'share', emptyDir: shareVolume(init.diskBytes) },
      { name: 'tmp', emptyDir: { sizeLimit: '64Mi' } },
    ],
  });
  return init.nodeSet === undefined ? made : onNodeOfItsOwn(made, init.nodeSet);
}

/** Those who keep away from others keep others away: no other pod needs to say anything. */
export function onNodeOfItsOwn({ metadata, spec, ...rest }: V1Pod, set: string): V1Pod {
  const term = (operator: 'In' | 'NotIn') => ({
    labelSelector: { matchExpressions: [{ key: LABEL.node, operator, values: [set] }] },
    topologyKey: 'kubernetes.io/hostname',
  });
  const affinity = {
    podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term('In')] },
    podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term('NotIn')] },
  };
  return {
    ...rest,
    metadata: { ...metadata, labels: { ...metadata?.labels, [LABEL.node]: set } },
    spec: { ...(spec as NonNullable<V1Pod['spec']>), affinity },
  };
}

/** A node holds one in memory to its size by the kernel, one on its disk only by looking at it from time to time. */
function shareVolume(diskBytes: number | undefined): V1EmptyDirVolumeSource {
  return diskBytes === undefined ? { sizeLimit: `${SHARE_BYTES}` } : { medium: 'Memory', sizeLimit: `${diskBytes}` };
}

/** Node with all the libraries that it needs, whatever the image has of them: it runs on any Linux. */
const NODE_DIR = `${KEEPER_DIR}/node`;
const NODE_OF_ITS_OWN = [`${NODE_DIR}/ld.so`, '--library-path', NODE_DIR, `${NODE_DIR}/node`];
const INSTALL_WITH_NODE = `set -e
cp -R /opt/keeper/. ${KEEPER_DIR}
mkdir ${NODE_DIR}
cp "$(command -v node)" ${NODE_DIR}/node
# \`libm.so.6 => /lib/libm.so.6 (0x…)\`, and the loader without an arrow.
LD_TRACE_LOADED_OBJECTS=1 node | while read -r name arrow path rest; do
  case "$arrow $name" in
    "=> "*) cp -L "$path" ${NODE_DIR}/ ;;
    *" /"*) cp -L "$name" ${NODE_DIR}/ld.so ;;
  esac
done`;

/** Runs an image as it is, beside one that sees what it starts (in-cluster/entry.ts). */
export function entryPod(runId: string, name: string, image: string, labImage: string): V1Pod {
  const requests = { cpu: '10m', memory: '64Mi' };
  const limits = { memory: '512Mi' };
  const ready = '/looks/ready';
  const looker = containerOf({
    ...{ name: 'looker', image: labImage, env: [], requests, limits, mounts: { looks: '/looks', tmp: '/tmp' } },
    command: ['node', '/app/lab/drivers/kubernetes/in-cluster/entry.ts', '/dev/termination-log', ready],
  });
  // The next container is not started before.
  const postStart = { exec: { command: ['sh', '-c', `until [ -e ${ready} ]; do sleep 0.1; done`] } };
  const { command: _, ...own } = containerOf({
    ...{ name: 'image', image, command: [], env: [], requests, limits, mounts: { tmp: '/tmp' } },
  });
  const made = pod(runId, 'entry', name, podNameOf(name), 'nobody', {
    containers: [{ ...looker, lifecycle: { postStart } }, own],
    volumes: ['looks', 'tmp'].map((volume) => ({ name: volume, emptyDir: { sizeLimit: '16Mi' } })),
  });
  return { ...made, spec: { ...(made.spec as NonNullable<V1Pod['spec']>), shareProcessNamespace: true } };
}

export function gatewayPod(runId: string, labImage: string): V1Pod {
  const container = containerOf({
    name: GATEWAY,
    image: labImage,
    command: ['node', '/app/lab/drivers/kubernetes/in-cluster/gateway.ts', String(GATEWAY_PORT)],
    env: [secretEnv('PEERLAB_GATEWAY_TOKEN', 'gateway')],
    requests: { cpu: '50m', memory: '64Mi' },
    limits: { memory: '512Mi' },
    mounts: {},
  });
  return pod(runId, GATEWAY, GATEWAY, GATEWAY, 'nobody', { containers: [container], volumes: [] });
}

export function watchdogPod(runId: string, labImage: string, leaseSeconds: number): V1Pod {
  const account = '/var/run/secrets/kubernetes.io/serviceaccount';
  const container = containerOf({
    name: WATCHDOG,
    image: labImage,
    command: [
      ...['node', '/app/lab/drivers/kubernetes/in-cluster/watchdog.ts'],
      ...[namespaceOf(runId), LEASE, String(leaseSeconds), account],
    ],
    env: [],
    requests: { cpu: '10m', memory: '48Mi' },
    limits: { memory: '128Mi' },
    mounts: { account },
  });
  const made = pod(runId, WATCHDOG, WATCHDOG, WATCHDOG, WATCHDOG, {
    containers: [container],
    volumes: [
      {
        name: 'account',
        projected: {
          sources: [
            { serviceAccountToken: { path: 'token', expirationSeconds: 3600 } },
            { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
          ],
        },
      },
    ],
  });
  // A watchdog that fails is started again.
  return { ...made, spec: { ...(made.spec as NonNullable<V1Pod['spec']>), restartPolicy: 'Always' } };
}

/** An agent (lab/drivers/agent/), with these capabilities: with one it must be root, which it is in its own container only. */
export function agentContainer(image: string, how: 'serve' | 'witness', capabilities: readonly string[]): V1Container {
  const { resources: _, ...container } = containerOf({
    ...{ name: 'agent', image, command: [...AGENT, how], requests: {}, limits: {}, mounts: {} },
    env: [{ name: 'PEERLAB_AGENT_PORT', value: String(AGENT_PORT) }, secretEnv('PEERLAB_AGENT_TOKEN', 'agent')],
  });
  if (capabilities.length === 0) return container;
  return {
    ...container,
    securityContext: {
      ...container.securityContext,
      ...{ runAsUser: 0, runAsGroup: 0, runAsNonRoot: false },
      capabilities: { drop: ['ALL'], add: [...capabilities] },
    },
  };
}

/** Who the others measure against. */
export function witnessPod(runId: string, image: string, name = WITNESS): V1Pod {
  const resources = { requests: { cpu: '10m', memory: '64Mi' }, limits: { memory: '256Mi' } };
  const container = { ...agentContainer(image, name === WITNESS ? 'witness' : 'serve', []), resources };
  return pod(runId, WITNESS, name, name, 'nobody', { containers: [container], volumes: [] });
}

function pod(
  runId: string,
  role: string,
  name: string,
  podName: string,
  account: string,
  parts: Pick<NonNullable<V1Pod['spec']>, 'initContainers' | 'containers' | 'volumes'>,
): V1Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: podName, namespace: namespaceOf(runId), labels: labelsOf(runId, role, name) },
    spec: {
      restartPolicy: 'Never',
      serviceAccountName: account,
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      // What is to end in order has ended before its pod is removed.
      terminationGracePeriodSeconds: 1,
      securityContext: {
        runAsNonRoot: true,
        runAsUser: USER,
        runAsGroup: USER,
        fsGroup: USER,
        seccompProfile: { type: 'RuntimeDefault' },
      },
      ...parts,
    },
  };
}

interface ContainerInit {
  readonly name: string;
  readonly image: string;
  readonly command: string[];
  readonly env: V1EnvVar[];
  readonly requests: Record<string, string>;
  readonly limits: Record<string, string>;
  /** The folder of each volume. */
  readonly mounts: Readonly<Record<string, string>>;
}

function containerOf({ name, image, command, env, requests, limits, mounts }: ContainerInit): V1Container {
  return {
    ...{ name, image, command, env },
    imagePullPolicy: 'IfNotPresent',
    resources: { requests, limits },
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    },
    volumeMounts: Object.entries(mounts).map(([volume, mountPath]) => ({ name: volume, mountPath })),
  };
}

const POD_IP: V1EnvVar = { name: 'POD_IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } };
const PEER_ENV: V1EnvVar[] = [
  POD_IP,
  { name: 'PEER_HOST', value: '0.0.0.0' },
  { name: 'PEER_PORT', value: String(GRPC_PORT) },
  { name: 'PEER_CONTROL_PORT', value: String(CONTROL_PORT) },
  { name: 'PEER_ADVERTISE', value: `$(POD_IP):${GRPC_PORT}` },
];
const DIRECTORY_ENV: V1EnvVar[] = [
  { name: 'DIRECTORY_HOST', value: '0.0.0.0' },
  { name: 'DIRECTORY_PORT', value: String(DIRECTORY_PORT) },
  { name: 'DIRECTORY_DATA_DIR', value: STATE_DIR },
];

function keeperEnv(folder: string): V1EnvVar[] {
  return [
    { name: 'PEER_SHARE_DIR', value: folder },
    { name: 'PEERLAB_KEEPER_HOST', value: '0.0.0.0' },
    { name: 'PEERLAB_KEEPER_PORT', value: String(KEEPER_PORT) },
    { name: 'PEERLAB_KEEPER_LEASE', value: String(HOLD_SECONDS) },
    secretEnv('PEERLAB_KEEPER_TOKEN', 'keeper'),
  ];
}

function secretEnv(name: string, key: string): V1EnvVar {
  return { name, valueFrom: { secretKeyRef: { name: SECRET, key } } };
}

function cpuText(cpus: number): string {
  return `${Math.max(1, Math.round(cpus * 1000))}m`;
}

/** A request may not be more than its limit. */
function smaller(cpus: number | undefined, usual: string): string {
  return cpus !== undefined && cpus * 1000 < Number.parseInt(usual, 10) ? cpuText(cpus) : usual;
}
