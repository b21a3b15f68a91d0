import { appendFileSync, existsSync, writeFileSync } from 'node:fs';
import { expect, onTestFinished, test } from 'vitest';
import type { Result } from '../checks/result-schema.ts';
import type { ResultsFolder } from '../history/results-folder.ts';
import type { EventOf, RunEvent } from '../history/run-event.ts';
import { type Limits, runData } from './run-data.ts';
import { suiteData } from './suite-data.ts';
import { type MadeInit, madeResults } from './testing/results.ts';
import { writeRunPage } from './write-page.ts';

const WIDE: Limits = { operations: 1000, samples: 1000, files: 1000 };
const SOME: MadeInit = { peers: ['a-1', 'a-2', 'a-3'], downloads: 100, failsEvery: 5, samplesOfEach: 20 };

async function made(init: MadeInit): Promise<{ folder: ResultsFolder; result: Result }> {
  const results = await madeResults(init);
  onTestFinished(() => results[Symbol.dispose]());
  return results;
}

async function dataOf(init: MadeInit, limits: Limits) {
  const { folder, result } = await made(init);
  const data = await runData(folder, result, limits);
  const of = <K extends RunEvent['kind']>(kind: K) =>
    data.events.filter((event): event is EventOf<K> => event.kind === kind);
  return { ...data, of };
}

test('what fits is all there, without what is drawn nowhere', async () => {
  const { leftOut, of, events } = await dataOf(SOME, WIDE);
  expect(leftOut).toEqual([]);
  expect([of('operation-began').length, of('operation-ended').length, of('sample').length]).toEqual([100, 100, 60]);
  expect(of('index-looked')).toEqual([]);
  expect(JSON.stringify(events)).not.toMatch(/[0-9a-f]{64}/);
});

test('of more operations the slowest and failed ones stay, both their begin and their end, and it is said how many there are', async () => {
  const { leftOut, of, excerpts } = await dataOf(SOME, { ...WIDE, operations: 40 });
  const ended = of('operation-ended').map(({ operation }) => operation);
  expect(leftOut).toEqual([{ what: 'operations', shown: 40, all: 100, file: 'events.ndjson' }]);
  expect(ended.length).toBe(40);
  expect(of('operation-began').map(({ id }) => id)).toEqual(ended.map(({ id }) => id));
  expect(ended.filter(({ outcome }) => outcome === 'failed').length).toBeGreaterThanOrEqual(10);
  const slowest = ended.filter(({ start, end }) => end - start > 1.05).map(({ id }) => id);
  expect(slowest.length).toBeGreaterThanOrEqual(10);
  expect(excerpts).toEqual([]);
});

test('of more samples some stay, evenly over the run', async () => {
  const { leftOut, of } = await dataOf(SOME, { ...WIDE, samples: 12 });
  expect(leftOut).toEqual([{ what: 'samples', shown: 12, all: 60, file: 'metrics/samples.ndjson' }]);
  const times = Map.groupBy(of('sample'), ({ instance }) => instance);
  expect([...times.values()].map((some) => some.map(({ at }) => at))).toEqual(Array(3).fill([4, 9, 14, 19]));
});

test('what a sample said that is left out, the next one says', async () => {
  const { folder, result } = await made({ ...SOME, samplesOfEach: 0 });
  const sample = (at: number, values: object) => `${JSON.stringify({ at, instance: 'a-1', values })}\n`;
  const lines = [
    sample(1, { peerlab_logged_in: 1 }),
    sample(2, { peerlab_share_files: 1 }),
    sample(3, {}),
    sample(4, {}),
  ];
  writeFileSync(folder.file('metrics/samples.ndjson'), lines.join(''));
  const { events } = await runData(folder, result, { ...WIDE, samples: 2 });
  expect(events.filter(({ kind }) => kind === 'sample')).toEqual([
    { kind: 'sample', at: 2, instance: 'a-1', values: { peerlab_logged_in: 1 } },
  ]);
});

test('the log speaks of a slow operation, with the lines around', async () => {
  const { folder, result } = await made({ peers: ['a-1', 'a-2'], downloads: 1 });
  const at = (seconds: number, rest: string) => `{"level":30,"time":"2026-01-01T00:00:0${seconds}.000Z",${rest}}\n`;
  writeFileSync(`${folder.logs}/a-2.log`, [at(1, '"msg":"before"'), at(2, '"file":"file-0.bin"'), 'after\n'].join(''));
  const { excerpts } = await runData(folder, result, WIDE);
  expect(excerpts).toEqual([
    {
      operation: 0,
      log: 'logs/a-2.log',
      line: 2,
      first: 1,
      lines: [expect.stringContaining('before'), expect.stringContaining('file-0.bin'), 'after'],
    },
  ]);
});

test('damaged files give what stands before the flaw', async () => {
  const { folder, result } = await made(SOME);
  for (const name of ['events.ndjson', 'metrics/samples.ndjson'] as const) appendFileSync(folder.file(name), '{\n{\n');
  const { events } = await runData(folder, result, WIDE);
  expect(events.filter(({ kind }) => kind === 'operation-ended')).toHaveLength(100);
});

test('a page that can not be built is told of, and is no trouble of the run', async () => {
  const { folder, result } = await made(SOME);
  const said: string[] = [];
  const page = Promise.reject(new Error('no \u001b[2Jcompiler'));
  await writeRunPage({ folder, result, page, tell: (line) => void said.push(line) });
  expect(said).toEqual([`report.html was not made (bin/lab report ${folder.path} tries again): no \\u{1b}[2Jcompiler`]);
  expect(existsSync(folder.file('report.html'))).toBe(false);
});

test('a suite names what was broken, and links to its runs as a browser takes it', async () => {
  const { result } = await made(SOME);
  const line = { name: 'x', outcome: 'failed', reason: 'r', seconds: 1 } as const;
  const { lines } = suiteData({ name: 's', description: 'd' }, [
    { ...line, runId: 'a #1?', result },
    { ...line, runId: undefined, result: undefined },
  ]);
  expect(lines[0]).toMatchObject({ report: '../a%20%231%3F/report.html', result: { peers: 3 } });
  expect(lines[0]?.result?.broken.join()).toContain('integrity: ');
  expect(lines[1]).toMatchObject({ report: undefined, result: undefined });
});
