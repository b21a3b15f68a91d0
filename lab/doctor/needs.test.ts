import { describe, expect, test } from 'vitest';
import { kernelAbilities } from '../drivers/agent/kernel-abilities.ts';
import { type Capabilities, OF_ITS_OWN } from '../drivers/capabilities.ts';
import { dockerCapabilities } from '../drivers/docker/capabilities.ts';
import { processCapabilities } from '../drivers/process/capabilities.ts';
import { driverOf } from '../drivers/table.ts';
import { makePlan } from '../scenario/plan.ts';
import { readScenario } from '../scenario/read.ts';
import type { Candidate } from './candidates.ts';
import { chooseCapable, type Need, needsOf, refusalsOf } from './needs.ts';

const allNeeds = (groups: string, steps = '[{login: all}]', more = ''): Need[] =>
  needsOf(
    makePlan(
      readScenario(
        `name: some\ndescription: what does it need?\n${more}groups: ${groups}\nsteps: ${steps}\nexpect: [operations.login.failed == 0]\n`,
        'some.yaml',
      ),
    ),
  );
/** Without the number of peers, which every plan has. */
const needs = (groups: string, steps?: string): Need[] =>
  allNeeds(groups, steps).filter(({ what }) => what !== 'peers');
const PLAIN =
  'name: plain\ndescription: who takes it?\ngroups: {a: {}}\nsteps: [{login: all}]\nexpect: [operations.login.failed == 0]\n';
const LIMITED = '{a: {count: 3, limits: {memory: 256MiB, cpus: 0.5}}, b: {image: "my/peer:1"}, c: {}}';
const KERNEL = kernelAbilities('of another machine');
const ENGINE = { limitsMemory: true, limitsCpu: true, cpus: 2, toolsLack: undefined, kernel: KERNEL };
const docker = dockerCapabilities(ENGINE);
const processes = processCapabilities();

test('hosted peers can not have limits, images or faults of their own but stop; whoever comes later is not hosted', () => {
  const some = readScenario(
    [
      'name: some',
      'description: what does it need?',
      'peersPerInstance: 10',
      'groups: {a: {count: 3, limits: {cpus: 0.5}}, b: {count: 2}, c: {later: true, image: "my/peer:1"}}',
      'steps: [{login: all}, {stop: b}, {restart: b}, {repeat: {times: 2, steps: [{kill: {group: a, take: 1}}, {restart: a}]}}, {start: c}, {freeze: c}, {kill: directory}]',
      'expect: [operations.login.failed == 0]',
    ].join('\n'),
    'some.yaml',
  );
  const hosted = (peersPerInstance?: number, peerImage?: string) =>
    needsOf(makePlan(some, { peersPerInstance }), { peerImage })
      .filter(({ what }) => what === 'while-hosted')
      .map(({ where, wanted }) => `${where}: ${wanted}`);
  expect(hosted()).toEqual(['group "a": cpu-limit', 'step 2: stop', 'step 4.1: kill']);
  expect(hosted(10, 'my/peer:2')).toEqual([
    'group "a": cpu-limit',
    'group "a": own-peer',
    'group "b": own-peer',
    'step 2: stop',
    'step 4.1: kill',
  ]);
  expect(hosted(1)).toEqual([]);
  for (const can of [docker, processes]) {
    const refused = refusalsOf(needsOf(makePlan(some)), can).filter(({ need }) => need.includes('although hosted'));
    expect(refused.map(({ need }) => need)).toEqual([
      'a limit of 0.5 CPUs for each peer, although hosted',
      expect.stringMatching(/^"kill" of a-\d alone, although hosted$/),
    ]);
    expect(refused[0]?.help).toMatch(/peersPerInstance/);
  }
});

