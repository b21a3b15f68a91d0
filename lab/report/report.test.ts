import { PassThrough } from 'node:stream';
import { XMLParser, XMLValidator } from 'fast-xml-parser';
import { describe, expect, test } from 'vitest';
import type { Result } from '../checks/result-schema.ts';
import type { OperationEvent } from '../history/events.ts';
import { ResultsFolder } from '../history/results-folder.ts';
import { notes } from './format.ts';
import { junitXml } from './junit.ts';
import { nextLooks } from './next-looks.ts';
import { summaryMarkdown } from './summary-markdown.ts';
import { swarmLines } from './swarm-lines.ts';
import { printSummary, TerminalProgress } from './terminal.ts';

const result: Result = {
  runId: 'r',
  scenario: 'try',
  description: 'Does it?',
  driver: 'process',
  seed: 1,
  verdict: 'fail',
  reason: 'because',
  startedAt: '2026-01-01T00:00:00.000Z',
  durationSeconds: 2,
  setupSeconds: 1,
  peers: 2,
  operations: { login: { count: 2, ok: 1, failed: 1, latency: { p50: 0.01, p95: 0.02, p99: 0.02, max: 0.02 } } },
  transfers: { count: 0, ok: 0, failed: 0, bytes: 0 },
  integrity: { verified: 0, mismatched: 0 },
  failures: {},
  groups: {},
  steps: {},
  faults: { count: 0, list: [] },
  directory: { answers: 0 },
  lab: {},
  resources: {},
  checks: [
    { name: 'integrity', verdict: 'pass', reason: 'fine', details: [] },
    { name: 'bytes agree', verdict: 'inconclusive', reason: 'no figures', details: [] },
  ],
  expectations: [
    { expression: 'operations.login.failed == 0', actual: 1, ok: false },
    { expression: 'operations.login.latency.p95 < 1s', actual: 0.02, ok: true },
    { expression: 'transfers.throughputBytesPerSecond.p50 > 1MB/s', actual: null, ok: null },
  ],
  tested: [
    { role: 'directory', name: 'peerlab', version: '0.1.0', digest: `sha256:${'a'.repeat(64)}`, isOwn: true },
    { role: 'peer', name: 'my/peer:1', digest: `sha256:${'b'.repeat(64)}`, isOwn: false, groups: ['s'] },
    {
      ...{ role: 'peer', name: 'sh ./peer', isOwn: false, groups: ['l', 'm'] },
      files: [{ path: '/bin/sh', sha256: 'c'.repeat(64) }],
    },
  ],
  artifacts: {},
  leftovers: [],
};
const refused: OperationEvent = {
  id: 0,
  step: '1',
  operation: 'login',
  peer: 'l-1',
  start: 0,
  end: 1,
  outcome: 'failed',
  error: { code: 'busy', message: 'too <many> & "more"', definite: true },
  bytes: 0,
  sources: [],
};

test('crowds are told in two lines each, and why a figure is missing', async () => {
  const contents = [{ name: 'f', size: 1024 * 1024, peers: 16, seeders: 1, spread: [] }];
  const crowd = { missing: {}, fromSeconds: 0, peers: 16, bytes: 1, contents, lastSeconds: 13.6 };
  const known = { boundSeconds: 6.7, ratio: 2.03, speedup: 7.9, offload: 0.9, seederCopies: 1.6, fairness: 0.93 };
  const unknown = { ...crowd, missing: { ratio: 'the scenario sets no limit on what a-1 sends' } };
  const lines = swarmLines({ ...result, swarm: { crowds: [{ ...crowd, ...known }, unknown] } });
  expect(lines).toEqual([
    '"f" (1 MiB), 16 peers: 13.6 s until the last, 2.03 × the bound of 6.70 s, 7.90 × as fast as the seeders alone',
    '90 % came from the crowd, the seeders gave 1.60 × the content; fairness 0.93',
    '"f" (1 MiB), 16 peers: 13.6 s until the last; no bound is known: the scenario sets no limit on what a-1 sends',
  ]);
  const baseline = { baseline: { runId: 'b' }, baselineSeconds: 107, baselineSpeedup: 7.87 };
  expect(swarmLines({ ...result, swarm: { crowds: [], ...baseline } })).toEqual([
    '107.0 s until the last where peers give nothing on while they fetch (run b): 7.87 × as fast by swarming',
  ]);
  expect(swarmLines(result)).toEqual([]);
  expect(summaryMarkdown({ ...result, swarm: { crowds: [unknown] } })).toContain('Swarm:\n\n- "f" (1 MiB)');
});

