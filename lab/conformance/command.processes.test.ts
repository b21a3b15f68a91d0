import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { LAB } from '../end-to-end.ts';
import { CHAPTERS } from './chapters.ts';
import { conformanceSchema } from './reports.ts';

const VARIANT = fileURLToPath(new URL('./testing/variant-peer.ts', import.meta.url));

function conformance(...args: string[]) {
  const results = mkdtempSync(path.join(tmpdir(), 'peerlab-conformance-'));
  onTestFinished(() => rmSync(results, { recursive: true }));
  const { status, stdout, stderr } = spawnSync(LAB, ['conformance', ...args, '--results', results], {
    encoding: 'utf8',
  });
  const [name = ''] = readdirSync(results);
  return { status, output: stdout + stderr, folder: path.join(results, name) };
}

const told = (folder: string) =>
  conformanceSchema.parse(JSON.parse(readFileSync(path.join(folder, 'conformance.json'), 'utf8')));

test('a check says what is kept, leaves its reports, and exits with the verdict', () => {
  const good = conformance('--driver', 'process', '--only', 'settings', 'control');
  expect(good.status, good.output).toBe(0);
  expect(good.output).toMatch(/✔ control\.token +must/);
  expect(good.output).toContain('7 of 7 musts kept; 4 of 4 shoulds kept.');
  expect(told(good.folder)).toMatchObject({ verdict: 'pass', driver: 'process' });
  for (const file of ['junit.xml', 'badge.svg', 'logs/checked.log'])
    expect(existsSync(path.join(good.folder, file)), file).toBe(true);

  const command = `${process.execPath} ${VARIANT} no-token`;
  const bad = conformance('--driver', 'process', '--only', 'control', '--peer-image', command);
  expect(bad.status, bad.output).toBe(1);
  expect(bad.output).toContain('FAIL: 4 of 5 musts kept (1 broken)');
  expect(bad.output).toContain('read:     docs/peer-contract.md, "3. Control port"');
  const [broken] = told(bad.folder).rules.filter(({ outcome }) => outcome === 'broken');
  expect(broken).toMatchObject({ id: 'control.token', evidence: { expected: 'status 401', came: 'status 500' } });
});

test('a peer that does not start breaks one rule, once, whatever was asked for', () => {
  const command = `${process.execPath} ${VARIANT} ends-at-start`;
  const { status, output, folder } = conformance('--driver', 'process', '--only', 'end', '--peer-image', command);
  expect(status, output).toBe(1);
  expect(told(folder).rules.map(({ id, outcome }) => [id, outcome])).toEqual([
    ['control.health', 'broken'],
    ['end.sigterm', 'not seen'],
    ['end.logout', 'not seen'],
  ]);
  expect(told(folder).rules[0]?.evidence?.came).toContain('exit code 5');
  // With the setting that nobody knows, and without; not once for each rule.
  expect(readdirSync(path.join(folder, 'logs')).filter((name) => name.startsWith('checked'))).toHaveLength(2);
});

test('wrong usage is told before anything is started', () => {
  const wrong = conformance('--only', 'manners');
  expect(wrong.status).toBe(64);
  expect(wrong.output).toContain('or one of settings, control,');
  expect(conformance('--driver', 'process', '--peer-image', 'no-such-program-here').status).toBe(64);
  const list = conformance('--list', '--only', 'end');
  expect(list.status).toBe(0);
  expect(list.output.trim().split('\n')).toHaveLength(2);
  const lines = (...args: string[]) =>
    conformance('--list', ...args)
      .output.trim()
      .split('\n');
  expect(lines('--only', 'fetch.keeps', 'end')).toHaveLength(3);
  expect(lines('--chapter', '0')).toHaveLength(5);
  expect(lines('--chapter', '0', '--only', 'control')).toHaveLength(4);
  const nothing = conformance('--chapter', '0', '--only', 'end');
  expect([nothing.status, nothing.output]).toEqual([64, expect.stringContaining('none of end.sigterm, end.logout')]);
  const beyond = CHAPTERS.length;
  expect(conformance('--chapter', `${beyond}`).output).toContain(`expected a number from 0 to ${beyond - 1}`);
});

test('a run that fails with such a peer names the rules that it seems to break', () => {
  const program = `${process.execPath} ${VARIANT} never-publishes`;
  const results = mkdtempSync(path.join(tmpdir(), 'failed-'));
  const args = ['run', 'basic', '--driver', 'process', '--results', results, '--peer-image', program];
  const { status, stdout } = spawnSync(LAB, args, { encoding: 'utf8' });
  expect(status, stdout).toBe(1);
  expect(stdout).toContain(
    '1. the peer contract: it seems to break control.index, control.search in docs/peer-contract',
  );
});
