import { describe, expect, test } from 'vitest';
import type { FaultRecord, OperationEvent, Proof, RunFacts } from '../history/events.ts';
import { parsePrometheusText } from '../metrics/prometheus-text.ts';
import { parseExpectation } from './expectation.ts';
import { figuresOf, percentile } from './figures.ts';
import type { History } from './history.ts';
import { compareDisks } from './integrity.ts';
import { CHECKS } from './table.ts';
import { judgeRun } from './verdict.ts';

/** A run that went well: one seeder, one leecher, one file, one download. Each test breaks one thing in it. */
const file = { name: 'a.bin', size: 100, sha256: 'a'.repeat(64) };
const download: OperationEvent = {
  id: 0,
  step: '1',
  operation: 'download',
  peer: 'l-1',
  start: 1,
  end: 3,
  outcome: 'ok',
  file: 'a.bin',
  bytes: 100,
  sources: [{ peer: '127.0.0.1:1', bytes: 100, cut: false }],
};
const facts: RunFacts = {
  runId: 'r',
  scenario: 's',
  description: 'd',
  driver: 'process',
  seed: 1,
  startedAt: '2026-01-01T00:00:00.000Z',
  setupSeconds: 1,
  durationSeconds: 3,
  peers: [
    { name: 's-1', group: 's', address: '127.0.0.1:1' },
    { name: 'l-1', group: 'l', address: '127.0.0.1:2' },
  ],
  leaseSeconds: 30,
  observations: [],
  stallSeconds: 0,
  planned: 1,
  steps: [{ id: '1', label: 'download l', taken: true }],
  completed: true,
  resources: {},
  artifacts: {},
  exits: [],
  trouble: [],
  leftovers: [],
};
const counted = (received: number | string, sent: number | string = 0) =>
  parsePrometheusText(
    `peerlab_transfer_bytes_total{direction="received"} ${received}\npeerlab_transfer_bytes_total{direction="sent"} ${sent}\n`,
  );
const GOOD: History = {
  facts,
  events: [download],
  answers: [],
  looks: [],
  faults: [],
  shares: [{ peer: 's-1', ...file }],
  pieces: [],
  stored: [
    { peer: 's-1', ...file },
    { peer: 'l-1', ...file },
  ],
  metrics: new Map([
    ['s-1', counted(0, 100)],
    ['l-1', counted(100)],
  ]),
  logs: { logs: new Map(), levels: new Map(), texts: new Map() },
  logRules: {},
  failureLines: new Map(),
};
const NAMES = { verbs: new Set(['download']), groups: new Set(['s', 'l']), steps: new Set<string>() };
const expectations = ['transfers.ok == 1'].map((text) => {
  const parsed = parseExpectation(text, NAMES);
  if ('flaw' in parsed) throw new Error(parsed.flaw);
  return parsed.expectation;
});
const verdict = (history: Partial<History>) => judgeRun({ ...GOOD, ...history }, expectations);

test('a good run passes every check', () => {
  const result = verdict({});
  expect(result.checks.map(({ verdict }) => verdict)).toEqual(CHECKS.map(() => 'pass'));
  expect(result.verdict).toBe('pass');
  expect(result.integrity).toEqual({ verified: 1, mismatched: 0 });
});

test('of a peer whose machine was taken away, nobody can read the disk, and nobody wants to', () => {
  const proof = { at: 4, wanted: '', seen: '', ok: true };
  const proofs = (['before', 'during'] as const).map((when) => ({ when, ...proof }));
  const evicted: FaultRecord = { kind: 'evict', who: 'l-1', step: '2', from: 3.5, inForce: 4, proofs };
  const stored = GOOD.stored.filter(({ peer }) => peer !== 'l-1');
  expect(verdict({ stored }).reason).toMatch(/l-1: "a.bin" was received, but is not on the disk/);
  for (const kind of ['evict', 'drain'] as const)
    expect(verdict({ stored, faults: [{ ...evicted, kind }] })).toMatchObject({
      verdict: 'pass',
      integrity: { verified: 0, mismatched: 0 },
    });
});

