import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { ResultsFolder } from '../history/results-folder.ts';
import { parsePrometheusText } from '../metrics/prometheus-text.ts';
import { parseExpectation } from './expectation.ts';
import { countLogs, type LogRules } from './logs.ts';
import { type FigureSource, readingOf } from './reading.ts';

/** WHAT IS NOT KNOWN IS NOT ZERO: a figure whose source never spoke is missing, and the reason names the source. */

const NAMES = { verbs: new Set(['login', 'download']), groups: new Set(['a', 'b']), steps: new Set<string>() };
const PEERS = [
  { name: 'a-1', group: 'a' },
  { name: 'a-2', group: 'a' },
  { name: 'b-1', group: 'b' },
];

function read(figure: string, source: Partial<FigureSource>, limit = '0') {
  const parsed = parseExpectation(`${figure} == ${limit}`, NAMES);
  if ('flaw' in parsed) throw new Error(parsed.flaw);
  return readingOf(parsed.expectation.figure, { events: [], peers: PEERS, metrics: new Map(), ...source });
}

const scrapes = (texts: Record<string, string | undefined>) =>
  new Map(
    Object.entries(texts).map(([name, text]) => [name, text === undefined ? undefined : parsePrometheusText(text)]),
  );
const FILES = (n: number) => `# TYPE peerlab_share_files gauge\npeerlab_share_files ${n}\n`;

describe('a metric', () => {
  test('that nobody in the scope has is missing, and not zero', () => {
    const metrics = scrapes({ 'a-1': 'up 1\n', 'a-2': 'up 1\n', 'b-1': FILES(3) });
    expect(read('groups.a.metrics.peerlab_share_files', { metrics })).toEqual({
      missing: 'a-1 has no metric peerlab_share_files (and 1 more)',
    });
    expect(read('groups.b.metrics.peerlab_share_files', { metrics })).toEqual({ value: 3 });
  });

  test('that one in the scope does not have is no sum of the others', () => {
    const metrics = scrapes({ directory: 'up 1\n', 'a-1': FILES(2), 'a-2': 'up 1\n', 'b-1': FILES(3) });
    const missing = 'a-2 has no metric peerlab_share_files';
    expect(read('groups.a.metrics.peerlab_share_files', { metrics })).toEqual({ missing });
    expect(read('metrics.peerlab_share_files', { metrics })).toEqual({ missing });
    expect(read('peers.a-1.metrics.peerlab_share_files', { metrics })).toEqual({ value: 2 });
  });

  test('of an instance that never answered is missing; one that never ran is not waited for', () => {
    const never = scrapes({ 'a-1': FILES(2), 'a-2': undefined });
    expect(read('groups.a.metrics.peerlab_share_files', { metrics: never })).toEqual({
      missing: 'a-2 never answered at /metrics',
    });
    const later = scrapes({ 'a-1': FILES(2) });
    expect(read('groups.a.metrics.peerlab_share_files', { metrics: later })).toEqual({ value: 2 });
    expect(read('groups.b.metrics.peerlab_share_files', { metrics: later })).toHaveProperty('missing');
  });

  test.each(['NaN', '+Inf', '-Inf', 'abc', 'constructor'])('that is %s is missing', (value) => {
    const text = `odd_bytes{of="one"} ${value}\nodd_bytes{of="two"} 2\n`;
    const metrics = scrapes({ 'a-1': 'odd_bytes 1\n', 'a-2': text });
    expect(read('groups.a.metrics.odd_bytes', { metrics })).toEqual({
      missing: 'the odd_bytes of a-2 is no finite number',
    });
    expect(read('peers.a-2.metrics.odd_bytes{of="two"}', { metrics })).toEqual({ value: 2 });
  });

  test('of which a line can not be read is missing, and the reason has the line and the peer', () => {
    const garbled = '# TYPE peerlab_share_files gauge\npeerlab_share_files{ 3\n';
    const metrics = scrapes({ 'a-1': FILES(2), 'a-2': garbled, 'b-1': FILES(0) });
    const missing =
      "line 2 of the metrics of a-2 can't be read, and may be about peerlab_share_files: peerlab_share_files{ 3";
    expect(read('groups.a.metrics.peerlab_share_files', { metrics })).toEqual({ missing });
    expect(read('metrics.peerlab_share_files', { metrics })).toEqual({ missing });
    expect(read('groups.b.metrics.peerlab_share_files', { metrics })).toEqual({ value: 0 });
  });

  test('that is declared and has no such series yet is zero', () => {
    const text = '# HELP peerlab_transfers_total Transfers\n# TYPE peerlab_transfers_total counter\n';
    const metrics = scrapes({ 'a-1': text, 'a-2': `${text}peerlab_transfers_total{outcome="ok"} 4\n` });
    expect(read('groups.a.metrics.peerlab_transfers_total{outcome="failed"}', { metrics })).toEqual({ value: 0 });
    expect(read('groups.a.metrics.peerlab_transfers_total', { metrics })).toEqual({ value: 4 });
  });

  test('of the directory is asked of the directory alone; of others, of those whose kind has it', () => {
    const metrics = scrapes({
      directory: 'peerlab_directory_peers_online 2\nup 1\n',
      'a-1': 'own 1\n',
      'a-2': 'own 2\n',
    });
    expect(read('metrics.peerlab_directory_peers_online', { metrics })).toEqual({ value: 2 });
    expect(read('metrics.own', { metrics })).toEqual({ value: 3 });
    expect(read('metrics.nobodys', { metrics })).toHaveProperty('missing');
    const partly = scrapes({ 'a-1': 'own 1\n', 'a-2': 'other 1\n' });
    expect(read('metrics.own', { metrics: partly })).toEqual({ missing: 'a-2 has no metric own' });
  });
});

