import { expect, test } from 'vitest';
import { circles, covers, roomOf, trespasses, unused } from './check.ts';
import { importsOf } from './imports.ts';
import type { Room } from './table.ts';

const room = (path: string, ...may: string[]): Room => ({ path, is: '', may });
const file = (name: string, ...targets: string[]) => ({
  file: name,
  imports: targets.map((target) => ({ specifier: target, target })),
});

test('a pattern is a whole folder, the files directly in one, or a file', () => {
  expect(covers('lab/', 'lab/run/run.ts')).toBe(true);
  expect(covers('lab/*', 'lab/play.ts')).toBe(true);
  expect(covers('lab/*', 'lab/run/run.ts')).toBe(false);
  expect(covers('*', 'vitest.config.ts')).toBe(true);
  expect(covers('lab/main.ts', 'lab/main.ts')).toBe(true);
  expect(covers('lab/main.ts', 'lab/main.tsx')).toBe(false);
});

test('the room of a file is the longest that fits', () => {
  const rooms = [room('lab/*'), room('lab/main.ts'), room('lab/drivers/'), room('lab/drivers/docker/')];
  expect(roomOf('lab/main.ts', rooms)?.path).toBe('lab/main.ts');
  expect(roomOf('lab/drivers/docker/engine.ts', rooms)?.path).toBe('lab/drivers/docker/');
});

test('a folder without a room is a mistake, whatever stands beside it and whatever is in it', () => {
  const rooms = [room('lab/*'), room('lab/run/'), room('*')];
  expect(trespasses([file('lab/page/live.ts')], rooms)).toEqual([
    expect.stringContaining('lab/page/live.ts is in no room'),
  ]);
  expect(trespasses([file('k8s/namespace.yaml')], rooms)).toHaveLength(1);
  expect(trespasses([file('lab/play.ts'), file('README.md')], rooms)).toEqual([]);
});

test('a file imports its own room and what its room may; tests a little more', () => {
  const rooms = [{ ...room('a/', 'b/*'), testsMay: ['c/'] }, room('b/'), room('c/')];
  expect(trespasses([file('a/x.ts', 'a/y.ts', 'b/z.ts'), file('a/x.test.ts', 'c/z.ts')], rooms)).toEqual([]);
  expect(trespasses([file('a/x.ts', 'c/z.ts')], rooms)).toHaveLength(1);
  expect(trespasses([file('a/x.ts', 'b/deep/z.ts')], rooms)).toHaveLength(1);
});

test('what is built finds other rooms by # only; its tests run from their sources, and find what is for them alone', () => {
  const rooms = [{ ...room('images/a/', 'proto/'), testsMay: ['lab/machine/'] }, room('proto/'), room('lab/machine/')];
  const going = (from: string, target: string) => ({
    file: from,
    imports: [{ specifier: `../../${target}`, target }],
  });
  expect(trespasses([going('images/a/x.test.ts', 'lab/machine/y.ts')], rooms)).toEqual([]);
  expect(trespasses([going('images/a/x.test.ts', 'proto/y.ts')], rooms)).toHaveLength(1);
  expect(trespasses([going('images/a/x.ts', 'lab/machine/y.ts')], rooms)).toHaveLength(1);
});

test('a permission that nobody uses and a room without files are mistakes, so that the map stays true', () => {
  const rooms = [room('a/', 'b/', 'c/'), room('b/'), room('c/'), room('d/')];
  const files = [file('a/x.ts', 'b/y.ts'), file('b/y.ts'), file('c/z.ts')];
  expect(unused(files, rooms)).toEqual([
    expect.stringContaining('a/ may import c/'),
    expect.stringContaining('d/ is a room without a file'),
  ]);
});

test('rooms know each other in one direction only, tests apart', () => {
  const rooms = [room('a/'), room('b/'), room('c/')];
  const chain = [file('a/x.ts', 'b/x.ts'), file('b/x.ts', 'c/x.ts')];
  expect(circles([...chain, file('c/x.test.ts', 'a/x.ts')], rooms)).toEqual([]);
  expect(circles([...chain, file('c/x.ts', 'a/x.ts')], rooms)).toEqual([
    'rooms know each other in a circle: a/ → b/ → c/ → a/',
  ]);
});

test('imports are found however they are written', () => {
  const text = [
    "import { a } from '#base/a.ts';",
    "import type {\n  B,\n} from '#proto/b.ts';",
    "export * from './c.ts';",
    "import '../directory/d.ts';",
    "const e = await import('#proto/e.ts');",
    "import path from 'node:path';",
  ].join('\n');
  expect(importsOf('images/peer/x.ts', text).map(({ target }) => target)).toEqual([
    'images/base/a.ts',
    'proto/b.ts',
    'images/peer/c.ts',
    'images/directory/d.ts',
    'proto/e.ts',
  ]);
});
