import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { ScenarioInvalid } from '../language/mistake.ts';
import { makePlan } from './plan.ts';
import { readScenario } from './read.ts';
import { toldOf } from './real-folder.ts';

function folder(): string {
  const made = mkdtempSync(path.join(tmpdir(), 'peerlab-from-'));
  onTestFinished(() => rmSync(made, { recursive: true }));
  mkdirSync(path.join(made, 'files'));
  return path.join(made, 'files');
}

function planOf(files: string, more = '') {
  const text = `name: try\ndescription: d\ngroups: {a: {share: {from: files${more}}}}\nsteps: [{login: all}]\nexpect: [operations.login.failed == 0]\n`;
  return makePlan(readScenario(text, path.join(files, '..', 'try.yaml')));
}

function refused(files: string, more?: string): string {
  try {
    planOf(files, more);
    return '';
  } catch (error) {
    return error instanceof ScenarioInvalid ? error.lines().join('\n') : String(error);
  }
}

const LATIN_1 = Buffer.from('caf\xe9.txt', 'latin1');
const inFolder = (files: string, name: Buffer) => Buffer.concat([Buffer.from(`${files}/`), name]);

test('what can not be shared is left out with its reason, and the rest is played', () => {
  const files = folder();
  writeFileSync(path.join(files, 'good.txt'), 'good');
  writeFileSync(inFolder(files, LATIN_1), 'odd');
  symlinkSync('/etc/hostname', path.join(files, 'link'));
  execFileSync('mkfifo', [path.join(files, 'pipe')]);
  const deep = path.join(files, 'd'.repeat(200));
  mkdirSync(deep);
  writeFileSync(path.join(deep, 'f'.repeat(200)), 'long');
  writeFileSync(path.join(files, 'exe\u202etxt'), 'bidi');
  mkdirSync(inFolder(files, Buffer.from('d\xe9', 'latin1')));
  const { peers, leftOut } = planOf(files);
  expect(peers[0]?.share.map(({ name }) => name)).toEqual(['good.txt']);
  expect(leftOut.examples.map(({ name, reason }) => `${name}: ${reason}`).sort()).toEqual(
    [
      'caf\ufffd.txt: its name is not UTF-8',
      'd\ufffd: its name is not UTF-8',
      `${'d'.repeat(200)}__${'f'.repeat(97)}…: its name would be 402 bytes`,
      'exe\\u{202e}txt: its name would be a name with bidirectional controls',
      'link: a symbolic link',
      'pipe: neither a file nor a folder',
    ].sort(),
  );
  expect(leftOut.count).toBe(6);
  expect(planOf(files, ', include: "*.txt"').leftOut.examples.map(({ name }) => name)).toEqual(['caf\ufffd.txt']);
});

test('a folder of which nothing is left is a mistake', () => {
  const files = folder();
  expect(refused(files)).toContain('no file in "files"');
  writeFileSync(inFolder(files, LATIN_1), 'odd');
  symlinkSync('/etc/hostname', path.join(files, 'link'));
  expect(refused(files)).toContain(
    'no file in "files" that can be shared: "caf\ufffd.txt" (its name is not UTF-8), and 1 more',
  );
});

test('of files that are left out a few are told, each once, and nothing in their names is obeyed', () => {
  const leftOut = Array.from({ length: 12 }, (_, i) => ({
    folder: 'f',
    name: `\u001b[2J${i}`,
    reason: 'a symbolic link',
  }));
  const { count, examples } = toldOf([...leftOut, ...leftOut]);
  expect(count).toBe(12);
  expect(examples).toHaveLength(10);
  expect(examples[0]).toEqual({ name: '\\u{1b}[2J0', reason: 'a symbolic link' });
});
