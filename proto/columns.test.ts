import { expect, test } from 'vitest';
import { columnsOf, fitted, padded } from './columns.ts';

test.each([
  ['', 0],
  ['notes.txt', 9],
  ['año', 3],
  ['an\u0303o', 3],
  ['文件.txt', 8],
  ['かな カナ', 9],
  ['ｶﾅ', 2],
  ['한국어', 6],
  ['ＡＢ', 4],
  ['🎬.mp4', 6],
  ['👩‍👩‍👧', 2],
  ['👍🏽', 2],
  ['❤️', 2],
  ['✔ ok', 4],
  ['שלום', 4],
  ['\u0301', 0],
])('%j takes %i columns', (text, columns) => {
  expect(columnsOf(text)).toBe(columns);
});

test('texts are filled up by columns, not by characters', () => {
  expect(padded('文', 4)).toBe('文  ');
  expect(padded('文', 4, 'start')).toBe('  文');
  expect(padded('too long', 3)).toBe('too long');
});

test('what is cut to fit is never half a character', () => {
  expect(fitted('a文b', 2)).toBe('a');
  expect(fitted('a文b', 3)).toBe('a文');
  expect(fitted('👩‍👩‍👧x', 2)).toBe('👩‍👩‍👧');
  expect(fitted('short', 80)).toBe('short');
});
