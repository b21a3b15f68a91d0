import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Page } from 'playwright-core';
import { startPageServer } from '../lab/serve/server.ts';
import { startBrowser } from './browser.ts';

/**
 * `make pictures`: plays the scenario of the classroom, and takes the pictures of README from its live page and its report. With a results
 * folder as its argument, of the latest run in there.
 */

const root = path.resolve(import.meta.dirname, '..');
const PICTURES = path.join(root, 'docs', 'pictures');
const WIDTH = 1180;
/** Down to the end of the network, and of the first figures. */
const HEIGHTS = { 'live-page': 900, report: 740 } as const;
/** In the first fifth of the run, all fetch from each other, and one of them is dead. */
const MOMENT = 0.2;

const [given] = process.argv.slice(2);
const results = given ?? mkdtempSync(path.join(tmpdir(), 'peerlab-pictures-'));
const browser = await startBrowser();
try {
  const words = ['run', 'classroom', '--driver', 'process', '--results', results];
  if (given === undefined) spawnSync(path.join(root, 'bin/lab'), words, { stdio: ['ignore', 'inherit', 'inherit'] });
  mkdirSync(PICTURES, { recursive: true });
  const server = await startPageServer({ results, host: '127.0.0.1', port: 0 });
  const live = await opened(`${server.url}runs/latest`);
  await live.locator('#checks').waitFor();
  const slider = live.getByRole('slider');
  const [from, to] = [Number(await slider.getAttribute('min')), Number(await slider.getAttribute('max'))];
  await slider.fill(String(from + (to - from) * MOMENT));
  await taken(live, 'live-page');
  await server.close();
  const report = await opened(pathToFileURL(path.resolve(results, 'latest', 'report.html')).href);
  await taken(report, 'report');
} finally {
  await browser.close();
  if (given === undefined) rmSync(results, { recursive: true, force: true });
}

async function opened(url: string): Promise<Page> {
  const page = await browser.newPage({
    viewport: { width: WIDTH, height: HEIGHTS.report },
    locale: 'en-GB',
    colorScheme: 'light',
  });
  await page.goto(url);
  await page.locator('main').waitFor();
  return page;
}

async function taken(page: Page, name: keyof typeof HEIGHTS): Promise<void> {
  await page.setViewportSize({ width: WIDTH, height: HEIGHTS[name] });
  await page.evaluate('document.activeElement?.blur()');
  const file = path.join(PICTURES, `${name}.png`);
  // Drawings are as wide as the page a moment after it is there.
  await page.evaluate('new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))');
  await page.waitForTimeout(500);
  await page.screenshot({ path: file });
  process.stdout.write(`${path.relative(root, file)}\n`);
}
