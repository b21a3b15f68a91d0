import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { filesOf } from '../dev/rooms/imports.ts';

test('of the lab, pages know types and nothing that runs', () => {
  const root = path.resolve(import.meta.dirname, '..');
  const files = filesOf(root).filter(({ file }) => /^page\/.*\.tsx?$/.test(file) && !file.includes('.test.'));
  expect(files.length).toBeGreaterThan(20);
  const values = files.flatMap(({ file }) =>
    [...readFileSync(path.join(root, file), 'utf8').matchAll(/^import (?!type )[^;]*'([./]*\/lab\/[^']+)'/gm)].map(
      ([, from]) => `${file} imports more than types from ${from}`,
    ),
  );
  expect(values).toEqual([]);
});
