import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { OperationEvent, Proof } from '../history/events.ts';
import { readEvents } from '../history/read-events.ts';
import { ResultsFolder } from '../history/results-folder.ts';
import type { RunEvent, Told } from '../history/run-event.ts';
import { RunClock } from './clock.ts';
import { Recorder } from './recorder.ts';

/** Plays a story with the real recorder. @returns what it told, and the folder that it left */
async function played(story: (record: (told: Told) => Promise<void>, clock: RunClock) => Promise<void>) {
  const results = mkdtempSync(path.join(tmpdir(), 'peerlab-read-again-'));
  onTestFinished(() => rmSync(results, { recursive: true }));
  const folder = ResultsFolder.create(results, 'run');
  const told: RunEvent[] = [];
  const clock = new RunClock();
  const run = {
    ...{ runId: 'run', scenario: 'try', description: 'd', driver: 'process', seed: 1, leaseSeconds: 30 },
    ...{ peers: [{ name: 'a-1', group: 'a' }], steps: [{ id: '1', label: 'index', taken: false }] },
  };
  const listener = { name: 'test', take: (event: RunEvent) => void told.push(structuredClone(event)) };
  const recorder = new Recorder({ folder, clock, run, listeners: [listener] });
  await story(recorder.record, clock);
  await recorder.close();
  return { told, folder };
}

const FILE = { peer: 'a-1', name: 'f', size: 7, sha256: 'x' };
const FAULT = { fault: 'freeze', who: 'a-1', step: '1' } as const;

/** Every kind of event, in an order in which they happen. */
async function everything(record: (told: Told) => Promise<void>, clock: RunClock): Promise<void> {
  const proof = (): Proof => ({ when: 'during', at: clock.now(), wanted: 'x', seen: 'x', ok: true });
  await record({ kind: 'phase-began', what: 'Prepare' });
  await record({ kind: 'artifacts-known', artifacts: { node: '24' }, tested: [] });
  await record({ kind: 'share-recorded', file: FILE });
  await record({ kind: 'instance-started', instance: 'a-1' });
  await record({ kind: 'instance-ready', instance: 'a-1', role: 'peer', address: '127.0.0.1:1', tookSeconds: 1 });
  await record({ kind: 'phase-ended' });
  clock.beginSteps();
  await record({ kind: 'steps-began', setupSeconds: clock.setupSeconds });
  await record({ kind: 'step-began', step: '1', label: 'index', operations: 2, total: 2 });
  const common = { step: '1', operation: 'index', peer: 'a-1' };
  for (const id of [0, 1]) {
    const from = clock.now();
    await record({ kind: 'operation-began', id, ...common, deadlineSeconds: 9 });
    const start = clock.now();
    await record({ kind: 'sample', instance: 'a-1', values: { x: id, y: null } });
    const operation: OperationEvent = { id, ...common, start, end: clock.now(), outcome: 'ok', bytes: 0, sources: [] };
    const answer = { id, entries: [] };
    await record({ kind: 'operation-ended', operation, ...(id === 1 && { answer }) });
    await record({ kind: 'note', text: `after ${id}` });
    const inForce = clock.now();
    await record({ kind: 'fault-begun', ...FAULT });
    const seen = proof();
    await record({ kind: 'fault-proved', ...FAULT, proof: seen });
    const { fault: kind, ...who } = FAULT;
    // The second is still in force when the run ends.
    const over = id === 0 ? { until: clock.now() } : {};
    const open = { kind, ...who, from, inForce, proofs: [seen], ...over };
    if (id === 0) await record({ kind: 'fault-ended', record: open });
    else await end(record, clock, open);
  }
}

async function end(
  record: (told: Told) => Promise<void>,
  clock: RunClock,
  open: Extract<Told, { kind: 'fault-ended' }>['record'],
): Promise<void> {
  const observation = { expression: 'x == 1', by: 'end', at: clock.now(), actual: 1, ok: true };
  await record({ kind: 'step-ended', step: '1', taken: true });
  await record({ kind: 'observation', observation });
  await record({ kind: 'index-looked', look: { start: clock.now(), end: clock.now(), entries: [] } });
  clock.endSteps();
  await record({ kind: 'steps-ended' });
  await record({ kind: 'file-stored', file: FILE });
  await record({ kind: 'disk-read', instance: 'a-1' });
  await record({ kind: 'fault-ended', record: open });
  await record({ kind: 'measured', stallSeconds: 0, resources: {} });
  await record({ kind: 'instance-killed', instance: 'a-1', graceSeconds: 8 });
  await record({ kind: 'instance-ended', instance: 'a-1', how: 'SIGKILL', asked: true, inOrder: true });
  await record({ kind: 'trouble', code: 'x', message: 'y' });
  await record({ kind: 'run-ended', completed: true, leftovers: [] });
}

/** The kinds whose time is that of their record, which is a moment before they were told. */
const ABOUT = new Set<RunEvent['kind']>([
  'operation-ended',
  'fault-ended',
  'index-looked',
  'file-stored',
  'share-recorded',
]);

test('the events that a run told are read again from its folder, in their order', async () => {
  const { told, folder } = await played(everything);
  const read = await Array.fromAsync(readEvents(folder));
  const exact = (events: readonly RunEvent[]) =>
    events.map(({ at, ...event }) => (ABOUT.has(event.kind) ? event : { at, ...event }));
  expect(exact(read)).toEqual(exact(told));
  for (const [n, event] of read.entries()) {
    const late = (told[n]?.at ?? Number.NaN) - event.at;
    expect(Math.abs(late), event.kind).toBeLessThan(1);
  }
});
