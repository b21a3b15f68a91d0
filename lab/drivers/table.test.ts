import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { DRIVERS, KINDS } from './table.ts';

const LAB = path.resolve(import.meta.dirname, '..');

test('no code of the lab spells the kind of a driver but the driver itself', () => {
  const spelled = globSync('**/*.ts', { cwd: LAB })
    .filter((file) => !/\.(test|contract)\.ts$/.test(file))
    .flatMap((file) => {
      const text = readFileSync(path.join(LAB, file), 'utf8');
      const own = (kind: string) => file.startsWith(path.join('drivers', kind, '/'));
      return KINDS.filter((kind) => !own(kind) && new RegExp(`(['"\`])${kind}\\1`).test(text)).map(
        (kind) => `${file} spells ${kind}`,
      );
    });
  expect(spelled).toEqual([]);
});

test('every driver has a kind of its own, and auto has one that needs nothing to answer', () => {
  expect(new Set(KINDS).size).toBe(DRIVERS.length);
  expect(KINDS).not.toContain('auto');
  expect(DRIVERS.some(({ isAutomatic, carrier }) => isAutomatic && carrier === undefined)).toBe(true);
});