test('the verdict names an instance that ended by itself before what followed from it', () => {
  const result = verdict({
    facts: { ...facts, exits: [{ instance: 'l-1', how: 'exit code 3' }] },
    stored: [
      ...GOOD.stored,
      { peer: 'l-1', ...file, name: '.peerlab/x.part' },
      { peer: 'l-1', ...file, name: 'ghost' },
    ],
  });
  expect(result.reason).toBe('instances lived: l-1 ended by itself: exit code 3');
  expect(result.checks.map(({ name }) => name)).toEqual(CHECKS.map(({ name }) => name));
});

test('a full disk of the machine is no fault of a peer; one that the scenario made small is what it asks about', () => {
  const full: OperationEvent = {
    ...download,
    outcome: 'failed',
    error: { code: 'disk-full', message: 'no room', definite: true },
    bytes: 0,
    sources: [],
  };
  const history = { events: [full], stored: [GOOD.stored[0]!], metrics: new Map() };
  const reason = "disks had room: l-1 had no room for a.bin, and shares the machine's disk";
  expect(verdict(history)).toMatchObject({ verdict: 'inconclusive', reason });
  const peers = facts.peers.map((peer) => ({ ...peer, diskBytes: 100 }));
  expect(verdict({ ...history, facts: { ...facts, peers } })).toMatchObject({ verdict: 'fail' });
});

describe('fails when', () => {
  test.each<[string, Partial<History>, string]>([
    [
      'a received file is wrong',
      { stored: [GOOD.stored[0]!, { peer: 'l-1', ...file, sha256: 'b'.repeat(64) }] },
      'its SHA-256 is b',
    ],
    [
      'a received file is short',
      { stored: [GOOD.stored[0]!, { peer: 'l-1', ...file, size: 99 }] },
      '99 bytes instead of 100',
    ],
    [
      'the answer names another size',
      { events: [{ ...download, told: { size: 99, sha256: file.sha256 } }] },
      'is done, and names 99 bytes instead of 100',
    ],
    [
      'the answer names another hash',
      { events: [{ ...download, told: { size: 100, sha256: 'b'.repeat(64) } }] },
      `is done, and names the SHA-256 ${'b'.repeat(64)} instead of ${file.sha256}`,
    ],
    ['a received file is not there', { stored: [GOOD.stored[0]!] }, 'is not on the disk'],
    ['a file of the start is gone', { stored: [GOOD.stored[1]!] }, 'was in the share at the start'],
    [
      'a file came from nowhere',
      { stored: [...GOOD.stored, { peer: 's-1', ...file, name: 'ghost' }] },
      'no transfer accounts for it',
    ],
    [
      'a received file is a link to something',
      { stored: [GOOD.stored[0]!, { peer: 'l-1', name: 'a.bin', size: 0, sha256: '', kind: 'link' }] },
      'l-1: \\"a.bin\\" was received, but is a symbolic link, and no regular file',
    ],
    ...(['fifo', 'socket', 'device', 'link', 'unreadable'] as const).flatMap((kind) =>
      ['odd', 'a.bin/odd', '.peerlab', ...(kind === 'socket' ? [] : ['.peerlab/odd'])].map(
        (name): [string, Partial<History>, string] => [
          `a ${kind} lies in a share as ${name}`,
          {
            events: [{ ...download, id: 1, outcome: 'failed', file: 'b' }, download],
            stored: [...GOOD.stored, { peer: 's-1', name, size: 0, sha256: '', kind }],
          },
          `s-1: \\"${name}\\" is in the share, but `,
        ],
      ),
    ),
    [
      'a download that failed left a wrong file under the final name',
      {
        events: [{ ...download, outcome: 'failed', bytes: 100 }],
        stored: [GOOD.stored[0]!, { peer: 'l-1', ...file, size: 7 }],
      },
      '7 bytes',
    ],
    ['an operation has no event', { facts: { ...facts, planned: 2 } }, '2 operations were planned'],
    ['an event stands twice', { events: [download, download] }, 'twice'],
    [
      'a peer counted other bytes',
      {
        metrics: new Map([
          ['s-1', counted(0, 100)],
          ['l-1', counted(200)],
        ]),
      },
      'count 200 bytes received',
    ],
    [
      'a peer counted other bytes where they left',
      {
        metrics: new Map([
          ['s-1', counted(0, 200)],
          ['l-1', counted(100)],
        ]),
      },
      'count 200 bytes sent',
    ],
    [
      'a download names another source',
      { events: [{ ...download, sources: [{ peer: '127.0.0.1:9', bytes: 100, cut: false }] }] },
      'the metrics of s-1 count 100 bytes sent, and no answer to a transfer speaks of any',
    ],
    [
      'a peer counts what is no number',
      {
        metrics: new Map([
          ['s-1', counted('NaN')],
          ['l-1', counted('abc')],
        ]),
      },
      'the peerlab_transfer_bytes_total of l-1 is no finite number of bytes received',
    ],
    [
      'a download that ended well left its temporary file',
      { stored: [...GOOD.stored, { peer: 'l-1', ...file, name: '.peerlab/x.part' }] },
      'is left of a transfer',
    ],
    [
      'an instance ended by itself',
      { facts: { ...facts, exits: [{ instance: 's-1', how: 'exit code 1' }] } },
      's-1 ended by itself',
    ],
  ])('%s', (_, broken, reason) => {
    const result = verdict(broken);
    expect(result.verdict).toBe('fail');
    expect(JSON.stringify(result.checks)).toContain(reason);
  });

  test('an expectation is broken', () => {
    const result = judgeRun(
      {
        ...GOOD,
        events: [{ ...download, outcome: 'failed', bytes: 0 }],
        stored: [GOOD.stored[0]!],
        metrics: new Map([
          ['s-1', counted(0, 100)],
          ['l-1', counted(0)],
        ]),
      },
      expectations,
    );
    expect(result.expectations).toEqual([{ expression: 'transfers.ok == 1', actual: 0, ok: false }]);
    expect(result.verdict).toBe('fail');
  });
});

