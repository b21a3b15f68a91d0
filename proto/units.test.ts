import { expect, test } from 'vitest';
import { parseDurationMs, parseSizeBytes } from './units.ts';

test.each([
  ['0', 0],
  ['512', 512],
  ['12B', 12],
  ['64KiB', 65_536],
  ['5 MB', 5_000_000],
  ['5MiB', 5_242_880],
  ['1.5GiB', 1_610_612_736],
  ['3kB', 3000],
  ['5 bananas', undefined],
  ['-1', undefined],
  ['', undefined],
  ['1e3', undefined],
  ['5Mi', undefined],
  ['1024TiB', 2 ** 50],
  ['1025TiB', undefined],
])('size %j is %j bytes', (text, bytes) => {
  expect(parseSizeBytes(text)).toBe(bytes);
});

test.each([
  ['500ms', 500],
  ['30s', 30_000],
  ['1m30s', 90_000],
  ['1.5h', 5_400_000],
  ['5', undefined],
  ['', undefined],
  ['5 s', undefined],
  ['-5s', undefined],
  ['1d', undefined],
  ['168h', 604_800_000],
  ['600h', undefined],
  ['168h1ms', undefined],
])('duration %j is %j ms', (text, ms) => {
  expect(parseDurationMs(text)).toBe(ms);
});
