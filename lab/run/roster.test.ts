import { expect, test } from 'vitest';
import type { Driver, Instance, PeerSpec } from '../drivers/driver.ts';
import type { EventOf } from '../history/run-event.ts';
import { Roster } from './roster.ts';

type Ended = Omit<EventOf<'instance-ended'>, 'at'>;

/** A roster with one instance that ends when and as the test says. */
async function withInstance(more: Partial<Instance> = {}) {
  const { promise: ended, resolve: end } = Promise.withResolvers<string>();
  const told: Ended[] = [];
  const roster = new Roster({
    ...{ plan: { peers: [] } as never, driver: {} as Driver, controlToken: '', hashOf: () => undefined },
    tell: (event) => void (event.kind === 'instance-ended' && told.push(event)),
    ...{ entered: () => {}, arrived: async () => {}, left: () => {} },
  });
  const instance = { name: 'a-1', role: 'peer', address: '', ended, ...more } as Instance;
  await roster.welcome(instance, 0);
  const endAs = async (how: string) => {
    end(how);
    await ended;
    return told[0];
  };
  return { roster, instance, endAs };
}

test.each<[string, boolean]>([
  ['a-1 ended with exit code 0', true],
  ['a-1 ended with exit code 3', false],
  ['a-1 ended by SIGSEGV', false],
  ['ended with exit code 137, after it ran out of memory', false],
  ['a-1 was stopped, and its host host1 goes on', true],
])('asked to stop, %s: in order is %s', async (how, inOrder) => {
  const { roster, instance, endAs } = await withInstance();
  roster.expectEnd(instance, 'stop');
  expect(await endAs(how)).toMatchObject({ asked: true, inOrder });
});

test('at the end of the run all are asked to stop', async () => {
  const { roster, endAs } = await withInstance();
  roster.close();
  expect(await endAs('ended with exit code 3')).toMatchObject({ asked: true, inOrder: false });
});

test('what the lab or a fault did is not the doing of the instance', async () => {
  const killed = await withInstance();
  killed.roster.expectEnd(killed.instance, 'kill');
  expect(await killed.endAs('a-1 ended by SIGKILL')).toMatchObject({ asked: true, inOrder: true });

  for (const [name, more] of [['a-1'], ['host1', { host: 'host1' }]] as const) {
    const late = await withInstance(more);
    late.roster.close();
    late.roster.killed(name);
    expect(await late.endAs('a-1 ended by SIGKILL')).toMatchObject({ asked: true, inOrder: true });
  }
});

test('a kill in one life excuses nothing in the next', async () => {
  const { roster, instance, endAs } = await withInstance();
  roster.killed('a-1');
  await roster.welcome({ ...instance }, 0);
  roster.close();
  expect(await endAs('a-1 ended by SIGSEGV')).toMatchObject({ inOrder: false });
});

test('nobody asked: that is for others to judge', async () => {
  const { endAs } = await withInstance();
  expect(await endAs('a-1 ended with exit code 3')).toMatchObject({ asked: false, inOrder: true });
});

test('where the directory had its users before, a user of the plan gets the account that the driver names; who stood before is told', async () => {
  const started: PeerSpec[] = [];
  const told: unknown[] = [];
  const instance = (name: string, role: Instance['role']) =>
    ({
      name,
      role,
      address: name,
      ended: new Promise(() => {}),
      ...(role === 'directory' && { stood: true }),
    }) as Instance;
  const driver = {
    accountOf: (user: string) => ({ user: `lab.${user}`, password: 'of the lab' }),
    startDirectory: async ({ name }) => instance(name, 'directory'),
    startPeer: async (spec) => {
      started.push(spec);
      return instance(spec.name, 'peer');
    },
  } as Pick<Driver, 'accountOf' | 'startDirectory' | 'startPeer'> as Driver;
  const peer = { name: 'a-1', group: 'a', user: 'ann', share: [], env: {}, later: false };
  const roster = new Roster({
    ...{ plan: { peers: [peer], directoryEnv: {}, leaseMs: 1 } as never, driver, controlToken: 'token' },
    ...{ hashOf: () => undefined, entered: () => {}, arrived: async () => {}, left: () => {} },
    tell: (event) => void (event.kind === 'instance-ready' && told.push(event)),
  });
  await roster.startDirectory();
  await roster.start('a-1');
  expect(started[0]?.env).toMatchObject({ PEER_USER: 'lab.ann', PEER_PASSWORD: 'of the lab' });
  expect(told).toEqual([
    expect.objectContaining({ instance: 'directory', stood: true }),
    expect.not.objectContaining({ stood: true }),
  ]);
});
