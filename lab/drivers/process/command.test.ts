import { createHash } from 'node:crypto';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { findCommand } from './command.ts';

function fileWith(content: string, mode: number): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'command-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = path.join(folder, 'peer');
  writeFileSync(file, content);
  chmodSync(file, mode);
  return file;
}

const sha256 = (file: string) => createHash('sha256').update(readFileSync(file)).digest('hex');

test('a command is named by where its program is, and by the content of the files that it names', async () => {
  const script = fileWith('a peer', 0o644);
  const found = await findCommand(` sh  ${script} --fast `);
  expect(found.name).toBe(`sh  ${script} --fast`);
  expect(found.files?.map(({ path: file }) => path.basename(file))).toEqual(['sh', 'peer']);
  expect(found.files?.map(({ sha256: hash }) => hash)).toEqual(found.files?.map(({ path: file }) => sha256(file)));
});

test.each([
  ['nothing of this name', 'peerlab-no-such-program --x'],
  ['a path to nothing', './no/such/peer'],
  ['a folder', tmpdir()],
  ['a file that can not be run', () => fileWith('text', 0o644)],
])('%s is no program', async (_, command) => {
  const asked = typeof command === 'string' ? command : command();
  await expect(findCommand(asked)).rejects.toMatchObject({
    code: 'no-program',
    message: expect.stringContaining('there is no program'),
  });
});
