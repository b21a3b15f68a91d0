import { describe, expect, test } from 'vitest';
import type { Surveyed } from '../drivers/description.ts';
import { bridge, engineChecks, neighbours } from '../drivers/docker/preflight.ts';
import type { EngineSurvey } from '../drivers/docker/survey.ts';
import { type PortFacts, ports } from '../drivers/process/preflight.ts';
import { driverOf } from '../drivers/table.ts';
import type { Finding, Patient, PreflightCheck } from '../machine/check.ts';
import type { Disk, Facts } from '../machine/facts.ts';
import type { NeighbourFacts } from '../machine/kernel.ts';
import type { Size } from '../machine/size.ts';
import type { DriverSurvey } from './candidates.ts';
import { diagnose } from './diagnosis.ts';
import type { Refusal } from './needs.ts';
import { checksFor } from './table.ts';

const GIB = 1024 ** 3;
const MIB = 1024 ** 2;

const SIZE: Size = {
  scenario: 'some',
  peers: 4,
  directories: 1,
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
const patientOn = (driver: string): Patient => ({ size: SIZE, driver, footprint: driverOf(driver).footprint });
const PATIENT = patientOn('docker');
const PROCESSES = patientOn('process');

const disk = (folder: string, freeBytes = 50 * GIB, id = folder): Disk => ({ folder, freeBytes, id, isMemory: false });

const ENGINE: Pick<EngineSurvey, 'networks' | 'addressPools' | 'images'> = {
  networks: 1,
  addressPools: 31,
  images: { state: 'current', base: 'node:24-bookworm-slim', source: undefined },
};

/** All that the checks of both drivers are made from. */
interface World extends Facts {
  readonly asked: string;
  readonly surveys: readonly DriverSurvey[];
  readonly refusals: readonly Refusal[];
  readonly engine: typeof ENGINE;
  readonly neighbours: NeighbourFacts | undefined;
  readonly ports: PortFacts | undefined;
}

const answering = (driver: string, found: Surveyed | string): DriverSurvey => ({ driver: driverOf(driver), found });
const NO_ENGINE = [answering('docker', 'no Docker engine answers')];

const WORLD: World = {
  node: '24.21.0',
  system: { platform: 'linux', release: '6.18.0' },
  openFiles: { soft: 20_000, hard: 20_000 },
  tasks: { left: 32_000, limit: 'kernel.pid_max' },
  inotify: { instances: 128, inUse: 0 },
  memoryBytes: 16 * GIB,
  heapBytes: 4 * GIB,
  shares: disk('/shares'),
  results: disk('results'),
  prepareBytes: 0,
  asked: 'auto',
  surveys: [answering('docker', { what: 'Docker 20.10', can: {} as Surveyed['can'] })],
  refusals: [],
  engine: ENGINE,
  neighbours: { limit: 1024, inUse: 1 },
  ports: { lowest: 10_240, end: 32_768, taken: 0 },
};

function checksOf(world: World, { driver }: Patient): readonly PreflightCheck[] {
  const own =
    driver === 'docker' ? [...engineChecks(world.engine), bridge, neighbours(world.neighbours)] : [ports(world.ports)];
  const surveys = driver === 'docker' || world.surveys !== WORLD.surveys ? world.surveys : [];
  return checksFor({ ...world, surveys, checks: own });
}

function finding(name: string, more: Partial<World>, patient: Patient = PATIENT): Finding | undefined {
  const world = { ...WORLD, ...more };
  return checksOf(world, patient)
    .find((check) => check.name === name)
    ?.judge(world, patient);
}

function diagnosed(more: Partial<World>, patient: Patient, sizeAt = (peers: number): Size => ({ ...SIZE, peers })) {
  const facts = { ...WORLD, ...more };
  return diagnose({ checks: checksOf(facts, patient), facts, patient, sizeAt });
}

const engineWith = (more: Partial<typeof ENGINE>) => ({ engine: { ...ENGINE, ...more } });
const imagesWith = (images: EngineSurvey['images']) => engineWith({ images });
const many = (more: Partial<Size>, patient = PATIENT): Patient => ({ ...patient, size: { ...SIZE, ...more } });

test('on a good machine everything is well, and each check says what it found', () => {
  for (const patient of [PATIENT, PROCESSES]) {
    const { findings, prediction } = diagnosed({}, patient);
    expect(prediction).toBe('fits');
    for (const { name, state, found, fix } of findings) {
      expect({ name, state, found, fix }).toEqual({
        name,
        state: 'ok',
        found: expect.stringMatching(/\w/),
        fix: undefined,
      });
    }
  }
});

/** Name of the check, what is wrong, for whom, what it is then, what it finds, and how it says to fix that. */
const FLAWS: [string, Partial<World>, Patient, Finding['state'], RegExp, RegExp][] = [
  ['node', { node: '20.20.0' }, PATIENT, 'lacking', /20\.20/, /bin\/lab/],
  [
    'kernel',
    { system: { platform: 'darwin', release: '24' } },
    PROCESSES,
    'unknown',
    /darwin/,
    /only be read on Linux/,
  ],
  ['engine', { surveys: NO_ENGINE }, PROCESSES, 'unknown', /answers/, /another driver does without/],
  ['engine', { surveys: NO_ENGINE, asked: 'docker' }, PATIENT, 'lacking', /answers/, /apt-get install docker\.io/],
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
    { memoryBytes: GIB, shares: { ...disk('/tmp'), isMemory: true } },
    many({ shareBytes: GIB }, PROCESSES),
    'lacking',
    /\/tmp lies in memory/,
    /on a disk \(TMPDIR\)/,
  ],
  ['memory limits', {}, many({ leastMemoryLimitBytes: 32 * MIB }), 'lacking', /32 MiB/, /256 MiB or more/],
  ['memory limits', {}, many({ leastMemoryLimitBytes: 64 * MIB }), 'tight', /64 MiB/, /256 MiB or more/],
  ['plan', { heapBytes: GIB }, many({ operations: 10_000_000 }), 'lacking', /1 GiB of memory/, /max-old-space-size/],
  ['disk of shares', {}, many({ transferBytes: 60 * GIB }), 'lacking', /50 GiB free at \/shares/, /smaller files/],
  ['disk of shares', { prepareBytes: 60 * GIB }, PATIENT, 'lacking', /50 GiB free at \/shares/, /smaller files/],
  ['disk of results', {}, many({ operations: 90_000_000 }), 'lacking', /50 GiB free at results/, /--results/],
];

