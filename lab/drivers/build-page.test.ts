import { readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { ROOT } from './artifacts.ts';
import { builtPage, PAGES } from './build-page.ts';

test.each(PAGES)(
  'the page %s is built once, tells nothing of this machine, and is there at once after that',
  async (name) => {
    const folder = path.join(ROOT, 'dist', 'page');
    const first = await builtPage(name);
    const built = () => {
      const files = readdirSync(folder).filter((one) => one.startsWith(`${name}-`));
      return files.map((file) => [
        file,
        statSync(path.join(folder, file)).ino,
        statSync(path.join(folder, file)).mtimeMs,
      ]);
    };
    const before = built();
    expect(before).toHaveLength(1);
    expect(await builtPage(name)).toBe(first);
    expect(built()).toEqual(before);
    // Also where NODE_ENV says something else, as here.
    expect(process.env.NODE_ENV).not.toBe('production');
    expect(first.includes(ROOT)).toBe(false);
  },
);