describe('is inconclusive when', () => {
  test.each<[string, Partial<History>]>([
    ['the run ended early', { facts: { ...facts, completed: false } }],
    ['the lab had trouble', { facts: { ...facts, trouble: [{ code: 'engine-lost', message: 'gone' }] } }],
    ['a peer that received gives no figures', { metrics: new Map([['s-1', counted(0, 100)]]) }],
    ['cleanup left something', { facts: { ...facts, leftovers: ['container x'] } }],
  ])('%s', (_, broken) => {
    expect(verdict(broken).verdict).toBe('inconclusive');
  });

  test('something unforeseen happened: the verdict line says what', () => {
    const trouble = [{ code: 'internal', message: 'something unforeseen happened: got fetch is not a function' }];
    expect(verdict({ facts: { ...facts, trouble } }).reason).toBe(
      'something unforeseen happened: got fetch is not a function [internal]',
    );
  });

  test('nothing was checked', () => {
    expect(judgeRun(GOOD, []).verdict).toBe('inconclusive');
  });

  test('a figure is missing', () => {
    const parsed = parseExpectation('operations.download.latency.p95 < 5s', NAMES);
    if ('flaw' in parsed) throw new Error(parsed.flaw);
    const nothing = {
      ...GOOD,
      events: [{ ...download, outcome: 'failed' as const, bytes: 100 }],
      stored: [GOOD.stored[0]!],
    };
    const result = judgeRun(nothing, [parsed.expectation]);
    expect(result.expectations[0]?.ok).toBeNull();
    expect(result.verdict).toBe('inconclusive');
  });
});

test('unfinished downloads are no files under a final name', () => {
  const { wrong } = compareDisks({
    ...GOOD,
    stored: [...GOOD.stored, { peer: 'l-1', ...file, name: '.peerlab/x.part', size: 3 }],
  });
  expect(wrong).toEqual([]);
});

test('a socket among the unfinished downloads is how a peer holds its share, and no finding', () => {
  const lock = { peer: 'l-1', name: '.peerlab/lock.1', size: 0, sha256: '', kind: 'socket' } as const;
  expect(verdict({ stored: [...GOOD.stored, lock] }).verdict).toBe('pass');
});

test('a lost answer may hide bytes that arrived', () => {
  const lost: OperationEvent = {
    ...download,
    outcome: 'failed',
    error: { code: 'no-answer', message: '', definite: false },
    bytes: 0,
  };
  expect(CHECKS.find(({ name }) => name === 'bytes agree')?.judge({ ...GOOD, events: [lost] }).verdict).toBe('pass');
});

