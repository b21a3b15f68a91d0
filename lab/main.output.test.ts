import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { resultSchema } from './checks/result-schema.ts';
import { LAB, writeScenario } from './end-to-end.ts';

/** What `bin/lab run` prints for whom. */

function run(expectation: string, ...options: string[]) {
  const results = mkdtempSync(path.join(tmpdir(), 'peerlab-output-'));
  onTestFinished(() => rmSync(results, { recursive: true, force: true }));
  const scenario = writeScenario('[{login: all}, {download: l}, {logout: all}]', `[${expectation}]`);
  const words = ['run', scenario, '--driver', 'process', '--results', results, ...options];
  return { ...spawnSync(LAB, words, { encoding: 'utf8' }), results };
}

test('--json: nothing on stdout but the result, on one line; the exit code is that of the verdict', () => {
  const { stdout, status } = run('transfers.ok == 3', '--json');
  expect(stdout.trim().split('\n')).toHaveLength(1);
  expect(resultSchema.parse(JSON.parse(stdout))).toMatchObject({ verdict: 'fail', transfers: { ok: 2 } });
  expect(status).toBe(1);
});

test('--quiet: the verdict, and where the results are', () => {
  const { stdout, status, results } = run('transfers.ok == 2', '--quiet');
  expect(stdout.split('\n')).toEqual([
    expect.stringMatching(/^PASS: 1 expectations? kept/),
    expect.stringContaining(`Results: ${results}/`),
    expect.stringMatching(/^Report: {2}.*report\.html$/),
    '',
  ]);
  expect(status).toBe(0);
});

test('otherwise: how throughput went, and after a fail what to look at next', () => {
  const { stdout } = run('transfers.ok == 3');
  expect(stdout).toMatch(/^Throughput: [ ▁-█]+ {2}at most .*B\/s$/m);
  expect(stdout).toContain('Look next at\n  1. transfers.ok == 3: it was 2\n');
});
