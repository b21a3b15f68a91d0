import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { RunFacts } from '../history/events.ts';
import { ResultsFolder } from '../history/results-folder.ts';
import { conclude } from './conclude.ts';

const CUT_OFF: RunFacts = {
  runId: '0123456789',
  scenario: 'try',
  description: 'Does it?',
  driver: 'process',
  seed: 1,
  leaseSeconds: 30,
  startedAt: '2026-01-01T00:00:00.000Z',
  setupSeconds: 1,
  durationSeconds: 1,
  peers: [],
  planned: 0,
  steps: [],
  completed: false,
  observations: [],
  stallSeconds: 0,
  resources: {},
  artifacts: {},
  exits: [],
  trouble: [],
  leftovers: [],
};

function folderWith(facts: RunFacts): ResultsFolder {
  const results = mkdtempSync(path.join(tmpdir(), 'peerlab-conclude-'));
  onTestFinished(() => rmSync(results, { recursive: true }));
  const folder = ResultsFolder.create(results, facts.runId);
  folder.writeFacts(facts);
  return folder;
}

test('a line that was being written is cut off, and the facts say that the lab is gone', () => {
  const folder = folderWith(CUT_OFF);
  appendFileSync(folder.file('events.ndjson'), '{"id":1}\n{"id":2}\n{"id":');
  conclude(folder.path, ['process 4711']);
  expect(readFileSync(folder.file('events.ndjson'), 'utf8')).toBe('{"id":1}\n{"id":2}\n');
  expect(folder.readFacts()).toMatchObject({
    completed: false,
    trouble: [{ code: 'lab-lost' }],
    leftovers: ['process 4711'],
  });
});

test.each([{ completed: true }, { trouble: [{ code: 'engine-lost', message: 'the Docker engine went away' }] }])(
  'facts that the lab had finished stay as they are: %j',
  (finished) => {
    const folder = folderWith({ ...CUT_OFF, ...finished });
    conclude(folder.path, []);
    expect(folder.readFacts()).toEqual({ ...CUT_OFF, ...finished });
  },
);