test('JUnit: failures, errors and passes as they are, read by an XML parser', () => {
  const parsed = new XMLParser({ ignoreAttributes: false, isArray: (name) => name === 'testcase' }).parse(
    junitXml([{ result, steps: [{ id: '1', label: 'login all', taken: true }], events: [refused] }]),
  );
  const suite = parsed.testsuites.testsuite;
  const cases: Record<string, unknown>[] = suite.testcase;
  const named = (name: string) => cases.find((one) => one['@_name'] === name);
  expect(suite['@_tests']).toBe('6');
  expect(suite['@_failures']).toBe('2');
  expect(suite['@_errors']).toBe('2');
  expect(named('operations.login.failed == 0')).toHaveProperty('failure');
  expect(named('operations.login.latency.p95 < 1s')).not.toHaveProperty('failure');
  expect(named('transfers.throughputBytesPerSecond.p50 > 1MB/s')).toHaveProperty('error');
  expect(named('bytes agree')).toHaveProperty('error');
  expect(JSON.stringify(named('1. login all'))).toContain('too <many>');
});

test('the page names the verdict, each expectation and its actual value', () => {
  const page = summaryMarkdown(result);
  expect(page).toContain('# try: fail');
  expect(page).toContain('| operations.login.failed == 0 | 1 | **broken** |');
  expect(page).toContain('| operations.login.latency.p95 \\< 1s | 20 ms | kept |');
  expect(page).toContain('*not judged*');
});

test('the reason is where people look: on the terminal, on the page and in JUnit', async () => {
  const example = {
    message: 'the answer does not keep the contract',
    peer: 'l-1',
    file: 'a',
    at: 1,
    log: 'logs/l-1.log',
    line: 12,
  };
  const failed: Result = {
    ...result,
    failedOperations: [{ operation: 'download', code: 'bad-answer', count: 6, example }],
    expectations: [
      {
        expression: 'transfers.failed == 0',
        actual: 6,
        ok: false,
        example: 'download of l-1 "a" failed: why [bad-answer]',
      },
    ],
  };
  const out = new PassThrough() as PassThrough & NodeJS.WriteStream;
  await printSummary(failed, new ResultsFolder('results/x'), out);
  const terminal = String(out.read());
  expect(terminal).toContain(
    '6 × download, bad-answer: l-1 "a": the answer does not keep the contract (logs/l-1.log:12)',
  );
  const page = summaryMarkdown(failed);
  expect(page).toContain('6 × download, bad-answer: l-1 "a": the answer does not keep the contract (logs/l-1.log:12)');
  expect(page).toContain('**broken** download of l-1 "a" failed: why \\[bad-answer\\]');
  const xml = junitXml([{ result: failed, steps: [], events: [] }]);
  expect(xml).toContain('download of l-1 &quot;a&quot; failed: why');
  expect(xml).toContain('logs/l-1.log:12');
});

test('every report names what was tested, and whom it played', async () => {
  const out = new PassThrough() as PassThrough & NodeJS.WriteStream;
  await printSummary(result, new ResultsFolder('results/x'), out);
  expect(String(out.read())).toContain(
    "Tested: directory PeerLab's own (version 0.1.0, sha256:aaaaaaaaaaaa); " +
      'peers of s my/peer:1 (sha256:bbbbbbbbbbbb); peers of l, m sh ./peer (/bin/sh sha256:cccccccccccc)',
  );
  expect(summaryMarkdown(result)).toContain(`| peers of s | my/peer:1 (sha256:${'b'.repeat(64)}) |`);
  const parsed = new XMLParser({ ignoreAttributes: false }).parse(junitXml([{ result, steps: [], events: [] }]));
  expect(parsed.testsuites.testsuite.properties.property).toContainEqual({
    '@_name': 'tested.peer.l.m',
    '@_value': `sh ./peer (/bin/sh sha256:${'c'.repeat(64)})`,
  });
});

