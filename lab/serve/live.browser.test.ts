import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import axe from 'axe-core';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { startBrowser } from '../../dev/browser.ts';
import type { Result } from '../checks/result-schema.ts';
import { LAB, writeScenario } from '../end-to-end.ts';
import type { FaultRecord } from '../history/events.ts';
import { type MadeInit, madeResults } from '../page/testing/results.ts';
import { startPageServer } from './server.ts';

/** The live page as people have it: a browser, and a server of real results. */

let browser: Browser;
beforeAll(async () => {
  browser = await startBrowser();
});
afterAll(() => browser?.close());

interface Opened {
  readonly page: Page;
  /** What was asked for elsewhere, and what went wrong in the page. */
  readonly trouble: string[];
}

async function open(url: string, options: BrowserContextOptions = {}): Promise<Opened> {
  const context = await browser.newContext({ locale: 'en-US', ...options });
  onTestFinished(() => context.close());
  const page = await context.newPage();
  const trouble: string[] = [];
  page.on('request', (request) => {
    const asked = request.url();
    if (asked !== url && !asked.startsWith(new URL(url).origin) && asked !== 'data:,') trouble.push(asked);
  });
  page.on('pageerror', ({ message }) => trouble.push(message));
  page.on('console', (line) => void (line.type() === 'error' && trouble.push(line.text())));
  page.on('dialog', async (dialog) => {
    trouble.push(`dialog: ${dialog.message()}`);
    await dialog.dismiss();
  });
  await page.goto(url);
  await page.waitForSelector('main');
  return { page, trouble };
}

/** A page of results that nobody played, and the server for it. */
async function made(init: MadeInit, options?: BrowserContextOptions): Promise<Opened & { readonly url: string }> {
  const results = await madeResults(init);
  onTestFinished(() => results[Symbol.dispose]());
  tellFaults(results.folder.file('timeline.ndjson'), init.faults ?? []);
  const server = await startPageServer({ results: path.dirname(results.folder.path), host: '127.0.0.1', port: 0 });
  onTestFinished(() => server.close());
  return { ...(await open(`${server.url}runs/made`, options)), url: server.url };
}

