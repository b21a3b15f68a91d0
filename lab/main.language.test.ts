import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { XMLParser } from 'fast-xml-parser';
import { expect, onTestFinished, test } from 'vitest';
import { resultOf, startLab, writeScenario } from './end-to-end.ts';

/** The language at work: whole runs on processes, of a seeder `s` with two files and a leecher `l`. */
const lab = (steps: string, expectations: string, ...more: string[]) =>
  startLab([writeScenario(steps, expectations), '--driver', 'process', ...more]).ended;

test('blocks, barriers, live expectations and named steps in one run', async () => {
  const { code, output, run } = await lab(
    `
  - each: {group: all, arrival: {rate: 20/s}, steps: [{login: self}, {barrier: ready}, {search: self}]}
  - expect: {that: metrics.peerlab_directory_peers_online == 2, within: 5s}
  - parallel: {branches: [[{download: {group: l, as: fetch}}], [{repeat: {for: 300ms, steps: [{search: {group: s, times: 3}}]}}]]}
  - stop: s
  - search: {group: l, name: "*"}`,
    '[steps.fetch.transfers.ok == 2, operations.barrier.ok == 2, operations.search.count >= 6, groups.l.transfers.ok == 2, "logs.errors == 0", {that: metrics.peerlab_directory_peers_online == 1, within: 5s}]',
  );
  expect(code, output).toBe(0);
  const { expectations, directory, steps } = resultOf(run);
  expect(expectations.map(({ expression }) => expression)).toContain(
    'step 2: metrics.peerlab_directory_peers_online == 2',
  );
  expect(directory).toMatchObject({ precision: 1, recall: 1 });
  expect(Object.keys(steps)).toEqual(['fetch']);
});

test('an expectation that aborts ends the run as soon as it is broken: fail, at once', async () => {
  const began = performance.now();
  const { code, output, run } = await lab(
    '[{login: all}, {download: l}, {wait: 60s}, {logout: all}]',
    '[{that: transfers.ok <= 1, abort: true}, transfers.failed == 0]',
  );
  expect(code, output).toBe(1);
  expect(performance.now() - began).toBeLessThan(40_000);
  expect(resultOf(run)).toMatchObject({ verdict: 'fail', expectations: [{ ok: false, actual: 2 }, { ok: null }] });
});

test('a barrier that not everybody reaches: fail, naming who is missing', async () => {
  const { code, run } = await lab(
    '[{login: all}, {each: {group: all, arrival: {rate: 1/s}, steps: [{barrier: {name: meet, deadline: 300ms}}]}}]',
    '[operations.login.failed == 0]',
  );
  expect(code).toBe(1);
  expect(resultOf(run).reason).toMatch(
    /barriers met: .*: not all peers came to the barrier in time \(meet\): got 1 missing after 0.3 s: [sl]-1/,
  );
});

test('a peer that hangs: over after the deadline, and everybody is told who it was', async () => {
  const hanging =
    '[{login: all}, {freeze: {group: l, take: 1}}, {download: l}, {index: all}, {thaw: l}, {logout: all}]';
  const deadlines = 'deadlines: {download: 3s, index: 6s}';
  const scenario = writeScenario(hanging, `[transfers.failed == 0]\n${deadlines}`, '{count: 2}');
  const { code, output, run } = await startLab([scenario, '--driver', 'process']).ended;
  expect(code, output).toBe(1);
  const { waits, failedOperations = [], durationSeconds, reason } = resultOf(run);
  expect(durationSeconds).toBeLessThan(30);
  const [download] = failedOperations.filter(({ operation }) => operation === 'download');
  expect(download).toMatchObject({ code: 'no-answer', count: 2 });
  const { peer = '', message } = download?.example ?? {};
  expect(message).toContain('nothing within 3 s');
  expect(waits).toMatchObject([
    { peer, step: '4', operation: 'index', code: 'no-answer' },
    { peer, step: '3', operation: 'download', code: 'no-answer' },
  ]);
  const summary = readFileSync(path.join(run as string, 'summary.md'), 'utf8');
  for (const text of [output, summary]) {
    expect(text).toMatch(
      new RegExp(`All others waited 2\\.\\d+ s for ${peer} in step 3 \\(download of ".+", which failed: no-answer`),
    );
    expect(text).toMatch(new RegExp(`download, no-answer: ${peer} ".+: got nothing within 3 s`));
  }
  expect(reason).toMatch(new RegExp(`all others waited \\d\\.\\d s for ${peer}`));
  expect(output).toMatch(new RegExp(`Step 4/6: index all … .*; waiting \\d\\.\\d+ s for ${peer}: index`));
});

test('a figure in the middle that does not come true: fail', async () => {
  const { code, run } = await lab(
    '[{login: l}, {expect: {that: metrics.peerlab_directory_peers_online == 2, within: 500ms}}, {login: s}]',
    '[operations.login.failed == 0]',
  );
  expect(code).toBe(1);
  expect(resultOf(run).expectations.at(-1)).toMatchObject({ actual: 1, ok: false });
});

