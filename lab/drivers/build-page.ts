import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { glob, mkdir, readFile, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { PeerLabError } from '#proto/errors.ts';
import { hashOf, ROOT } from './artifacts.ts';
import { withLock } from './build-lock.ts';

/** THE BUILD OF PAGES: from page/ to one HTML file for each entry, when it is asked for and its sources have changed. */

/** What a page begins with, below page/; and whom it may ask for more (of its content security policy). */
const ENTRIES = {
  report: { file: 'report/main.tsx', connects: "'none'" },
  live: { file: 'live/main.tsx', connects: "'self'" },
} as const;
export type PageName = keyof typeof ENTRIES;
export const PAGES = Object.keys(ENTRIES) as PageName[];

const INPUTS = ['page/**/*.ts', 'page/**/*.tsx', 'page/**/*.css', 'proto/printable.ts', 'lab/drivers/vite-build.ts'];
const FOLDER = path.join(ROOT, 'dist', 'page');
/** A second on a machine with nothing else to do. */
const BUILD_TIMEOUT_MS = 120_000;
const MAX_SAID_CHARS = 2000;

/**
 * A page without its title and data (`filled` puts them in).
 * @throws PeerLabError `build-failed`
 */
export async function builtPage(name: PageName): Promise<string> {
  if (!existsSync(path.join(ROOT, 'page', ENTRIES[name].file))) return shippedPage(name);
  const file = path.join(FOLDER, `${name}-${await inputsHash()}.html`);
  const there = () => readFile(file, 'utf8').catch(() => undefined);
  const known = await there();
  if (known !== undefined) return known;
  return withLock(path.join(FOLDER, '.build.lock'), async () => (await there()) ?? (await build(name, file)));
}

/** In the lab's image there is nothing to build it from: it was built before. */
async function shippedPage(name: PageName): Promise<string> {
  for await (const file of glob(`${name}-*.html`, { cwd: FOLDER })) return readFile(path.join(FOLDER, file), 'utf8');
  throw new PeerLabError('build-failed', { about: 'the page', got: 'neither its sources nor the built page are here' });
}

/** The packages that go into a page are known by their exact versions. */
async function inputsHash(): Promise<string> {
  const { devDependencies } = JSON.parse(await readFile(path.join(ROOT, 'package.json'), 'utf8')) as {
    devDependencies: Record<string, string>;
  };
  const hash = await hashOf(INPUTS, JSON.stringify([devDependencies.preact, devDependencies.vite]));
  return hash.slice(0, 16);
}

async function build(name: PageName, file: string): Promise<string> {
  const fresh = `${file}.${process.pid}.new`;
  await mkdir(FOLDER, { recursive: true });
  try {
    const { file: entry, connects } = ENTRIES[name];
    await runBuilder([entry, fresh, connects]);
    for await (const old of glob(`${name}-*.html`, { cwd: FOLDER })) await rm(path.join(FOLDER, old), { force: true });
    await rename(fresh, file);
    return await readFile(file, 'utf8');
  } finally {
    await rm(fresh, { force: true });
  }
}

/** Its standard input is a pipe of ours, which ends with us. */
function runBuilder(args: readonly string[]): Promise<void> {
  const builder = path.join(import.meta.dirname, 'vite-build.ts');
  const child = spawn(process.execPath, [builder, ...args], { cwd: ROOT, stdio: ['pipe', 'ignore', 'pipe'] });
  const timer = setTimeout(() => child.kill('SIGKILL'), BUILD_TIMEOUT_MS);
  let said = '';
  child.stderr.on('data', (part) => {
    said = `${said}${part}`.slice(-MAX_SAID_CHARS);
  });
  return new Promise((resolve, reject) => {
    child.on('error', (cause) => reject(new PeerLabError('build-failed', { about: 'the page', cause })));
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      if (code === 0) return resolve();
      const got = `${said.trim()}\n(exit ${signal ?? code})`;
      reject(new PeerLabError('build-failed', { about: 'the page', got }));
    });
  });
}
