import { tmpdir } from 'node:os';
import { expect, test } from 'vitest';
import { EXPECTATIONS } from './testing/expectations.ts';
import { linesOf } from './testing/guide.ts';
import { Terminal } from './testing/terminal.ts';

test('every line of docs/classroom.md has an expectation, which a cluster is held to', () => {
  expect(linesOf('classroom.md')).toEqual(EXPECTATIONS.map(([line]) => line));
});

test('the terminal of that test keeps variables and what runs beside, and says how each line ended', async () => {
  await using terminal = new Terminal(tmpdir(), { PATH: process.env.PATH });
  const run = (line: string) => terminal.run(line, 10_000);
  expect(await run('export A=1; false')).toMatchObject({ code: 1, output: '' });
  expect(await run('echo "$A" one; echo two >&2')).toMatchObject({ code: 0, output: '1 one\ntwo\n' });
  await run('(sleep 0.2; echo late) &');
  expect(await run('wait')).toMatchObject({ code: 0, output: expect.stringContaining('late') });
  await expect(terminal.run('sleep 9', 100)).rejects.toThrow('not done after 0.1 s');
});
