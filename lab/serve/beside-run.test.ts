import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { PageBesideRun } from './beside-run.ts';

function folder(): string {
  const made = mkdtempSync(path.join(tmpdir(), 'peerlab-beside-'));
  onTestFinished(() => rmSync(made, { recursive: true, force: true }));
  return made;
}

const answers = (url: string) =>
  fetch(`${url}runs.json`).then(
    ({ status }) => status,
    () => 'nobody',
  );

test('a page beside a run is there at once, and gone when it is closed; a second one takes another port', async () => {
  const page = await PageBesideRun.start(folder());
  const other = await PageBesideRun.start(folder());
  expect(other.url).not.toBe(page.url);
  expect(page.urlOf('abc')).toBe(`${page.url}runs/abc`);
  expect([await answers(page.url), await answers(other.url)]).toEqual([200, 200]);
  await Promise.all([page.close(), other.close()]);
  expect([await answers(page.url), await answers(other.url)]).toEqual(['nobody', 'nobody']);
  await page.close();
});

test('it ends with its lab, however that ends', async () => {
  const program = `const { PageBesideRun } = await import(${JSON.stringify(path.join(import.meta.dirname, 'beside-run.ts'))});
const page = await PageBesideRun.start(process.argv[1]);
console.log(page.url);
setInterval(() => {}, 1000);`;
  const lab = spawn(process.execPath, ['--input-type=module', '-e', program, folder()], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => void lab.kill('SIGKILL'));
  const [said] = (await once(lab.stdout, 'data')) as [Buffer];
  const url = `${said}`.trim();
  expect(await answers(url)).toBe(200);
  lab.kill('SIGKILL');
  await expect.poll(() => answers(url), { timeout: 10_000 }).toBe('nobody');
});

test('why it can not be started is said', async () => {
  const file = path.join(folder(), 'file');
  writeFileSync(file, '');
  await expect(PageBesideRun.start(file)).rejects.toThrow('is not a folder');
});