test('finds what each group needs, once, and nothing where nothing is asked for', () => {
  expect(needs(LIMITED).map(({ where, what, wanted }) => [where, what, wanted])).toEqual([
    ['group "a"', 'memory-limit', 256 * 1024 * 1024],
    ['group "a"', 'cpu-limit', 0.5],
    ['group "b"', 'own-peer', 'my/peer:1'],
  ]);
  expect(needs('{a: {}}')).toEqual([]);
});

test('a driver that finds everything there is asked for the size, the directory, and what is put in the place of peers', () => {
  const groups = '{a: {count: 3}, b: {double: byzantine-peer}}';
  const steps = '[{login: all}, {kill: directory}, {restart: directory}, {kill: {group: a, take: 1}}]';
  const found = allNeeds(groups, steps, 'peersPerInstance: 2\ndirectory: {lease: 4s, env: {DIRECTORY_MAX_PEERS: 9}}\n');
  expect(found.filter(({ what }) => what !== 'while-hosted').map(({ what, wanted }) => [what, wanted])).toEqual([
    ['peers', 4],
    ['hosts', 2],
    ['directory-settings', 'a lease of 4 s, DIRECTORY_MAX_PEERS=9'],
    ['double', 'byzantine-peer'],
    ['directory-faults', 'kill'],
  ]);
  for (const can of [docker, processes])
    expect(refusalsOf(found, can).filter(({ need }) => !need.includes('although hosted'))).toEqual([]);
});

const NETWORK_STEPS = '[{login: all}, {parallel: {branches: [[{cut: a}], [{delay: {group: a, by: 50ms}}]]}}]';

test('finds what steps do to networks and disks, also within blocks', () => {
  const found = needs('{a: {count: 2, limits: {disk: 4MiB}}}', NETWORK_STEPS);
  expect(found.map(({ where, what, wanted }) => [where, what, wanted])).toEqual([
    ['group "a"', 'disk-limit', 4 * 1024 * 1024],
    ['step 2.1.1', 'network-faults', 'cut'],
    ['step 2.2.1', 'network-faults', 'delay'],
  ]);
});

test('networks and disks need an engine with the tools, and a kernel with the parts', () => {
  const found = needs('{a: {count: 2, limits: {disk: 4MiB}}}', NETWORK_STEPS);
  const whys = (can: Capabilities) => refusalsOf(found, can).map(({ why }) => why);
  expect(whys(processes)).toEqual([
    expect.stringContaining('folders on one disk'),
    expect.stringContaining('share the loopback'),
    expect.stringContaining('share the loopback'),
  ]);
  expect(whys(docker)).toEqual([]);
  const noNetem = { ...KERNEL, NF_TABLES: true, NET_SCH_HTB: true, NET_SCH_NETEM: false };
  expect(whys(dockerCapabilities({ ...ENGINE, kernel: noNetem }))).toEqual([
    'this kernel was built without CONFIG_NET_SCH_NETEM',
  ]);
  expect(whys(dockerCapabilities({ ...ENGINE, toolsLack: 'there is no apt-get' }))).toHaveLength(3);
});

