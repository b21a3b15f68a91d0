import { createHash } from 'node:crypto';

/** What carries the run's id; the same as those of containers on Docker. */
export const LABEL = {
  run: 'peerlab.run',
  role: 'peerlab.role',
  peer: 'peerlab.peer',
  cut: 'peerlab.cut',
  node: 'peerlab.node',
} as const;

/** The Lease that the lab renews; beside it stands whoever ends the run when it does not. */
export const LEASE = 'lab';
/** Of the Lease: the nodes that whoever ends the run must put back in service, with commas. */
export const NODES_ANNOTATION = 'peerlab.nodes';
export const GATEWAY = 'gateway';
export const WATCHDOG = 'watchdog';
export const WITNESS = 'witness';
/** With whom it is found out what policies do. */
export const CANARY = 'canary';
export const SECRET = 'run';

const MAX_NAME = 63;
const TAG = 8;

export function namespaceOf(runId: string): string {
  return `peerlab-run-${runId.toLowerCase()}`;
}

/** The name of the pod of an instance: as its own where Kubernetes allows that, and never that of the lab's own pods. */
export function podNameOf(instance: string): string {
  const name = `i-${instance}`;
  if (/^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/.test(name) && name.length <= MAX_NAME) return name;
  const tag = createHash('sha256').update(instance).digest('hex').slice(0, TAG);
  const plain = name.toLowerCase().replaceAll(/[^a-z0-9-]/g, '-');
  return `${plain.slice(0, MAX_NAME - TAG - 1)}-${tag}`;
}

/** A label takes the name as it is, or not at all. */
export function labelsOf(runId: string, role: string, name: string): Record<string, string> {
  const isLabel = /^[A-Za-z0-9]([\w.-]{0,61}[A-Za-z0-9])?$/.test(name);
  return {
    'app.kubernetes.io/part-of': 'peerlab',
    [LABEL.run]: runId,
    [LABEL.role]: role,
    ...(isLabel && { [LABEL.peer]: name }),
  };
}
