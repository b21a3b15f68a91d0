import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { columnsOf } from '#proto/columns.ts';
import type { RunEvent } from '../history/run-event.ts';
import { type Out, TerminalProgress } from './terminal.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllEnvs();
});

function setup(isTTY: boolean, columns = 200) {
  const out: Out & PassThrough = Object.assign(new PassThrough(), { isTTY, columns });
  const progress = new TerminalProgress(out);
  const tell = (...events: RunEvent[]) => {
    for (const event of events) progress.take(event);
  };
  return { tell, said: () => String(out.read() ?? '') };
}

const STEP: RunEvent = { kind: 'step-began', at: 0, step: '1', label: 'download all', operations: 2, total: 2 };
const began = (id: number, peer: string): RunEvent => ({
  ...{
    kind: 'operation-began',
    at: 0,
    id,
    step: '1',
    operation: 'download',
    peer,
    file: 'x.bin',
    deadlineSeconds: 300,
  },
});
const ended = (id: number, peer: string): RunEvent => ({
  ...{ kind: 'operation-ended', at: 1 },
  operation: {
    ...{ id, step: '1', operation: 'download', peer, start: 0, end: 1, outcome: 'ok', bytes: 0, sources: [] },
  },
});

test.each([true, false])('who keeps the others waiting is named after a while (terminal: %s)', (isTTY) => {
  const { tell, said } = setup(isTTY);
  tell(STEP);
  vi.advanceTimersByTime(50);
  tell(began(0, 'a-1'), began(1, 'a-2'), ended(0, 'a-1'));
  vi.advanceTimersByTime(2900);
  expect(said()).not.toContain('waiting');
  // The first line without a terminal comes after 5 s.
  vi.advanceTimersByTime(2100);
  expect(said()).toMatch(/download all.* 1\/2; waiting [345]\.\d+ s for a-2: download "x\.bin"/);
  tell(ended(1, 'a-2'));
  vi.advanceTimersByTime(20_000);
  expect(said()).not.toContain('waiting');
});

test('an instance that does not get ready is waited for, too', () => {
  const { tell, said } = setup(false);
  tell({ kind: 'phase-began', at: 0, what: 'Start 2 peers', total: 2 });
  tell({ kind: 'instance-started', at: 0, instance: 'a-1' });
  vi.advanceTimersByTime(20_000);
  expect(said()).toMatch(/Start 2 peers … waiting \d+\.\d+ s for a-1: start/);
});

test('a line that moves stays on its line, whatever names are in it', () => {
  vi.stubEnv('CI', '');
  vi.stubEnv('TERM', 'xterm');
  const { tell, said } = setup(true, 40);
  const label = 'download 文件文件文件文件文件文件文件文件文件文件文件文件.txt';
  tell({ kind: 'step-began', at: 0, step: '1', label, operations: 2, total: 2 });
  vi.advanceTimersByTime(1000);
  const lines = said().split('\r\u001b[2K').filter(Boolean);
  expect(lines.length).toBeGreaterThan(5);
  for (const line of lines) expect(columnsOf(line)).toBeLessThanOrEqual(39);
  expect(columnsOf(lines[0] ?? '')).toBeGreaterThanOrEqual(38);
});
