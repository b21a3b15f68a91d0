import type { V1ContainerStatus, V1PodStatus } from '@kubernetes/client-node';
import { expect, test } from 'vitest';
import { stateOf } from './pod-state.ts';

const container = (state: object, more: object = {}): V1ContainerStatus =>
  ({ name: 'peer', image: 'peerlab/peer:1', state, ...more }) as V1ContainerStatus;
const stateWith = (status: V1PodStatus, metadata: object = {}) => stateOf({ metadata, status });
const waiting = (reason: string) => container({ waiting: { reason, message: 'the words of the node' } });

test('a pod is pending until its container runs and it has an address', () => {
  expect(stateWith({ phase: 'Pending' })).toEqual({ is: 'pending' });
  expect(stateWith({ podIP: '10.0.0.7', containerStatuses: [waiting('PodInitializing')] })).toEqual({ is: 'pending' });
  expect(stateWith({ containerStatuses: [container({ running: {} })] })).toEqual({ is: 'pending' });
  expect(stateWith({ podIP: '10.0.0.7', containerStatuses: [container({ running: {} })] })).toEqual({
    is: 'running',
    ip: '10.0.0.7',
  });
});

test.each(['ErrImageNeverPull', 'ImagePullBackOff', 'InvalidImageName'])('%s: the image is named', (reason) => {
  const found = { is: 'stuck', why: `${reason}: the words of the node`, missingImage: 'peerlab/peer:1' };
  expect(stateWith({ containerStatuses: [waiting(reason)] })).toEqual(found);
  expect(stateWith({ initContainerStatuses: [waiting(reason)], containerStatuses: [] })).toEqual(found);
});

test('a first failure to pull is none yet', () => {
  expect(stateWith({ containerStatuses: [waiting('ErrImagePull')] })).toEqual({ is: 'pending' });
});

test('what a busy node tries again is no failure, what it refuses is one', () => {
  const refused = (message: string) =>
    stateWith({ containerStatuses: [container({ waiting: { reason: 'CreateContainerConfigError', message } })] });
  expect(refused('failed to sync secret cache: timed out waiting for the condition')).toEqual({ is: 'pending' });
  expect(refused('secret "run" not found')).toMatchObject({ is: 'stuck' });
});

test('what no node takes says why', () => {
  const conditions = [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: 'too little CPU' }];
  expect(stateWith({ phase: 'Pending', conditions })).toEqual({ is: 'stuck', why: 'no node takes it: too little CPU' });
});

test('a program that can not be started says why', () => {
  const message = 'exec: "node": executable file not found in $PATH';
  expect(
    stateWith({ phase: 'Failed', containerStatuses: [container({ terminated: { reason: 'StartError', message } })] }),
  ).toEqual({ is: 'stuck', why: `it could not be started: ${message}` });
});

test.each([
  [
    { phase: 'Failed', reason: 'Evicted', message: 'the disk is full' },
    'ended with its pod: Evicted: the disk is full',
  ],
  [{ containerStatuses: [container({ terminated: { exitCode: 137 } })] }, 'ended by SIGKILL'],
  [
    { containerStatuses: [container({ terminated: { exitCode: 137, reason: 'OOMKilled' } })] },
    'ended by SIGKILL: its memory ran out',
  ],
  [{ phase: 'Failed', containerStatuses: [container({ terminated: { exitCode: 64 } })] }, 'ended with exit code 64'],
])('an end says how: %j', (status, how) => {
  expect(stateWith(status as V1PodStatus)).toEqual({ is: 'ended', how });
});

test('a pod that is being removed has ended, unless its container still runs', () => {
  const metadata = { deletionTimestamp: new Date() };
  expect(stateWith({ phase: 'Pending' }, metadata)).toMatchObject({ is: 'ended' });
});
