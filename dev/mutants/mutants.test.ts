import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { applyEdits, type Mutant, staleEdits } from './mutant.ts';
import { trialOf } from './probes.ts';
import { lastLine } from './report.ts';
import { MUTANTS } from './table.ts';
import { meets, type Outcome } from './trial.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');

test.each(MUTANTS)('$name is not stale, and its scenario says something else when it is broken', (mutant) => {
  expect(staleEdits(mutant, ROOT)).toEqual([]);
  const unbroken = trialOf(mutant.scenario, ROOT)?.unbroken;
  expect(unbroken).toBeDefined();
  expect(mutant.becomes).not.toEqual(unbroken);
});

test('each has a name of its own', () => {
  expect(new Set(MUTANTS.map(({ name }) => name)).size).toBe(MUTANTS.length);
});

test('a text that is not there, or there twice, is stale', () => {
  const root = mkdtempSync(path.join(tmpdir(), 'peerlab-mutant-'));
  onTestFinished(() => rmSync(root, { recursive: true }));
  writeFileSync(path.join(root, 'a.ts'), 'one two two');
  const breaks = (file: string, find: string) => ({
    ...(MUTANTS[0] as Mutant),
    edits: [{ file, find, replace: '$&' }],
  });
  expect(staleEdits(breaks('a.ts', 'one'), root)).toEqual([]);
  expect(staleEdits(breaks('a.ts', 'two'), root)).toEqual(['a.ts has this text 2 times instead of once: two']);
  expect(staleEdits(breaks('a.ts', 'three'), root)).toHaveLength(1);
  expect(staleEdits(breaks('b.ts', 'one'), root)).toHaveLength(1);
  applyEdits(breaks('a.ts', 'one'), root);
  expect(readFileSync(path.join(root, 'a.ts'), 'utf8')).toBe('$& two two');
});

test('only the verdict and the reason that were demanded count', () => {
  const outcome: Outcome = { verdict: 'fail', reason: '', broken: ['integrity', 'transfers.failed == 0'], seconds: 1 };
  expect(meets(outcome, { verdict: 'fail', because: 'integrity' })).toBe(true);
  expect(meets(outcome, { verdict: 'fail', because: 'bytes agree' })).toBe(false);
  expect(meets(outcome, { verdict: 'pass' })).toBe(false);
  expect(meets({ ...outcome, verdict: 'none' }, { verdict: 'fail', because: 'integrity' })).toBe(false);
});

test('the last line counts everything that was not killed as survived', () => {
  const one = { mutant: MUTANTS[0] as Mutant, reason: '', seconds: 0 };
  expect(
    lastLine([
      { ...one, verdict: 'killed' },
      { ...one, verdict: 'stale' },
    ]),
  ).toBe('1 killed, 1 survived');
});
