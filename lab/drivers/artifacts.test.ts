import { existsSync } from 'node:fs';
import { expect, test } from 'vitest';
import { buildServices, hashOf } from './artifacts.ts';

test('builds once, also when asked many times at once', async () => {
  const reports: string[] = [];
  const all = await Promise.all(Array.from({ length: 4 }, () => buildServices((what) => reports.push(what))));
  expect(reports.length).toBeLessThanOrEqual(1);
  expect(new Set(all.map(({ hash }) => hash)).size).toBe(1);
  expect(existsSync(all[0]?.directory ?? '') && existsSync(all[0]?.peer ?? '')).toBe(true);
  const again: string[] = [];
  await buildServices((what) => again.push(what));
  expect(again).toEqual([]);
});

test('the hash depends on the inputs, not on tests', async () => {
  const [some, same, other] = await Promise.all([
    hashOf(['proto/*.ts']),
    hashOf(['proto/*.ts', 'proto/*.test.ts']),
    hashOf(['proto/*.ts'], 'more'),
  ]);
  expect(same).toBe(some);
  expect(other).not.toBe(some);
});
