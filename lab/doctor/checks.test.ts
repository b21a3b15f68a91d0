import { describe, expect, test } from 'vitest';
import type { EngineSurvey } from '../drivers/docker/survey.ts';
import type { Finding, Patient } from './check.ts';
import { diagnose } from './diagnosis.ts';
import type { Disk, Facts } from './facts.ts';
import type { Size } from './size.ts';
import { CHECKS } from './table.ts';

const GIB = 1024 ** 3;
const MIB = 1024 ** 2;

const SIZE: Size = {
  scenario: 'some',
  peers: 4,
  hostedPeers: 0,
  hosts: 0,
  operationsAtOnce: 8,
  operations: 40,
  files: 24,
  shareBytes: 40 * MIB,
  transferBytes: 60 * MIB,
  transferPairs: 6,
  leastMemoryLimitBytes: undefined,
};
const PATIENT: Patient = { size: SIZE, driver: 'docker', asked: 'auto' };
const PROCESSES: Patient = { size: SIZE, driver: 'process', asked: 'process' };

const disk = (folder: string, freeBytes = 50 * GIB, id = folder): Disk => ({ folder, freeBytes, id, isMemory: false });

const ENGINE: EngineSurvey = {
  version: '20.10',
  endpoint: 'unix:///var/run/docker.sock',
  limitsMemory: true,
  limitsCpu: true,
  cpus: 2,
  toolsLack: undefined,
  kernel: {} as EngineSurvey['kernel'],
  rootFolder: '/var/lib/docker',
  networks: 1,
  addressPools: 31,
  images: { state: 'current', base: 'node:24-bookworm-slim', source: undefined },
};

const FACTS: Facts = {
  node: '24.21.0',
  system: { platform: 'linux', release: '6.18.0' },
  engine: ENGINE,
  refusals: [],
  openFiles: { soft: 20_000, hard: 20_000 },
  tasks: { left: 32_000, limit: 'kernel.pid_max' },
  inotify: { instances: 128, inUse: 0 },
  ports: { lowest: 10_240, end: 32_768, taken: 0 },
  neighbours: { limit: 1024, inUse: 1 },
  memoryBytes: 16 * GIB,
  heapBytes: 4 * GIB,
  disks: { temporary: disk('/tmp'), results: disk('results'), engine: disk('/var/lib/docker') },
};

function finding(name: string, facts: Partial<Facts>, patient: Patient = PATIENT): Finding | undefined {
  return CHECKS.find((check) => check.name === name)?.judge({ ...FACTS, ...facts }, patient);
}

const engineWith = (more: Partial<EngineSurvey>) => ({ engine: { ...ENGINE, ...more } });
const imagesWith = (images: EngineSurvey['images']) => engineWith({ images });
const many = (more: Partial<Size>, patient = PATIENT): Patient => ({ ...patient, size: { ...SIZE, ...more } });

test('on a good machine everything is well, and each check says what it found', () => {
  for (const patient of [PATIENT, PROCESSES]) {
    const { findings, prediction } = diagnose(FACTS, patient, (peers) => ({ ...SIZE, peers }));
    expect(prediction).toBe('fits');
    for (const { name, state, found, mend } of findings) {
      expect({ name, state, found, mend }).toEqual({
        name,
        state: 'ok',
        found: expect.stringMatching(/\w/),
        mend: undefined,
      });
    }
  }
});