describe('figures of nothing', () => {
  test.each([
    ['operations.login.failed', '0'],
    ['operations.login.latency.p95', '1s'],
    ['transfers.throughputBytesPerSecond.max', '1MB/s'],
    ['transfers.firstByteSeconds.p50', '1s'],
    ['fairness.jain', '1'],
    ['groups.a.operations.download.latency.max', '1s'],
  ])('%s is missing, with a reason', (figure, limit) => {
    expect(read(figure, {}, limit)).toEqual({ missing: expect.stringMatching(/^\w+/) });
  });

  test('that are counts are zero', () => {
    expect(read('transfers.failed', {})).toEqual({ value: 0 });
    expect(read('failures.busy', {})).toEqual({ value: 0 });
  });
});

describe('logs', () => {
  const PINO = (level: number, more = '') => `{"level":${level},"time":"t","name":"peer"${more},"msg":"x"}\n`;
  const TRACEBACKS = 'started\n'.concat('Traceback (most recent call last):\n  File "p.py"\nKeyError: 1\n'.repeat(12));

  async function counted(logs: Record<string, string>, figure: string, rules: LogRules = {}, peers = PEERS) {
    const folder = new ResultsFolder(mkdtempSync(path.join(tmpdir(), 'peerlab-logs-')));
    onTestFinished(() => rmSync(folder.path, { recursive: true }));
    mkdirSync(folder.logs);
    for (const [name, text] of Object.entries(logs)) writeFileSync(path.join(folder.logs, `${name}.log`), text);
    const metrics = scrapes(Object.fromEntries(peers.map(({ name }) => [name, ''])));
    return read(figure, { peers, metrics, logs: await countLogs(folder, ['KeyError'], rules), logRules: rules });
  }

  test('that nobody can read leave errors unknown, and the texts in them known', async () => {
    const logs = { 'a-1': PINO(30), 'a-2': TRACEBACKS, 'b-1': PINO(50) + PINO(50) };
    expect(await counted(logs, 'logs.errors')).toEqual({ missing: expect.stringContaining('line 1 of logs/a-2.log') });
    expect(await counted(logs, 'groups.b.logs.errors')).toEqual({ value: 2 });
    expect(await counted(logs, 'logs.matching("KeyError")')).toEqual({ value: 12 });
  });

  test('with a single line that nobody can read leave it unknown, too', async () => {
    const logs = { 'b-1': `${PINO(30)}Segmentation fault\n${PINO(30)}` };
    expect(await counted(logs, 'groups.b.logs.errors')).toEqual({ missing: expect.stringContaining('line 2') });
  });

  test('are counted by the rule that the scenario names', async () => {
    const logs = { 'a-1': PINO(50), 'a-2': TRACEBACKS, 'b-1': '' };
    const rules = { errors: '^Traceback' };
    expect(await counted(logs, 'logs.errors', rules)).toEqual({ value: 13 });
    expect(await counted(logs, 'logs.warnings', rules)).toHaveProperty('missing');
    expect(await counted(logs, 'groups.b.logs.errors', rules)).toEqual({ value: 0 });
  });

  test('that are empty or not there say nothing', async () => {
    expect(await counted({ 'b-1': '' }, 'groups.b.logs.errors')).toEqual({ missing: 'the log of b-1 is empty' });
    expect(await counted({}, 'groups.b.logs.errors')).toEqual({ missing: 'no log of b-1 was collected' });
    expect(await counted({}, 'groups.b.logs.matching("KeyError")')).toHaveProperty('missing');
  });

  test('of a host are those of its peers', async () => {
    const peers = [
      { name: 'a-1', group: 'a', host: 'host1' },
      { name: 'b-1', group: 'b', host: 'host1' },
    ];
    const logs = { host1: PINO(50, ',"peer":"a-1"') + PINO(30, ',"peer":"b-1"') };
    expect(await counted(logs, 'groups.a.logs.errors', {}, peers)).toEqual({ value: 1 });
    expect(await counted(logs, 'groups.b.logs.errors', {}, peers)).toEqual({ value: 0 });
  });
});

test('the log of who stood before the run is no part of a sum over all; asked for by itself, it is missing', () => {
  const logs = {
    logs: new Map(['a-1', 'a-2', 'b-1'].map((name) => [name, { lines: 1, leveled: 1 }])),
    levels: new Map([['b-1', new Map([[50, 2]])]]),
    texts: new Map(),
  };
  const metrics = scrapes({ directory: 'up 1\n', 'a-1': 'up 1\n', 'a-2': 'up 1\n', 'b-1': 'up 1\n' });
  expect(read('logs.errors', { logs, metrics })).toEqual({ missing: 'no log of directory was collected' });
  const elsewhere = { ...logs, elsewhere: ['directory'] };
  expect(read('logs.errors', { logs: elsewhere, metrics })).toEqual({ value: 2 });
  expect(read('logs.matching("x")', { logs: elsewhere, metrics })).toEqual({ value: 0 });
});