describe('what is wrong, and how to fix it', () => {
  test.each(FLAWS)('%s: %j', (name, facts, patient, state, found, fix) => {
    expect(finding(name, facts, patient)).toEqual({
      state,
      found: expect.stringMatching(found),
      fix: expect.stringMatching(fix),
      ...(name === 'kernel' || state === 'unknown' ? {} : { needed: expect.any(String) }),
    });
  });

  test('every check that can find something amiss is among them', () => {
    const all = [PATIENT, PROCESSES].flatMap((patient) => checksOf(WORLD, patient).map(({ name }) => name));
    expect(new Set(FLAWS.map(([name]) => name))).toEqual(new Set(all));
  });
});

test('what can not be found out is unknown, and no reason against', () => {
  const blind: Partial<World> = {
    ...{ openFiles: undefined, tasks: undefined, inotify: undefined },
    ...{ ports: undefined, neighbours: undefined },
  };
  for (const name of ['open files', 'processes', 'inotify', 'ports']) {
    expect(finding(name, blind, PROCESSES)).toMatchObject({
      state: 'unknown',
      found: expect.stringContaining('can not be found out'),
    });
  }
  for (const name of ['disk of shares', 'memory'])
    expect(finding(name, { shares: undefined, memoryBytes: undefined })).toMatchObject({ state: 'unknown' });
  expect(diagnosed(blind, PROCESSES).prediction).toBe('fits');
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
    const { findings, prediction } = diagnosed({}, hosted(driver));
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
  const names = (patient: Patient) => checksOf(WORLD, patient).map(({ name }) => name);
  expect(names(PROCESSES)).not.toEqual(expect.arrayContaining(['engine']));
  expect(names(PROCESSES)).toContain('ports');
  expect(names(PATIENT)).toEqual(expect.arrayContaining(['engine', 'images', 'address pools', 'bridge']));
  expect(names(PATIENT)).not.toContain('ports');
});

test('folders on one disk share what is free there', () => {
  const shares = disk('/tmp', GIB, 'one');
  const results = disk('results', GIB, 'one');
  const patient = many({ shareBytes: 0.6 * GIB, transferBytes: 0, operations: 900_000 }, PROCESSES);
  expect(finding('disk of shares', { shares, results }, patient)).toMatchObject({ state: 'lacking' });
  expect(finding('disk of shares', { shares, results: disk('results', GIB, 'other') }, patient)).toMatchObject({
    state: 'ok',
  });
});

describe('prediction', () => {
  test('tight when something is, and does not fit when something lacks', () => {
    expect(diagnosed({ openFiles: { soft: 60, hard: 60 } }, PATIENT).prediction).toBe('tight');
    expect(diagnosed({ node: '20.0.0' }, PATIENT).prediction).toBe('does not fit');
  });

  test('tells how many peers fit and what they run out of: the next one would not', () => {
    const { most } = diagnosed({}, PATIENT);
    expect(most).toEqual({ peers: 188, limit: 'memory' });
    expect(diagnosed({}, many({ peers: 188 })).prediction).toBe('tight');
    expect(diagnosed({}, many({ peers: 189 })).prediction).toBe('does not fit');
  });

  test('says nothing of it when not even one fits, and knows the end of the language', () => {
    expect(diagnosed({ node: '20.0.0' }, PATIENT).most).toBeUndefined();
    const endless = {
      tasks: undefined,
      openFiles: undefined,
      inotify: undefined,
      ports: undefined,
      memoryBytes: 10_000 * GIB,
    };
    expect(diagnosed(endless, PROCESSES).most).toEqual({ peers: 10_000, limit: undefined });
  });
});