/** Name of the check, what is wrong, for whom, what it is then, what it finds, and how it says to mend that. */
const AMISS: [string, Partial<Facts>, Patient, Finding['state'], RegExp, RegExp][] = [
  ['node', { node: '20.20.0' }, PATIENT, 'lacking', /20\.20/, /bin\/lab/],
  [
    'kernel',
    { system: { platform: 'darwin', release: '24' } },
    PROCESSES,
    'unknown',
    /darwin/,
    /only be read on Linux/,
  ],
  [
    'engine',
    { engine: 'no Docker engine answers' },
    { ...PROCESSES, asked: 'auto' },
    'unknown',
    /answers/,
    /processes will do/,
  ],
  [
    'engine',
    { engine: 'no Docker engine answers' },
    { ...PATIENT, asked: 'docker' },
    'lacking',
    /answers/,
    /apt-get install docker\.io/,
  ],
  [
    'images',
    imagesWith({
      state: 'missing',
      base: undefined,
      source: { lacking: 'the registry: no answer; made here: there is no apt-get' },
    }),
    PATIENT,
    'lacking',
    /missing.*no answer.*no apt-get/,
    /docker pull/,
  ],
  [
    'abilities',
    {
      refusals: [
        { where: 'group "a"', need: 'a limit of 3 CPUs', why: 'the engine has 2 CPUs', help: 'lower the limit' },
      ],
    },
    PATIENT,
    'lacking',
    /2 CPUs/,
    /lower the limit/,
  ],
  [
    'open files',
    { openFiles: { soft: 256, hard: 256 } },
    many({ peers: 200 }),
    'lacking',
    /256 for one program/,
    /ulimit -Hn/,
  ],
  ['open files', { openFiles: { soft: 60, hard: 60 } }, PATIENT, 'tight', /60 for one program/, /ulimit -Hn/],
  [
    'processes',
    { tasks: { left: 100, limit: 'ulimit -u' } },
    PATIENT,
    'lacking',
    /100 threads left/,
    /raise ulimit -u/,
  ],
  [
    'inotify',
    { inotify: { instances: 128, inUse: 20 } },
    many({ peers: 200 }),
    'tight',
    /108 instances left of 128/,
    /max_user_instances=420.*poll/,
  ],
  [
    'ports',
    { ports: { lowest: 10_240, end: 10_300, taken: 55 } },
    PROCESSES,
    'lacking',
    /^5 free from 10240 to 10299/,
    /ip_local_port_range/,
  ],
  ['address pools', engineWith({ networks: 31 }), PATIENT, 'lacking', /^0 left of about 31/, /docker network prune/],
  ['bridge', {}, many({ peers: 1023 }), 'lacking', /1023 containers/, /--driver process/],
  [
    'neighbours',
    {},
    many({ peers: 101, transferPairs: 900 }),
    'lacking',
    /1023 entries left of 1024/,
    /gc_thresh3=4408.*--peers-per-instance/,
  ],
  ['memory', { memoryBytes: GIB }, many({ peers: 20 }), 'lacking', /1 GiB free/, /about 85 MiB/],
  [
    'memory',
    { memoryBytes: GIB, disks: { ...FACTS.disks, temporary: { ...disk('/tmp'), isMemory: true } } },
    many({ shareBytes: GIB }, PROCESSES),
    'lacking',
    /\/tmp lies in memory/,
    /TMPDIR on a disk/,
  ],
  ['memory limits', {}, many({ leastMemoryLimitBytes: 32 * MIB }), 'lacking', /32 MiB/, /256 MiB or more/],
  ['memory limits', {}, many({ leastMemoryLimitBytes: 64 * MIB }), 'tight', /64 MiB/, /256 MiB or more/],
  ['plan', { heapBytes: GIB }, many({ operations: 10_000_000 }), 'lacking', /1 GiB of memory/, /max-old-space-size/],
  [
    'disk of shares',
    {},
    many({ transferBytes: 60 * GIB }),
    'lacking',
    /50 GiB free at \/var\/lib\/docker/,
    /smaller files/,
  ],
  [
    'disk of shares',
    {},
    many({ transferBytes: 60 * GIB }, PROCESSES),
    'lacking',
    /50 GiB free at \/tmp/,
    /smaller files/,
  ],
  ['disk of results', {}, many({ operations: 90_000_000 }), 'lacking', /50 GiB free at results/, /--results/],
];

describe('what is amiss, and how to mend it', () => {
  test.each(AMISS)('%s: %j', (name, facts, patient, state, found, mend) => {
    expect(finding(name, facts, patient)).toEqual({
      state,
      found: expect.stringMatching(found),
      mend: expect.stringMatching(mend),
      ...(name === 'kernel' || state === 'unknown' ? {} : { needed: expect.any(String) }),
    });
  });

  test('every check that can find something amiss is among them', () => {
    expect([...new Set(AMISS.map(([name]) => name))].sort()).toEqual(CHECKS.map(({ name }) => name).sort());
  });
});

test('what can not be found out is unknown, and no reason against', () => {
  const blind: Partial<Facts> = {
    ...{ openFiles: undefined, tasks: undefined, inotify: undefined },
    ...{ ports: undefined, neighbours: undefined },
  };
  for (const name of ['open files', 'processes', 'inotify', 'ports']) {
    expect(finding(name, blind, PROCESSES)).toMatchObject({
      state: 'unknown',
      found: expect.stringContaining('not to be found out'),
    });
  }
  const disks = { temporary: undefined, results: undefined, engine: undefined };
  expect(finding('disk of shares', { disks })).toMatchObject({ state: 'unknown' });
  expect(diagnose({ ...FACTS, ...blind }, PROCESSES, (peers) => ({ ...SIZE, peers })).prediction).toBe('fits');
});