describe('refusals', () => {
  const refused = (groups: string, can: Capabilities) =>
    refusalsOf(needs(groups), can).map(({ where, need, why, help }) => `${where} needs ${need}: ${why}. ${help}`);

  test('docker can do all of it where the kernel has cgroups', () => {
    expect(refused(LIMITED, docker)).toEqual([]);
  });

  test('processes have no limits, and take no image', () => {
    expect(refused(LIMITED, processes)).toEqual([
      'group "a" needs a memory limit of 256 MiB for each peer: the process driver can not limit processes. a Docker engine can, once one is started: --driver docker',
      'group "a" needs a limit of 0.5 CPUs for each peer: the process driver can not limit processes. a Docker engine can, once one is started: --driver docker',
      'group "b" needs its own peer "my/peer:1": for the process driver this is a command, and there is no program "my/peer:1". give the path of a program, or take --driver docker if it is the name of an image',
    ]);
    expect(refused(`{a: {image: "node --version"}, b: {image: "${process.execPath} x.js"}}`, processes)).toEqual([]);
  });

  test('an engine without cgroups, with too few CPUs, or that takes no such limit', () => {
    const weak = dockerCapabilities({ ...ENGINE, limitsMemory: false, limitsCpu: false });
    expect(refused(LIMITED, weak)).toEqual([
      expect.stringMatching(/^group "a" .* the engine can not limit memory on this kernel\. boot the kernel/),
      expect.stringMatching(/^group "a" .* the engine can not limit CPU on this kernel\. boot the kernel/),
    ]);
    expect(refused('{a: {limits: {memory: 1MiB, cpus: 3}}}', docker)).toEqual([
      expect.stringMatching(/1 MiB .* no limit below 6 MiB\. raise/),
      expect.stringMatching(/3 CPUs .* the engine has 2 CPUs\. lower/),
    ]);
  });

  test.each([
    'node',
    'peer:1',
    'me/peer',
    'localhost:5000/a/b:t',
    'Registry.example.org/a',
    `a@sha256:${'0'.repeat(64)}`,
    `sha256:${'0'.repeat(64)}`,
  ])('%s can be an image', (image) => expect(docker['own-peer'](image)).toBeUndefined());

  test.each(['node peer.js', './peer', '/usr/bin/peer', 'Peer', ''])('%j can not be an image', (image) =>
    expect(docker['own-peer'](image)).toMatchObject({ help: expect.stringContaining('--driver process') }),
  );
});

describe('the choice', () => {
  const onDocker: Candidate = { driver: driverOf('docker'), why: 'an engine answers', can: docker };
  const onProcesses: Candidate = { driver: driverOf('process'), why: 'no Docker engine answers', can: processes };

  test('the better one that can do all', () => {
    expect(chooseCapable([onDocker, onProcesses], needs(LIMITED))).toBe(onDocker);
    const command = chooseCapable([onDocker, onProcesses], needs('{a: {image: "node peer.js"}}'));
    expect(command).toMatchObject({
      driver: { kind: 'process' },
      why: expect.stringMatching(/^group "a" needs its own peer "node peer.js"/),
    });
  });

  test('a command for all peers or the directory goes to the driver that takes commands', () => {
    const plan = makePlan(readScenario(PLAIN, 'plain.yaml'));
    for (const own of [{ peerImage: 'node peer.js' }, { directoryImage: 'node directory.js' }])
      expect(chooseCapable([onDocker, onProcesses], needsOf(plan, own))).toMatchObject({ driver: { kind: 'process' } });
    const image = needsOf(plan, { peerImage: 'my/peer:1' });
    expect(chooseCapable([onDocker, onProcesses], image)).toBe(onDocker);
    expect(() => chooseCapable([onProcesses], image)).toThrow(/--peer-image needs .*there is no program "my\/peer:1"/);
  });

  test('when none can, the better one says all that it lacks, and what would help', () => {
    expect(() => chooseCapable([onProcesses], needs(LIMITED))).toThrow(
      expect.objectContaining({
        code: 'not-capable',
        message: expect.stringMatching(
          /no Docker engine answers[\s\S]*group "a" needs a memory limit[\s\S]*What would help: a Docker engine[\s\S]*CPUs[\s\S]*group "b"/,
        ),
      }),
    );
  });
});

test('several directories need a driver that can start them, and the refusal says what would help', () => {
  const plan = { peers: [], steps: [], directoryReplicas: 2 };
  const refused = refusalsOf(needsOf(plan), { ...OF_ITS_OWN } as Capabilities);
  expect(refused).toEqual([
    expect.objectContaining({
      where: 'the directory',
      need: '2 replicas',
      help: expect.stringContaining('--driver process'),
    }),
  ]);
  expect(refusalsOf(needsOf({ ...plan, directoryReplicas: 1 }), { ...OF_ITS_OWN } as Capabilities)).toEqual([]);
});