describe('foreign text is shown, not obeyed', () => {
  const evil = 'a\u001b]52;c;eA==\u0007\u009b2J\u202e\ud800\uffff|<img src=x>`\n✔ forged';
  const hostile: Result = {
    ...result,
    scenario: evil,
    description: evil,
    reason: evil,
    checks: [{ name: 'integrity', verdict: 'fail', reason: evil, details: [evil] }],
    expectations: [{ expression: `logs.matching("${evil}") == 0`, actual: 1, ok: false }],
    leftovers: [evil],
    tested: [{ role: 'peer', name: evil, isOwn: false, groups: [evil] }],
  };
  const event: OperationEvent = {
    ...refused,
    peer: evil,
    file: evil,
    error: { code: evil, message: evil, definite: true },
  };
  const steps = [{ id: '1', label: evil, taken: true }];
  const UNPRINTABLE = /(?!\n)\p{C}/u;

  test('JUnit is XML 1.0', () => {
    const xml = junitXml(
      [{ result: hostile, steps, events: [event] }],
      [{ name: evil, why: evil }],
      [{ name: evil, why: evil }],
    );
    expect(xml).not.toMatch(UNPRINTABLE);
    expect(XMLValidator.validate(xml)).toBe(true);
  });

  test('the page has no code, no HTML and no row of somebody else', () => {
    const page = summaryMarkdown(hostile);
    expect(page).not.toMatch(UNPRINTABLE);
    expect(page).not.toMatch(/(?<!\\)<img/);
    expect(page).not.toMatch(/^✔ forged/m);
  });

  test('the terminal gets no code, not even from what goes on', async () => {
    const out = new PassThrough() as PassThrough & NodeJS.WriteStream;
    const progress = new TerminalProgress(out);
    progress.take({ kind: 'phase-began', at: 0, what: evil });
    progress.take({ kind: 'note', at: 0, text: evil });
    progress.take({ kind: 'phase-ended', at: 0 });
    await printSummary(hostile, new ResultsFolder('results/x'), out);
    const written = String(out.read());
    expect(written).toContain('52;c;eA==');
    expect(written).not.toMatch(UNPRINTABLE);
    expect(written).not.toMatch(/^ *✔ forged/m);
  });
});

test('what to look at next: three things, of each kind of trouble one; after a pass nothing', () => {
  const example = { message: 'why', peer: 'l-1', at: 1, log: 'logs/l-1.log', line: 12 };
  const failed: Result = {
    ...result,
    failedOperations: ['bad-answer', 'busy'].map((code) => ({ operation: 'download', code, count: 6, example })),
  };
  expect(nextLooks(failed)).toEqual([
    'logs/l-1.log:12: 6 × download failed with bad-answer',
    'the check "bytes agree": no figures',
    'operations.login.failed == 0: it was 1',
  ]);
  expect(nextLooks({ ...failed, verdict: 'pass' })).toEqual([]);
  const lost: Result = { ...result, verdict: 'inconclusive', checks: [], expectations: [], look: 'logs/' };
  expect(nextLooks(lost)).toEqual(['logs/']);
});

test('a run that is no pass says how busy the machine was', () => {
  const on = (verdict: Result['verdict'], cpuPressure: number) =>
    notes({ ...result, verdict, resources: { cpuPressure } });
  expect(on('fail', 0.957)).toEqual(['The machine was busy: in 96 % of the time some program waited for a processor.']);
  expect(on('fail', 0.7)).toEqual([]);
  expect(on('pass', 0.957)).toEqual([]);
});