test('no limit is enough', () => {
  const openFiles = { soft: Number.POSITIVE_INFINITY, hard: Number.POSITIVE_INFINITY };
  expect(finding('open files', { openFiles })).toMatchObject({
    state: 'ok',
    found: expect.stringContaining('no limit'),
  });
});

test.each([
  [{ state: 'outdated', base: 'node:24-bookworm-slim', source: undefined }, /outdated; .* on node:24/],
  [{ state: 'missing', base: undefined, source: { from: 'registry' } }, /missing; .* pulled from the registry/],
  [{ state: 'missing', base: undefined, source: { from: 'packages' } }, /missing; .* made from Debian packages/],
] as const)('images that can be built are fine: %j', (images, found) => {
  expect(finding('images', imagesWith(images))).toEqual({ state: 'ok', found: expect.stringMatching(found) });
});

test('peers that share a process take a part of what one by itself takes', () => {
  const hosted = (driver: Patient) => many({ peers: 1000, hostedPeers: 1000, hosts: 10, transferPairs: 1900 }, driver);
  for (const driver of [PATIENT, PROCESSES]) {
    const { findings, prediction } = diagnose(FACTS, hosted(driver), (peers) => ({ ...SIZE, peers }));
    expect({ prediction, amiss: findings.filter(({ state }) => state !== 'ok') }).toEqual({
      prediction: 'fits',
      amiss: [],
    });
    expect(finding('inotify', {}, hosted(driver))).toMatchObject({ needed: '10' });
    expect(finding('open files', { openFiles: { soft: 800, hard: 800 } }, hosted(driver))).toMatchObject({
      state: 'lacking',
    });
  }
  expect(finding('ports', {}, hosted(PROCESSES))).toMatchObject({ needed: '1011' });
  expect(finding('bridge', {}, hosted(PATIENT))).toMatchObject({ needed: '11' });
  expect(finding('neighbours', {}, hosted(PATIENT))).toMatchObject({ needed: '130' });
});

test('each driver has its own checks', () => {
  const names = (patient: Patient) => CHECKS.filter(({ judge }) => judge(FACTS, patient)).map(({ name }) => name);
  expect(names(PROCESSES)).not.toEqual(expect.arrayContaining(['engine']));
  expect(names(PROCESSES)).toContain('ports');
  expect(names(PATIENT)).toEqual(expect.arrayContaining(['engine', 'images', 'address pools', 'bridge']));
  expect(names(PATIENT)).not.toContain('ports');
});

test('folders on one disk share what is free there', () => {
  const disks = { temporary: disk('/tmp', GIB, 'one'), results: disk('results', GIB, 'one'), engine: undefined };
  const patient = many({ shareBytes: 0.6 * GIB, transferBytes: 0, operations: 900_000 }, PROCESSES);
  expect(finding('disk of shares', { disks }, patient)).toMatchObject({ state: 'lacking' });
  const apart = { ...disks, results: disk('results', GIB, 'other') };
  expect(finding('disk of shares', { disks: apart }, patient)).toMatchObject({ state: 'ok' });
});

describe('prediction', () => {
  const sizeAt = (peers: number): Size => ({ ...SIZE, peers });

  test('tight when something is, and does not fit when something lacks', () => {
    expect(diagnose({ ...FACTS, openFiles: { soft: 60, hard: 60 } }, PATIENT, sizeAt).prediction).toBe('tight');
    expect(diagnose({ ...FACTS, node: '20.0.0' }, PATIENT, sizeAt).prediction).toBe('does not fit');
  });

  test('tells how many peers fit and what they run out of: the next one would not', () => {
    const { most } = diagnose(FACTS, PATIENT, sizeAt);
    expect(most).toEqual({ peers: 188, limit: 'memory' });
    expect(diagnose(FACTS, many({ peers: 188 }), sizeAt).prediction).toBe('tight');
    expect(diagnose(FACTS, many({ peers: 189 }), sizeAt).prediction).toBe('does not fit');
  });

  test('says nothing of it when not even one fits, and knows the end of the language', () => {
    expect(diagnose({ ...FACTS, node: '20.0.0' }, PATIENT, sizeAt).most).toBeUndefined();
    const endless = {
      tasks: undefined,
      openFiles: undefined,
      inotify: undefined,
      ports: undefined,
      memoryBytes: 10_000 * GIB,
    };
    expect(diagnose({ ...FACTS, ...endless }, PROCESSES, sizeAt).most).toEqual({ peers: 10_000, limit: undefined });
  });
});
