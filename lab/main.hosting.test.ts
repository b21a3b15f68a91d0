import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { driverOf } from './drivers/table.ts';
import { resultOf, startLab, writeScenario } from './end-to-end.ts';
import { runFacts } from './history/events.ts';

/** Many peers in one process, as a user sees it. What each driver does for it is in the contract of drivers. */

const TEST_TIMEOUT_MS = 60_000;
const HOSTED = ['--peers', '40', '--peers-per-instance', '20', '--driver', 'process'];
const STEPS = '[{login: all}, {download: {group: l, limit: 1}}, {stop: {group: l, take: 1}}, {logout: all}]';

/** Processes whose environment names this run and a list of hosted peers. */
function hostsOf(runId: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        const environ = readFileSync(`/proc/${pid}/environ`, 'utf8');
        return environ.includes(`PEERLAB_RUN=${runId}`) && environ.includes('PEER_HOSTED=');
      } catch {
        return false;
      }
    });
}

test('forty peers in two processes: a pass, one log for each process, and no more memory than the doctor says', {
  timeout: TEST_TIMEOUT_MS,
}, async () => {
  const { code, output, run } = await startLab([
    writeScenario(STEPS, '[transfers.failed == 0, transfers.ok == 20, operations.login.ok == 40, logs.errors == 0]'),
    ...HOSTED,
  ]).ended;
  expect(code, output).toBe(0);
  expect(output).toContain('Start 40 peers in 2 hosts');
  const folder = run as string;
  expect(readdirSync(path.join(folder, 'logs')).sort()).toEqual(['directory.log', 'host1.log', 'host2.log']);
  expect(readdirSync(path.join(folder, 'metrics')).filter((file) => file.endsWith('.prom'))).toHaveLength(41);
  expect(readFileSync(path.join(folder, 'scenario.yaml'), 'utf8')).toMatch(/^peersPerInstance: 20$/m);
  const facts = runFacts.parse(JSON.parse(readFileSync(path.join(folder, 'run.json'), 'utf8')));
  expect(facts.peersPerInstance).toBe(20);
  expect(new Set(facts.peers.map(({ host }) => host))).toEqual(new Set(['host1', 'host2']));
  expect(new Set(facts.peers.map(({ address }) => address)).size).toBe(40);
  const { hostBytes, hostedPeerBytes } = driverOf('process').footprint;
  const measuredBytes = 20 * (resultOf(run).resources.peerMemoryBytesMax ?? Number.NaN);
  expect(measuredBytes).toBeLessThan(hostBytes + 20 * hostedPeerBytes);
  // A prediction that is many times too large would refuse what fits.
  expect(measuredBytes).toBeGreaterThan((hostBytes + 20 * hostedPeerBytes) / 4);
});

test('a host that dies takes its peers with it, and the verdict says so', { timeout: TEST_TIMEOUT_MS }, async () => {
  const lab = startLab([
    writeScenario('[{login: all}, {wait: 4s}, {index: {group: all, take: 2}}]', '[operations.login.failed == 0]'),
    ...HOSTED,
  ]);
  await lab.says('Step 1/3: login all: 40 ok');
  const [runId = ''] = readdirSync(lab.results).filter((name) => name !== 'latest');
  const [first] = hostsOf(runId);
  process.kill(first as number, 'SIGKILL');
  const { code, output, run } = await lab.ended;
  expect(code, output).toBe(1);
  const facts = runFacts.parse(JSON.parse(readFileSync(path.join(run as string, 'run.json'), 'utf8')));
  expect(facts.exits).toHaveLength(20);
  expect(facts.exits[0]?.how).toMatch(/ended with its host: host\d ended by SIGKILL/);
  expect(resultOf(run).checks.find(({ name }) => name === 'instances lived')).toMatchObject({ verdict: 'fail' });
  expect(hostsOf(runId)).toEqual([]);
});

test('what can not be done to a hosted peer alone is refused before anything is started: exit 64', {
  timeout: TEST_TIMEOUT_MS,
}, async () => {
  const { code, output, run } = await startLab([
    writeScenario('[{login: all}, {kill: {group: l, take: 1}}]', '[operations.login.failed == 0]'),
    ...HOSTED,
  ]).ended;
  expect(code, output).toBe(64);
  expect(output).toMatch(/step 2 needs "kill" of l-\d+ alone, although hosted: .*What would help: .*peersPerInstance/);
  expect(run).toBeUndefined();
});
