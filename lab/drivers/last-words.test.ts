import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { lastWords } from './last-words.ts';

test('the message of a Node stack trace is among them, however deep the stack', () => {
  // Each frame another function: Node folds those that repeat.
  const dives = Array.from({ length: 60 }, (_, i) => `function dive${i}() { dive${i + 1}(); }`);
  const program = `${dives.join('')} function dive60() { throw new Error('the reason'); } dive0();`;
  const { stderr } = spawnSync(process.execPath, ['--stack-trace-limit=60', '-e', program], { encoding: 'utf8' });
  expect(stderr.split('\n').length).toBeGreaterThan(60);
  const words = lastWords(stderr);
  expect(words).toContain('Error: the reason');
  expect(words).toMatch(/ {4}at dive60.*\n {4}at dive59.*\n {4}…\n/);
  expect(words).toContain('Node.js v');
  expect(words.split('\n').length).toBeLessThanOrEqual(20);
});

test('at most twenty lines, none endless', () => {
  const log = `${Array.from({ length: 30 }, (_, i) => `line ${i + 1}`).join('\n')}\n${'x'.repeat(5000)}\n\n`;
  const lines = lastWords(log).split('\n');
  expect(lines.length).toBe(20);
  expect(lines[0]).toBe('line 12');
  expect(lines.at(-1)).toBe(`${'x'.repeat(400)}…`);
});

test('nothing said', () => {
  expect(lastWords('')).toBe('');
});