describe('bytes agree: whose word stands against whose', () => {
  const judge = (
    sources: OperationEvent['sources'],
    sent: Record<string, number>,
    more: Partial<OperationEvent> = {},
    received = 100,
  ) =>
    CHECKS.find(({ name }) => name === 'bytes agree')?.judge({
      ...GOOD,
      facts: { ...facts, peers: [...facts.peers, { name: 's-2', group: 's', address: '127.0.0.1:3' }] },
      events: [{ ...download, bytes: sources.reduce((sum, { bytes }) => sum + bytes, 0), sources, ...more }],
      metrics: new Map([
        ['l-1', counted(received)],
        ...Object.entries(sent).map(([name, n]) => [name, counted(0, n)] as const),
      ]),
    });
  const first = { peer: '127.0.0.1:1', bytes: 100, cut: false };
  const other = (more: Partial<OperationEvent['sources'][number]>) => ({ peer: '127.0.0.1:3', bytes: 0, ...more });

  test('a source that a call was cut to may have sent more; one that no call was cut to may not', () => {
    expect(judge([first, other({ cut: true })], { 's-1': 100, 's-2': 50 })?.verdict).toBe('pass');
    expect(judge([first, other({ cut: false })], { 's-1': 100, 's-2': 50 })?.verdict).toBe('fail');
    expect(judge([{ ...first, cut: true }], { 's-1': 5000 })?.verdict).toBe('pass');
    expect(judge([{ ...first, bytes: 60 }, other({ bytes: 40, cut: false })], { 's-1': 60, 's-2': 39 })?.verdict).toBe(
      'fail',
    );
  });

  test('a receiver that does not say whether it cut a call leaves it open, and no innocent is named alone', () => {
    const { cut: _, ...vague } = first;
    expect(judge([vague], { 's-1': 150 })).toMatchObject({
      verdict: 'inconclusive',
      reason: expect.stringContaining('l-1 did not say whether a call was ended early (cut)'),
    });
    // Less than came can't have left.
    expect(judge([vague], { 's-1': 50 })?.verdict).toBe('fail');
  });

  test('an answer that contradicts itself is wrong, whatever the counters are', () => {
    const ghost = { peer: '127.0.0.1:9', bytes: 100, cut: false };
    const { cut: _, ...half } = { ...first, bytes: 50 };
    const { cut: __, ...half2 } = { ...ghost, bytes: 50 };
    const names = (bytes: number) =>
      `l-1 contradicts the run: its answer to the download of "a.bin" names ${bytes} bytes from 127.0.0.1:9, which no peer had as its address`;
    expect(judge([first, ghost], { 's-1': 100 }, { bytes: 100 })).toMatchObject({
      verdict: 'fail',
      reason: expect.stringContaining(names(100)),
    });
    expect(judge([half, half2], { 's-1': 100 })).toMatchObject({
      verdict: 'fail',
      reason: expect.stringContaining(names(50)),
    });
    // Whom it asked in vain need not have been there.
    expect(judge([first, { ...ghost, bytes: 0, error: 'unreachable' }], { 's-1': 100 })?.verdict).toBe('pass');
    expect(judge([first, other({ bytes: 50 })], { 's-1': 100, 's-2': 50 }, { bytes: 100 })).toMatchObject({
      verdict: 'fail',
      reason: expect.stringContaining(
        'l-1 contradicts itself: its answer to the download of "a.bin" says 100 bytes, and its sources add up to 150',
      ),
    });
  });

  test('an answer to an upload names its two ends and nobody else, and adds up where it names any', () => {
    const ghost = { peer: '127.0.0.1:9', bytes: 100, cut: false };
    const upload = (sources: OperationEvent['sources'], more: Partial<OperationEvent> = {}) =>
      CHECKS.find(({ name }) => name === 'bytes agree')?.judge({
        ...GOOD,
        facts: { ...facts, peers: [...facts.peers, { name: 's-2', group: 's', address: '127.0.0.1:3' }] },
        events: [{ ...download, operation: 'upload', peer: 's-1', to: 'l-1', sources, ...more }],
      });
    const says = 's-1 contradicts the run: its answer to the upload of "a.bin" names 100 bytes from';
    for (const peer of ['127.0.0.1:2', '127.0.0.1:1']) expect(upload([{ ...ghost, peer }])?.verdict).toBe('pass');
    expect(upload([])?.verdict).toBe('pass');
    expect(upload([{ ...ghost, bytes: 0 }])?.verdict).toBe('fail');
    expect(upload([ghost])?.reason).toContain(`${says} 127.0.0.1:9, which no peer had as its address`);
    expect(upload([{ ...ghost, peer: '127.0.0.1:3' }])?.reason).toContain(
      `${says} 127.0.0.1:3, which is s-2, and neither its sender nor its receiver`,
    );
    expect(upload([{ ...ghost, peer: '127.0.0.1:2', bytes: 99 }])?.reason).toContain(
      's-1 contradicts itself: its answer to the upload of "a.bin" says 100 bytes, and its sources add up to 99',
    );
    // One that failed may leave out what it moved, and still names nobody else.
    expect(upload([], { outcome: 'failed' })?.verdict).toBe('pass');
    expect(upload([ghost], { outcome: 'failed' })?.verdict).toBe('fail');
  });

  test('a counter of which a line can not be read is unknown, and not zero', () => {
    const text = '# TYPE peerlab_transfer_bytes_total counter\npeerlab_transfer_bytes_total{direction="sent" 5\n';
    const metrics = new Map([...GOOD.metrics, ['s-1', parsePrometheusText(text)]]);
    const result = CHECKS.find(({ name }) => name === 'bytes agree')?.judge({ ...GOOD, metrics });
    expect(result?.verdict).toBe('inconclusive');
    expect(result?.reason).toContain("line 2 of the metrics of s-1 can't be read");
  });

  test('an answer without sources is wrong, and excuses nobody', () => {
    const result = judge([], { 's-1': 100, 's-2': 5000 }, { bytes: 100 });
    expect(result?.reason).toContain('l-1 contradicts itself');
    expect(result?.details).toContain(
      'the metrics of s-2 count 5000 bytes sent, and no answer to a transfer speaks of any',
    );
    // There already: nothing moved, and nobody was asked. A failed one may leave its sources out.
    expect(judge([], { 's-1': 0 }, { bytes: 0 }, 0)?.verdict).toBe('pass');
    expect(judge([], { 's-1': 100 }, { bytes: 100, outcome: 'failed' })?.verdict).toBe('pass');
  });

  test('a difference names both sides, and one alone only where it contradicts itself', () => {
    expect(judge([first], { 's-1': 200 })?.reason).toBe(
      'the metrics of s-1 count 200 bytes sent, the answers of l-1 say 100: one of them is wrong',
    );
    expect(judge([{ ...first, bytes: 90 }], { 's-1': 90 })?.reason).toBe(
      'l-1 contradicts itself: the metrics of l-1 count 100 bytes received, its own answers say 90',
    );
  });
});

