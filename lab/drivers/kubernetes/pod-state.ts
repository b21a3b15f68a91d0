import type { V1ContainerStatus, V1Pod } from '@kubernetes/client-node';

/** WHAT BECAME OF A POD, told by the object: pure. */
export type PodState =
  | { readonly is: 'pending' }
  | { readonly is: 'running'; readonly ip: string }
  /** It will not run: why, and the image that is lacking, if that is why. */
  | { readonly is: 'stuck'; readonly why: string; readonly missingImage?: string }
  /** As in `ended by SIGKILL: …`. */
  | { readonly is: 'ended'; readonly how: string };

/** The node has been told to get it, or not to, and has failed. */
const NO_IMAGE = new Set(['ErrImageNeverPull', 'ImagePullBackOff', 'InvalidImageName']);
/** The runtime has refused to make or start it; without a restart, that is final. */
const NO_START = new Set(['CreateContainerConfigError', 'CreateContainerError', 'RunContainerError']);
/** But for what a busy node says: it has not got all that the pod names yet, and tries again. */
const TRIED_AGAIN = /failed to sync \w+ cache/;
const SIGKILL_CODE = 137;

export function stateOf({ status, metadata }: V1Pod): PodState {
  const statuses = [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])];
  for (const one of statuses) {
    const flaw = flawOf(one);
    if (flaw) return flaw;
  }
  if (status?.phase === 'Failed' || status?.phase === 'Succeeded') return { is: 'ended', how: endOf(status, statuses) };
  const main = status?.containerStatuses?.[0];
  if (main?.state?.terminated) return { is: 'ended', how: endOf(status ?? {}, statuses) };
  if (main?.state?.running && status?.podIP) return { is: 'running', ip: status.podIP };
  if (metadata?.deletionTimestamp) return { is: 'ended', how: 'ended by SIGKILL: its pod is being removed' };
  const scheduled = status?.conditions?.find(({ type }) => type === 'PodScheduled');
  if (scheduled?.status === 'False' && scheduled.reason === 'Unschedulable')
    return { is: 'stuck', why: `no node takes it: ${scheduled.message ?? ''}` };
  return { is: 'pending' };
}

function flawOf({ image, state }: V1ContainerStatus): PodState | undefined {
  const { reason = '', message = '' } = state?.waiting ?? {};
  if (NO_IMAGE.has(reason)) return { is: 'stuck', why: `${reason}: ${message}`, missingImage: image };
  if (NO_START.has(reason) && !TRIED_AGAIN.test(message)) return { is: 'stuck', why: `${reason}: ${message}` };
  const end = state?.terminated;
  if (end?.reason === 'StartError') return { is: 'stuck', why: `it could not be started: ${end.message ?? ''}` };
  return undefined;
}

function endOf(status: NonNullable<V1Pod['status']>, statuses: readonly V1ContainerStatus[]): string {
  const end = statuses.map(({ state }) => state?.terminated).find((one) => one && one.exitCode !== 0);
  const { exitCode = 0, reason = '', message = '' } = end ?? {};
  if (reason === 'OOMKilled') return 'ended by SIGKILL: its memory ran out';
  // Evicted, or its node went away.
  if (status.reason) return `ended with its pod: ${status.reason}: ${status.message ?? ''}`;
  const how = exitCode === SIGKILL_CODE ? 'ended by SIGKILL' : `ended with exit code ${exitCode}`;
  return message ? `${how}: ${message.trim().slice(-500)}` : how;
}