/** As the recorder does: that they begin stands in the timeline. */
function tellFaults(timeline: string, faults: readonly FaultRecord[]): void {
  const events: { at: number }[] = readFileSync(timeline, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  const begun = faults.map(({ kind: fault, who, step, from: at }) => ({ kind: 'fault-begun', at, fault, who, step }));
  const inOrder = [...events, ...begun].toSorted((a, b) => a.at - b.at);
  writeFileSync(timeline, inOrder.map((event) => `${JSON.stringify(event)}\n`).join(''));
}

const some = (count: number, what: string) => Array.from({ length: count }, (_, n) => `${what}-${n + 1}`);
const FAULT: FaultRecord = { kind: 'freeze', who: 'peer-2', step: '1', from: 3, inForce: 3.1, until: 6, proofs: [] };
const ORDINARY: MadeInit = {
  ...{ peers: some(6, 'peer'), downloads: 60, failsEvery: 7, faults: [FAULT], samplesOfEach: 20, pieceLooks: 15 },
};
/** Nothing is wider than the window. */
const FITS = 'document.documentElement.scrollWidth <= innerWidth';
const clock = (page: Page) => page.locator('.clock').textContent();
const drag = (page: Page, seconds: number) => page.locator('input[type=range]').fill(String(seconds));

/** Two that have a file, one that fetches it slowly enough to be watched: a copy of each is on both. */
const STEPS = `
  - login: all
  - search: {group: l, name: "*"}
  - freeze: {group: s, for: 3s}
  - download: {group: l, as: fetch}
  - wait: 1s
  - logout: all`;

/** One has a file, and sends so slowly that the others exchange what they have of it. */
const SWARM = `name: try
description: Does it?
groups:
  s: {share: {files: 1, size: 6MiB}, env: {PEER_UPLOAD_LIMIT: 1MB/s}}
  l: {count: 3, env: {PEER_UPLOAD_LIMIT: 1MB/s}}
steps: [{login: all}, {download: {group: l, as: fetch}}, {logout: all}]
expect: [steps.fetch.transfers.ok == 3]
`;

const HOSTILE_SHARE = `name: try
description: What of </script><script>alert(4)</script>?
groups: {s: {share: {from: share}}, l: {count: 2}}
steps: [{login: all}, {download: {group: l, files: "*", as: fetch}}, {logout: all}]
expect: [steps.fetch.transfers.ok == 8]
`;

const EXPECT = '[steps.fetch.transfers.ok == 2, operations.login.failed == 0]';

function startRun(scenario = writeScenario(STEPS, EXPECT)): {
  readonly child: ChildProcess;
  readonly url: Promise<string>;
  readonly ended: Promise<number | null>;
  folder(): string;
} {
  const results = mkdtempSync(path.join(tmpdir(), 'live-'));
  const child = spawn(LAB, ['run', scenario, '--driver', 'process', '--results', results, '--ui'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => {
    child.kill('SIGKILL');
    rmSync(results, { recursive: true, force: true });
  });
  let said = '';
  const url = new Promise<string>((resolve) => {
    child.stdout.on('data', (part) => {
      said += part;
      const [, found] = /^Live page: (\S+)$/m.exec(said) ?? [];
      if (found !== undefined) resolve(found);
    });
  });
  const ended = new Promise<number | null>((resolve) => child.on('close', (code) => resolve(code)));
  return { child, url, ended, folder: () => path.join(results, 'latest') };
}

test('a real run: peers, transfers, a fault and the verdict appear; reload and late visitors miss nothing', async () => {
  const run = startRun();
  const url = await run.url;
  const { page, trouble } = await open(url);
  const fault = page.locator('.happenings li', { hasText: 'freeze s-1' });
  await fault.first().waitFor({ timeout: 60_000 });
  expect(await page.locator('#peers tbody tr').allTextContents()).toEqual([
    expect.stringMatching(/s-1.*frozen/),
    expect.stringMatching(/l-1.*logged in/),
  ]);
  expect(await page.locator('.steps li.now').count()).toBeGreaterThan(0);

  await page.reload();
  await fault.first().waitFor();
  const late = await open(url);
  await late.page.locator('.happenings li', { hasText: 'freeze s-1' }).first().waitFor();

  // The run needs neither the page nor its visitors to end.
  await page.locator('.verdict.pass').waitFor({ timeout: 60_000 });
  await late.page.locator('.verdict.pass').waitFor();
  expect(await run.ended).toBe(0);
  const result: Result = JSON.parse(readFileSync(path.join(run.folder(), 'result.json'), 'utf8'));
  expect(await page.locator('.verdict').textContent()).toContain(result.reason);
  const rows = page.locator('#expectations tbody tr');
  expect(await rows.count()).toBe(result.expectations.length);
  expect(await page.locator('#peers tbody tr', { hasText: 'l-1' }).textContent()).toMatch(/100\s?%/);
  expect([trouble, late.trouble]).toEqual([[], []]);
});

test('the pieces of a real swarm come one by one; they are seen again in the past, and in the report', async () => {
  const file = path.join(mkdtempSync(path.join(tmpdir(), 'swarm-')), 'try.yaml');
  writeFileSync(file, SWARM);
  const run = startRun(file);
  const { page, trouble } = await open(await run.url);
  const row = page.locator('#pieces tbody tr', { hasText: 'l-1' });
  await row.waitFor({ timeout: 60_000 });
  const seen = new Map<number, string>();
  const look = async () => {
    // Both at one time.
    const [count, blocks] = await row.evaluate(
      (one) =>
        [
          Number.parseInt(one.lastElementChild?.textContent ?? '', 10),
          [...one.querySelectorAll('path')].map((path) => path.getAttribute('d')).join(),
        ] as const,
    );
    seen.set(count, blocks);
    return page.locator('.verdict.pass').count();
  };
  await expect.poll(look, { timeout: 90_000, interval: 200 }).toBe(1);
  expect(await run.ended).toBe(0);
  const counts = [...seen.keys()];
  expect(counts).toEqual(counts.toSorted((a, b) => a - b));
  // Some of the file, then more of it, then all.
  const all = counts.at(-1) as number;
  expect(counts.filter((count) => count > 0 && count < all).length).toBeGreaterThanOrEqual(2);
  expect(new Set(seen.values()).size).toBe(seen.size);
  expect(await row.locator('td').last().textContent()).toBe(`${all} of ${all}`);
  await drag(page, 0);
  await expect.poll(() => page.locator('#pieces').count()).toBe(0);

  const report = (await open(pathToFileURL(path.join(run.folder(), 'report.html')).href)).page;
  const slider = report.getByRole('slider');
  const end = Number(await slider.getAttribute('max'));
  const told = new Set<string>();
  for (let n = 0; n <= 20; n++) {
    await slider.fill(String((end * n) / 20));
    told.add((await report.locator('.pieces tbody tr', { hasText: 'l-1' }).allTextContents()).join());
  }
  expect(told.size).toBeGreaterThanOrEqual(3);
  expect(trouble).toEqual([]);
});

test('a run whose lab was killed is shown as far as it was recorded, and judged when somebody does', async () => {
  const run = startRun();
  await run.url;
  const server = await startPageServer({ results: path.dirname(run.folder()), host: '127.0.0.1', port: 0 });
  onTestFinished(() => server.close());
  const { page, trouble } = await open(`${server.url}runs/latest`);
  await page.locator('.happenings li', { hasText: 'freeze s-1' }).first().waitFor({ timeout: 60_000 });
  run.child.kill('SIGKILL');
  await page.locator('.state.cut-off').waitFor({ timeout: 60_000 });
  expect(await page.locator('#peers tbody tr').count()).toBe(2);
  // The watchdog is done when it has said so.
  const facts = () => readFileSync(path.join(run.folder(), 'run.json'), 'utf8');
  await expect.poll(facts, { timeout: 30_000 }).toContain('lab-lost');
  expect((await promisify(execFile)(LAB, ['report', run.folder()]).catch((error) => error)).code).toBe(75);
  await page.locator('.verdict.inconclusive').waitFor();
  await page.getByRole('link', { name: 'Report' }).click();
  await page.waitForURL(/report\.html$/);
  await page.locator('.verdict.inconclusive').waitFor();
  expect(trouble).toEqual([]);
});

test('time is dragged back, played and followed again, by mouse and by keys', async () => {
  const { page, trouble } = await made(ORDINARY);
  await page.locator('.verdict.pass, .verdict.fail, .verdict.inconclusive').waitFor();
  expect(await clock(page)).toBe('21 s of 21 s');
  await drag(page, 4);
  expect(await clock(page)).toMatch(/^(3\.9\d|4|4\.0\d) s of 21 s$/);
  // Nothing of what came later is there.
  await expect.poll(() => page.locator('#peers tbody tr', { hasText: 'peer-2' }).textContent()).toContain('frozen');
  expect(await page.locator('#checks').count()).toBe(0);
  expect(await page.locator('.steps li.now').textContent()).toContain('download all');
  await drag(page, 7);
  await expect.poll(() => page.locator('#peers tbody tr', { hasText: 'peer-2' }).textContent()).not.toContain('frozen');
  const before = await clock(page);
  await page.getByRole('button', { name: 'Play' }).press('Enter');
  await expect.poll(() => clock(page)).not.toBe(before);
  await page.getByRole('button', { name: 'Pause' }).click();
  const paused = await clock(page);
  await page.getByRole('slider').press('ArrowRight');
  expect(await clock(page)).not.toBe(paused);
  await page.getByRole('button', { name: 'To the end' }).click();
  await page.locator('#checks').waitFor();
  expect(trouble).toEqual([]);
});

test('a peer that is chosen shows its files, transfers, figures and log; by keys, too', async () => {
  const { page, trouble } = await made(ORDINARY);
  await page.locator('#peers').getByRole('button', { name: 'peer-3', exact: true }).press('Enter');
  const panel = page.locator('.panel');
  await panel.getByText('Exchanged with').waitFor();
  expect(await panel.textContent()).toContain('file-');
  expect(await page.evaluate('document.activeElement?.id')).toBe('panel-title');
  await panel.getByText('Its figures').click();
  expect(await panel.textContent()).toContain('peerlab_transfer_bytes_total');
  await panel.getByRole('button', { name: 'Close' }).click();
  await panel.waitFor({ state: 'detached' });
  // The log of this peer was never collected, which the browser tells as well.
  expect(trouble.filter((line) => !line.includes('404'))).toEqual([]);
});

test('a thousand peers: they are small, what moves and who has what is told by group, and the page answers', async () => {
  const init = { peers: some(1000, 'peer'), downloads: 4000, samplesOfEach: 2, pieceLooks: 10 };
  const { page, trouble } = await made({ ...init, faults: [FAULT] });
  await page.locator('#checks').waitFor();
  await drag(page, 4);
  await expect.poll(() => clock(page)).toMatch(/^(3\.9\d|4|4\.0\d) s of/);
  expect(await page.locator('#pieces tbody th').allTextContents()).toEqual(['all together', 'leechers']);
  await page.locator('#peers input[type=search]').fill('frozen');
  await expect
    .poll(() => page.locator('#peers tbody tr').allTextContents())
    .toEqual([expect.stringMatching(/peer-2.*frozen/)]);
  await page.locator('#peers').getByRole('button', { name: 'peer-2', exact: true }).click();
  await page.locator('.panel').waitFor();
  await page.getByRole('button', { name: 'To the end' }).click();
  await page.locator('#checks').waitFor();
  expect(await page.evaluate(FITS)).toBe(true);
  expect(trouble.filter((line) => !line.includes('404'))).toEqual([]);
});

test('hostile names in a share of a real run are text, on the live page and in the report', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'hostile-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const names = ['<img src=x onerror=alert(1)>.txt', '"><svg onload=alert(2)>', 'javascript:alert(3)', 'x'.repeat(200)];
  mkdirSync(path.join(folder, 'share'));
  // No share takes the last one: it is left out, and told.
  for (const name of [...names, '\u202etxt.exe\u2066']) writeFileSync(path.join(folder, 'share', name), name);
  const scenario = path.join(folder, 'try.yaml');
  writeFileSync(scenario, HOSTILE_SHARE);
  const run = startRun(scenario);
  const { page, trouble } = await open(await run.url);
  await page.locator('.verdict').filter({ hasText: 'built-in checks' }).waitFor({ timeout: 60_000 });
  expect(await run.ended).toBe(0);
  const report = await open(pathToFileURL(path.join(run.folder(), 'report.html')).href);
  for (const summary of await report.page.locator('summary').all()) await summary.click();
  for (const shown of [page, report.page]) {
    const text = (await shown.locator('main').textContent()) ?? '';
    for (const name of names.slice(0, 3)) expect(text).toContain(name);
    expect(text).toContain('<script>alert(4)</script>');
    expect(text).not.toMatch(/\p{Bidi_Control}/u);
    expect(await shown.locator('main img, main script, main svg[onload], a[href^="javascript:"]').count()).toBe(0);
    expect(await shown.evaluate(FITS)).toBe(true);
  }
  expect([trouble, report.trouble]).toEqual([[], []]);
});

describe('hostile texts', () => {
  const HOSTILE = [
    ...['<img src=x onerror=alert(1)>', '</script><script>alert(2)</script>', '"><svg onload=alert(3)>'],
    ...['\u202etxt.exe\u2066\u001b[2J\u0000', 'javascript:alert(4)', 'x'.repeat(65_536)],
  ];
  const hostile = (n: number) => HOSTILE[n % HOSTILE.length] as string;

  test('are text: nothing runs, and nothing is asked for', async () => {
    const peers = HOSTILE.map((text, n) => `${n} ${text.slice(0, 2000)}`);
    const fault = { ...FAULT, who: peers[1] as string };
    const init = { peers, downloads: 40, file: hostile, label: hostile(0), failsEvery: 3, message: hostile(1) };
    const { page, trouble } = await made({ ...init, faults: [fault] });
    await page.locator('.verdict').waitFor();
    for (const button of await page.locator('#peers .as-link').all()) {
      await button.click();
      await page.locator('.panel').waitFor();
    }
    await drag(page, 4);
    const text = (await page.locator('main').textContent()) ?? '';
    expect(text).toContain('<img src=x onerror=alert(1)>');
    for (const unprintable of ['\u202e', '\u2066', '\u001b', '\u0000']) expect(text).not.toContain(unprintable);
    expect(await page.locator('main img, main script, main svg[onload]').count()).toBe(0);
    expect(await page.evaluate(FITS)).toBe(true);
    expect(trouble.filter((line) => !line.includes('404'))).toEqual([]);
  });
});

describe.each(['light', 'dark'] as const)('%s', (colorScheme) => {
  const serious = async (page: Page) => {
    await page.evaluate(axe.source);
    const { violations } = await page.evaluate(() => (globalThis as unknown as { axe: typeof axe }).axe.run());
    return violations
      .filter(({ impact }) => impact === 'serious' || impact === 'critical')
      .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 200)).join(' | ')}`);
  };

  test.each([1280, 390])(
    'axe finds nothing serious, and nothing is wider than the page, at %i pixels',
    async (width) => {
      const { page, url } = await made(ORDINARY, { colorScheme, viewport: { width, height: 800 } });
      await page.locator('#checks').waitFor();
      expect(await serious(page)).toEqual([]);
      await drag(page, 4);
      await page.locator('#peers').getByRole('button', { name: 'peer-2', exact: true }).click();
      await page.locator('.panel').waitFor();
      expect(await serious(page)).toEqual([]);
      expect(await page.evaluate(FITS)).toBe(true);
      await page.goto(url);
      await page.locator('#runs tbody tr').waitFor();
      expect(await serious(page)).toEqual([]);
    },
  );
});

test.each([
  ['de-DE', 'Netz', 'Wiedergabe|Abspielen'],
  ['es-ES', 'Red', 'Reproducir'],
])('a browser that prefers %s gets its language', async (locale, network, play) => {
  const { page } = await made(ORDINARY, { locale });
  await expect.poll(() => page.locator('#network h2').textContent()).toBe(network);
  expect(await page.locator('.transport .primary').textContent()).toMatch(new RegExp(play));
});