test('figures: latency of good operations, throughput, time in which something moved', () => {
  const events: OperationEvent[] = [
    { ...download, id: 0, start: 0, end: 2, bytes: 200 },
    { ...download, id: 1, start: 1, end: 2, bytes: 300, file: 'b' },
    { ...download, id: 2, start: 10, end: 12, bytes: 100, file: 'c' },
    {
      ...download,
      id: 3,
      start: 0,
      end: 60,
      bytes: 50,
      outcome: 'failed',
      error: { code: 'truncated', message: '', definite: true },
    },
  ];
  const figures = figuresOf({ ...GOOD, events });
  expect(figures.operations.download).toEqual({
    count: 4,
    ok: 3,
    failed: 1,
    latency: { p50: 2, p95: 2, p99: 2, max: 2 },
  });
  expect(figures.transfers).toMatchObject({
    count: 4,
    ok: 3,
    failed: 1,
    bytes: 650,
    throughputBytesPerSecond: { p50: 100, max: 300, aggregate: 150 },
  });
  expect(figures.failures).toEqual({ truncated: 1 });
});

test('percentile takes the nearest rank', () => {
  const values = Array.from({ length: 20 }, (_, i) => i + 1);
  expect([1, 50, 95, 99, 100].map((p) => percentile(values, p))).toEqual([1, 10, 19, 20, 20]);
});