test('report says the same again from the files alone, and other files say otherwise', async () => {
  const { run } = await lab('[{login: all}, {download: l}]', '[transfers.ok == 2, "logs.matching(\\"ready\\") == 3"]');
  const folder = run as string;
  const original = readFileSync(path.join(folder, 'result.json'), 'utf8');
  expect(JSON.parse(original)).toMatchObject({ verdict: 'pass' });
  const again = () =>
    spawnSync(fileURLToPath(new URL('../bin/lab', import.meta.url)), ['report', folder], { encoding: 'utf8' });
  expect(again().status).toBe(0);
  expect(readFileSync(path.join(folder, 'result.json'), 'utf8')).toBe(original);
  const stored = path.join(folder, 'stored.ndjson');
  writeFileSync(stored, readFileSync(stored, 'utf8').replace(/"sha256":"[0-9a-f]{4}/, '"sha256":"0000'));
  expect(again().status).toBe(1);
  expect(again().stdout).toContain('integrity: ');
});

test('the same seed gives the same files and the same schedule, another seed others', async () => {
  const history = async (seed: string) => {
    const { code, run } = await startLab(['basic', '--driver', 'process', '--seed', seed]).ended;
    expect(code).toBe(0);
    const lines = (file: string) =>
      readFileSync(path.join(run as string, file), 'utf8')
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line));
    const schedule = lines('events.ndjson').map(({ step, peer, operation, file, asked }) =>
      [step, peer, operation, file, asked].join(' '),
    );
    // Within a step peers act at the same time: what each does is decided, not who is a moment sooner.
    return {
      files: lines('shares.ndjson'),
      schedule: schedule.sort(),
      // The socket by which a running peer holds its share has another name each time.
      stored: lines('stored.ndjson')
        .filter(({ kind }) => kind !== 'socket')
        .map((file) => JSON.stringify(file))
        .sort(),
    };
  };
  const first = await history('5');
  expect(await history('5')).toEqual(first);
  expect((await history('6')).files).not.toEqual(first.files);
});

test('repeat shows the spread; variables are set; the first run is as good as the last', async () => {
  const { code, output } = await lab('[{login: all}, {download: l}]', '[transfers.ok == 2]', '--repeat', '2');
  expect(code, output).toBe(0);
  expect(output).toContain('2 runs: 2 pass');
  expect(output).toMatch(/download p95 +│ +\d/);
});

test('a suite goes on after a failure, accepts a known one, refuses its pass; one JUnit file', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'peerlab-suite-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const scenario = (name: string, expected: number, more = '', group = '{}') =>
    writeFileSync(
      path.join(folder, `${name}.yaml`),
      `name: ${name}\ndescription: d\n${more}groups: {s: ${group}}\nsteps: [{login: all}]\nexpect: [operations.login.ok == ${expected}]\n`,
    );
  scenario('broken', 7);
  scenario('known', 7, 'knownFailure: Seven is more than one.\n');
  scenario('good', 1);
  scenario('surprise', 1, 'knownFailure: It used to fail.\n');
  const file = path.join(folder, 'suite.yaml');
  const suite = async (...names: string[]) => {
    writeFileSync(
      file,
      `name: mine\ndescription: d\nscenarios: [${names.map((name) => `./${name}.yaml`).join(', ')}]\n`,
    );
    const started = startLab(['suite', file, '--driver', 'process']);
    const { code, output } = await started.ended;
    const junit = readFileSync(path.join(started.results, 'suite-mine', 'junit.xml'), 'utf8');
    expect(existsSync(path.join(started.results, 'suite-mine', 'report.html'))).toBe(true);
    return {
      code,
      output,
      suites: new XMLParser({ ignoreAttributes: false, isArray: (tag) => tag === 'testsuite' }).parse(junit).testsuites
        .testsuite,
    };
  };
  const accepted = await suite('known', 'good');
  expect(accepted).toMatchObject({ code: 0 });
  expect(accepted.suites.map((one: Record<string, string>) => [one['@_failures'], one['@_skipped']])).toEqual([
    ['0', '1'],
    ['0', '0'],
  ]);
  const refused = await suite('broken', 'surprise', 'good');
  expect(refused).toMatchObject({ code: 1 });
  expect(refused.output).toContain('3 scenarios: 1 failed, 1 unexpected pass, 1 ok');
  expect(refused.suites.map((one: Record<string, string>) => one['@_failures'])).toEqual(['1', '1', '0']);
  scenario('needy', 1, '', '{limits: {memory: 64MiB}}');
  const skipped = await suite('needy', 'good');
  expect(skipped).toMatchObject({ code: 0 });
  expect(skipped.output).toMatch(
    /- needy +skipped .* group "s" needs a memory limit of 64 MiB for each peer: the process/,
  );
  expect(skipped.suites.map((one: Record<string, string>) => one['@_skipped'])).toEqual(['0', '1']);
});

test('files that no share can hold stand in run.json, result.json and summary.md', async () => {
  const from = mkdtempSync(path.join(tmpdir(), 'peerlab-from-'));
  onTestFinished(() => rmSync(from, { recursive: true }));
  writeFileSync(path.join(from, 'good.txt'), 'good');
  for (let i = 0; i < 11; i++) symlinkSync('good.txt', path.join(from, `link-${i}`));
  const scenario = writeScenario('[{login: all}]', '[operations.login.failed == 0]', `{share: {from: ${from}}}`);
  const { code, output, run } = await startLab([scenario, '--driver', 'process']).ended;
  expect(code, output).toBe(0);
  const read = (file: string) => readFileSync(path.join(run as string, file), 'utf8');
  const told = { count: 11, examples: { 0: { name: 'link-0', reason: 'a symbolic link' }, length: 10 } };
  expect(JSON.parse(read('run.json')).leftOut).toMatchObject(told);
  expect(resultOf(run).leftOut).toMatchObject(told);
  expect(read('summary.md')).toContain('Left out: "link-0", a symbolic link');
  for (const text of [output, read('summary.md')]) expect(text).toContain('Left out: 1 more file');
});
