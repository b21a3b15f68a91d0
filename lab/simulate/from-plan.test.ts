import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { findScenario } from '../scenario/find.ts';
import { readScenario } from '../scenario/read.ts';
import { crowdOf } from './from-plan.ts';

const MB = 1_000_000;
const LAB = fileURLToPath(new URL('../../bin/lab', import.meta.url));

function scenario(steps: string, seeder = 'share: {files: 1, size: 8MiB}', env = 'PEER_UPLOAD_LIMIT: 1MB/s') {
  return readScenario(
    `name: s
description: d
groups:
  seeder: {${seeder}, env: {${env}}}
  crowd: {count: 4, env: {PEER_UPLOAD_LIMIT: 2MB/s, PEER_DOWNLOAD_LIMIT: 9MB/s}}
steps: ${steps}
expect: [transfers.failed == 0]`,
    's.yaml',
  );
}
const FETCH = '[{login: all}, {download: crowd}]';

test('links, sizes and groups are those of the scenario', () => {
  const { peers, sizeBytes, pieceSizeBytes, seederLeaves } = crowdOf(scenario(FETCH), {});
  expect([sizeBytes, pieceSizeBytes, seederLeaves]).toEqual([8 * 1024 * 1024, 1024 * 1024, false]);
  expect(peers.filter(({ isSeeder }) => isSeeder)).toMatchObject([{ group: 'seeder', upload: MB, arrivesMs: 0 }]);
  expect(peers.filter(({ isSeeder }) => !isSeeder)).toHaveLength(4);
  expect(peers.at(-1)).toMatchObject({ group: 'crowd', upload: 2 * MB, download: 9 * MB, reciprocity: false });
});

test('more peers are more of those who fetch, in their proportions', () => {
  const { peers } = crowdOf(findScenario('swarm-heterogeneous'), { peers: 1001 });
  const counts = [...Map.groupBy(peers, ({ group }) => group)].map(([group, all]) => [group, all.length]);
  expect(Object.fromEntries(counts)).toEqual({ seeder: 1, fast: 500, slow: 500 });
});

test('waits and arrivals say when each begins', () => {
  const steps = '[{login: all}, {wait: 3s}, {each: {group: crowd, arrival: {rate: 2/s}, steps: [{download: self}]}}]';
  const { peers } = crowdOf(scenario(steps), {});
  const arrivals = peers.filter(({ isSeeder }) => !isSeeder).map(({ arrivesMs }) => arrivesMs);
  expect(arrivals.sort()).toEqual([3000, 3500, 4000, 4500]);
});

test('a seeder that is stopped leaves; what else happens to peers is left out, and told', () => {
  const { seederLeaves, leftOut } = crowdOf(findScenario('swarm-seeder-leaves'), {});
  expect([seederLeaves, leftOut]).toEqual([true, []]);
  const churn = crowdOf(findScenario('swarm-churn'), {});
  expect(churn.seederLeaves).toBe(false);
  expect(churn.leftOut.length).toBeGreaterThan(0);
});

test('what is not of this kind is refused with the reason', () => {
  const refusal = (name: string) => () => crowdOf(findScenario(name), {});
  expect(refusal('swarm-two-files')).toThrow('2 files to fetch');
  expect(refusal('swarm-liar')).toThrow('byzantine-peer');
  expect(() => crowdOf(scenario(FETCH, undefined, 'LOG_LEVEL: info'), {})).toThrow('PEER_UPLOAD_LIMIT');
  expect(() => crowdOf(scenario('[{login: all}]'), {})).toThrow('0 files to fetch');
  expect(() => crowdOf(scenario(FETCH), { peers: 1 })).toThrow('--peers');
});

function lab(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(LAB, ['simulate', ...args], { encoding: 'utf8' });
  return { status, stdout, stderr };
}

test('the command prints a table, or one line of JSON that the seed decides', () => {
  const table = lab('swarm', '--peers', '6', '--size', '4MiB', '--choosers', 'rarest,random');
  expect(table.status, table.stderr).toBe(0);
  for (const word of ['5 peers fetch 4 MiB', 'Fluid bound', 'random', '5 of 5']) expect(table.stdout).toContain(word);
  const json = () =>
    lab('swarm', '--peers', '6', '--size', '4MiB', '--seed', '7', '--arrival', 'poisson=2/s', '--json');
  const [one, other] = [json().stdout, json().stdout];
  expect(one).toBe(other);
  expect(JSON.parse(one)).toMatchObject({
    seed: 7,
    peers: 6,
    outcomes: [{ chooser: 'rarest', finished: 5 }, {}, {}, {}],
  });
}, 120_000);

test('options that mean nothing are wrong usage', () => {
  const wrong = [
    ['--peers', '1'],
    ['--piece', '3MiB'],
    ['--arrival', 'never'],
    ['--choosers', 'rarest,best'],
    ['--peers', '10000', '--size', '10GiB'],
    ['swarm-liar'],
    ['no-such'],
  ];
  for (const args of wrong) expect([args, lab(...args).status]).toEqual([args, 64]);
}, 120_000);
