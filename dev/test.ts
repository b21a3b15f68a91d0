import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DRIVERS } from '../lab/drivers/table.ts';
import { whyNoEnclosure } from '../lab/grade/enclosure.ts';
import { findPostgres } from '../lab/machine/postgres.ts';
import { browserFlaw } from './browser.ts';
import { examplesFlaw } from './examples.ts';

/**
 * Runs every test that this machine can run, and names what it can't with the reason. The last line is
 * `N passed, N failed`. Tests in `x.<driver>.test.ts` are left out where the driver has nothing to stand on, those in
 * `x.cluster.test.ts` where PEERLAB_KUBECONFIG names no cluster, those in `x.postgres.test.ts` where no PostgreSQL server is
 * installed, those in `x.browser.test.ts` where there is no Chromium, those in `x.examples.test.ts` where the example peers were not built, and
 * those in `x.enclosure.test.ts` where no namespaces can be made;
 * PEERLAB_REQUIRE_DOCKER=1 (or another driver's name, or CLUSTER, POSTGRES, BROWSER, EXAMPLES, ENCLOSURE) has them run, and fail, all the same: CI
 * sets it.
 */

interface VitestReport {
  testResults: {
    name: string;
    status: string;
    message: string;
    /** Milliseconds since 1970. */
    startTime: number;
    endTime: number;
    assertionResults: { status: string; fullName: string }[];
  }[];
}

const CLUSTER_TIMEOUT_MS = 10_000;
/** Files in the list of those that took longest. */
const SHOWN_FILES = 10;

const root = path.resolve(import.meta.dirname, '..');
const folder = mkdtempSync(path.join(tmpdir(), 'peerlab-test-'));
try {
  process.exitCode = await main();
} finally {
  rmSync(folder, { recursive: true });
}

async function main(): Promise<number> {
  const without = await absentKinds();
  const report = path.join(folder, 'report.json');
  const { status } = spawnSync(
    process.execPath,
    [
      path.join(root, 'node_modules/vitest/vitest.mjs'),
      'run',
      '--reporter=default',
      '--reporter=json',
      `--outputFile.json=${report}`,
      ...process.argv.slice(2),
    ],
    {
      cwd: root,
      stdio: ['ignore', 'inherit', 'inherit'],
      env: { ...process.env, NODE_ENV: 'test', PEERLAB_WITHOUT_KINDS: [...without.keys()].join(',') },
    },
  );
  const results = read(report);
  const tests = results.flatMap(({ assertionResults }) => assertionResults);
  const count = (wanted: string) => tests.filter((test) => test.status === wanted).length;
  // A file that could not even be loaded has no tests to fail.
  const broken = results.filter(
    (file) => file.status === 'failed' && !file.assertionResults.some((test) => test.status === 'failed'),
  );
  const skipped = tests.filter((test) => test.status !== 'passed' && test.status !== 'failed');

  for (const [kind, why] of without)
    process.stdout.write(`\nNot run on this machine: the tests on ${kind} (*.${kind}.test.ts): ${why}\n`);
  for (const { fullName } of skipped) process.stdout.write(`Not run on this machine: ${fullName}\n`);
  for (const { name, message } of broken)
    process.stdout.write(`Could not be run: ${path.relative(root, name)}: ${message.split('\n')[0]}\n`);
  process.stdout.write(slowest(results));
  const failed = count('failed') + broken.length;
  const passed = count('passed');
  process.stdout.write(
    `\n${passed} passed, ${failed} failed${skipped.length > 0 ? `, ${skipped.length} skipped` : ''}\n`,
  );
  return failed > 0 || passed === 0 || status !== 0 ? 1 : 0;
}

/** Where the time went; several files run at one time, so the sum is more than what passed on the clock. */
function slowest(results: VitestReport['testResults']): string {
  const files = results
    .map(({ name, startTime, endTime }) => ({ name, seconds: (endTime - startTime) / 1000 }))
    .sort((a, b) => b.seconds - a.seconds);
  if (files.length <= SHOWN_FILES) return '';
  const sum = files.reduce((total, { seconds }) => total + seconds, 0);
  const lines = files
    .slice(0, SHOWN_FILES)
    .map(({ name, seconds }) => `  ${seconds.toFixed(1).padStart(6)} s  ${path.relative(root, name)}`);
  return `\n${files.length} files took ${sum.toFixed(0)} s in sum; the longest:\n${lines.join('\n')}\n`;
}

/** Kinds of tests that have nothing to stand on here, and why, unless they are required. */
async function absentKinds(): Promise<Map<string, string>> {
  const absent = new Map<string, string>();
  for (const { kind, survey, settings } of DRIVERS) {
    // Its tests make what those settings would name.
    if (settings) continue;
    if (process.env[`PEERLAB_REQUIRE_${kind.toUpperCase()}`] === '1') continue;
    if (kind === 'kubernetes' && !process.env.PEERLAB_KUBECONFIG) {
      // Whatever cluster somebody works with is not for tests.
      absent.set(kind, 'PEERLAB_KUBECONFIG names no cluster for tests');
      continue;
    }
    const found = await survey();
    if (typeof found === 'string') absent.set(kind, found);
  }
  const cluster = process.env.PEERLAB_REQUIRE_CLUSTER === '1' ? undefined : clusterFlaw();
  if (cluster !== undefined) absent.set('cluster', cluster);
  const postgres = process.env.PEERLAB_REQUIRE_POSTGRES === '1' ? undefined : findPostgres();
  if (typeof postgres === 'string') absent.set('postgres', postgres);
  const browser = process.env.PEERLAB_REQUIRE_BROWSER === '1' ? undefined : browserFlaw();
  if (browser !== undefined) absent.set('browser', browser);
  const examples = process.env.PEERLAB_REQUIRE_EXAMPLES === '1' ? undefined : examplesFlaw();
  if (examples !== undefined) absent.set('examples', examples);
  const enclosure = process.env.PEERLAB_REQUIRE_ENCLOSURE === '1' ? undefined : whyNoEnclosure();
  if (enclosure !== undefined) absent.set('enclosure', enclosure);
  return absent;
}

/** Never the one that kubectl happens to point at: these tests make and remove namespaces. */
function clusterFlaw(): string | undefined {
  const kubeconfig = process.env.PEERLAB_KUBECONFIG;
  if (!kubeconfig) return 'PEERLAB_KUBECONFIG names no cluster that may be used';
  const { status, stderr, error } = spawnSync('kubectl', ['--kubeconfig', kubeconfig, 'get', '--raw', '/readyz'], {
    encoding: 'utf8',
    timeout: CLUSTER_TIMEOUT_MS,
  });
  return status === 0 ? undefined : (error?.message ?? stderr.trim());
}

function read(report: string): VitestReport['testResults'] {
  try {
    return (JSON.parse(readFileSync(report, 'utf8')) as VitestReport).testResults;
  } catch {
    process.stdout.write('The test runner left no report: its reason stands above.\n');
    return [];
  }
}