describe('faults', () => {
  const proof = (when: Proof['when'], wanted: Proof['wanted'], seen = wanted): Proof => ({
    ...{ when, at: 1, wanted, seen, ok: seen === wanted },
  });
  const killed: FaultRecord = {
    ...{ kind: 'kill', who: 's-1', step: '1', from: 1, inForce: 1.1 },
    proofs: [proof('before', 'answers'), proof('during', 'refuses')],
  };
  const frozen: FaultRecord = {
    ...{ kind: 'freeze', who: 's-1', step: '1', from: 1, inForce: 1.1, requestedSeconds: 2, until: 3.2 },
    ...{ recoverySeconds: 0.5 },
    proofs: [proof('before', 'answers'), proof('during', 'silent'), proof('after', 'answers')],
  };
  const check = (name: string, history: Partial<History>) =>
    CHECKS.find((one) => one.name === name)?.judge({ ...GOOD, ...history });

  test('that are proved are figures, and no reason to doubt', () => {
    const { verdict: said, faults } = verdict({ faults: [killed, frozen] });
    expect(said).toBe('pass');
    expect(faults).toMatchObject({ count: 2, recoverySeconds: { max: 0.5 } });
    expect(faults.list[1]?.achievedSeconds).toBeCloseTo(2.1);
  });

  test.each<[string, FaultRecord]>([
    ['was never done', { ...killed, inForce: undefined, proofs: [] }],
    ['did not take', { ...killed, proofs: [proof('before', 'answers'), proof('during', 'refuses', 'answers')] }],
    ['was done to what was gone already', { ...killed, proofs: [proof('before', 'answers', 'refuses')] }],
    ['nobody looked at', { ...killed, proofs: [proof('before', 'answers')] }],
    ['did not go away', { ...frozen, proofs: [...frozen.proofs.slice(0, 2), proof('after', 'answers', 'silent')] }],
    ['nobody looked at after', { ...frozen, proofs: frozen.proofs.slice(0, 2) }],
    ['lasted too short', { ...frozen, until: 2 }],
    ['lasted too long', { ...frozen, until: 6 }],
  ])('one that %s makes the run inconclusive, whatever else is wrong', (_, fault) => {
    const broken = { events: [{ ...download, outcome: 'failed' as const }], stored: [GOOD.stored[0]!] };
    expect(verdict({ ...broken, faults: [fault] })).toMatchObject({
      verdict: 'inconclusive',
      reason: expect.stringMatching(new RegExp(`^faults in force: ${fault.kind} of s-1`)),
    });
  });

  test('excuse counters: of who was killed in both directions, of who stopped only for want of a last look', () => {
    const metrics = (sent: number) => new Map([...GOOD.metrics, ['s-1', counted(0, sent)]]);
    for (const sent of [90, 110]) {
      expect(check('bytes agree', { metrics: metrics(sent) })?.verdict).toBe('fail');
      expect(check('bytes agree', { metrics: metrics(sent), faults: [killed] })?.verdict).toBe('pass');
    }
    const stopped: FaultRecord = { ...killed, kind: 'stop' };
    expect(check('bytes agree', { metrics: metrics(90), faults: [stopped] })?.verdict).toBe('pass');
    expect(check('bytes agree', { metrics: metrics(110), faults: [stopped] })?.verdict).toBe('fail');
    expect(check('bytes agree', { metrics: metrics(90), faults: [frozen] })?.verdict).toBe('fail');
  });

  test('excuse what a peer that was killed, or stands still, left unfinished', () => {
    const stored = [...GOOD.stored, { peer: 's-1', ...file, name: '.peerlab/part' }];
    const { until: _, ...still } = frozen;
    expect(check('nothing unfinished', { stored })?.verdict).toBe('fail');
    expect(check('nothing unfinished', { stored, faults: [frozen] })?.verdict).toBe('fail');
    for (const fault of [killed, still]) {
      expect(check('nothing unfinished', { stored, faults: [fault] })?.verdict).toBe('pass');
    }
  });
});
