import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import axe from 'axe-core';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { startBrowser } from '../../dev/browser.ts';
import type { Result } from '../checks/result-schema.ts';
import { LAB } from '../end-to-end.ts';
import type { FaultRecord } from '../history/events.ts';
import { type MadeInit, madeResults } from './testing/results.ts';
import { beginPage, filled, writePage, writeRunPage } from './write-page.ts';

/** report.html as people have it: a file, opened by a browser. */

const MAX_PAGE_BYTES = 1_500_000;

let browser: Browser;
beforeAll(async () => {
  browser = await startBrowser();
});
afterAll(() => browser?.close());

interface Opened {
  readonly page: Page;
  /** What the page asked for beside itself, and what went wrong in it. */
  readonly requests: string[];
  readonly trouble: string[];
}

async function open(file: string, options: BrowserContextOptions = {}): Promise<Opened> {
  const context = await browser.newContext({ locale: 'en-US', ...options });
  onTestFinished(() => context.close());
  const page = await context.newPage();
  const url = pathToFileURL(file).href;
  const [requests, trouble]: [string[], string[]] = [[], []];
  page.on('request', (request) => {
    const asked = request.url();
    if (asked !== url && asked !== 'data:,') requests.push(asked);
  });
  page.on('requestfailed', (request) => {
    if (request.failure()?.errorText === 'csp') requests[requests.indexOf(request.url())] = 'csp';
  });
  page.on('pageerror', ({ message }) => trouble.push(message));
  page.on('console', (line) => void (line.type() === 'error' && trouble.push(line.text())));
  page.on('dialog', async (dialog) => {
    trouble.push(`dialog: ${dialog.message()}`);
    await dialog.dismiss();
  });
  await page.goto(url);
  await page.waitForSelector('main');
  return { page, requests, trouble };
}

/** The report of a run that nobody played. @param change what the judge might have said */
async function made(init: MadeInit, change: (result: Result) => void = () => {}): Promise<string> {
  const results = await madeResults(init);
  onTestFinished(() => results[Symbol.dispose]());
  const { folder, result } = results;
  change(result);
  const said: string[] = [];
  await writeRunPage({ folder, result, page: beginPage(), tell: (line) => void said.push(line) });
  expect(said).toEqual([]);
  return path.join(folder.path, 'report.html');
}

async function mustBeAccessible(page: Page): Promise<void> {
  // The page's policy keeps scripts out, this one included; the browser's own way in is not the page's.
  await page.evaluate(axe.source);
  const found = await page.evaluate(async () => {
    const { axe } = globalThis as unknown as { axe: { run(): Promise<{ violations: Violation[] }> } };
    return (await axe.run()).violations.map(({ id, impact, nodes }) => ({ id, impact, at: nodes[0]?.html }));
  });
  expect(found.filter(({ impact }) => impact === 'serious' || impact === 'critical')).toEqual([]);
  expect(await page.evaluate('document.documentElement.scrollWidth - innerWidth')).toBeLessThanOrEqual(0);
}

const some = (count: number, what: string) => Array.from({ length: count }, (_, n) => `${what}-${n + 1}`);
const proof = (when: 'before' | 'during' | 'after') => ({ when, at: 4, wanted: 'silent', seen: 'silent', ok: true });
const FAULT: FaultRecord = {
  ...{ kind: 'freeze', who: 'peer-2', step: '1', from: 3, inForce: 3.1, until: 6, recoverySeconds: 0.2 },
  ...{ requestedSeconds: 3, proofs: [proof('before'), proof('during'), proof('after')] },
};
const ORDINARY: MadeInit = { peers: some(6, 'peer'), downloads: 60, failsEvery: 7, faults: [FAULT], samplesOfEach: 20 };

test('the report of a real run asks for nothing, and shows verdict, expectations, transfers and faults', async () => {
  const results = mkdtempSync(path.join(tmpdir(), 'real-'));
  await promisify(execFile)(LAB, ['run', 'seeder-dies', '--driver', 'process', '--results', results]);
  const folder = path.join(results, 'latest');
  const { page, requests, trouble } = await open(path.join(folder, 'report.html'));
  const result: Result = JSON.parse(readFileSync(path.join(folder, 'result.json'), 'utf8'));
  expect(await page.locator('.verdict').textContent()).toContain(result.reason);
  const expectations = page.locator('#expectations tbody tr');
  expect(await expectations.count()).toBe(result.expectations.length);
  expect(await expectations.filter({ hasText: 'steps.fetch.transfers.ok' }).textContent()).toMatch(/24.*== 24/);
  expect(await page.locator('#checks tbody tr').count()).toBe(result.checks.length);
  expect(await page.locator('#transfers .cell').count()).toBeGreaterThan(5);
  expect(await page.locator('#faults').textContent()).toMatch(/kill dying-\d/);
  expect(await page.locator('#peers table').first().locator('tbody tr').count()).toBe(result.peers);
  expect([requests, trouble]).toEqual([[], []]);
});

describe('hostile texts', () => {
  const HOSTILE = [
    `<img src=x onerror=alert(1)>`,
    `</script><script>alert(2)</script>`,
    `<!--<script>`,
    `"><svg onload=alert(3)>`,
    `javascript:alert(4)`,
    `\u202etxt.exe\u2066\u001b[2J\u0000`,
    `{{constructor.constructor('alert(5)')()}}`,
    'x'.repeat(65_536),
  ];
  const hostile = (n: number) => HOSTILE[n % HOSTILE.length] as string;

  test('are text: nothing runs, nothing is asked for', async () => {
    const peers = HOSTILE.map((text, n) => `${n} ${text}`);
    const fault = { ...FAULT, who: hostile(0), proofs: [{ ...proof('during'), seen: hostile(1) }] };
    const init: MadeInit = { peers, downloads: 40, file: hostile, label: hostile(0), failsEvery: 3, faults: [fault] };
    const file = await made({ ...init, message: hostile(1) }, (result) => {
      Object.assign(result, { scenario: hostile(1), description: hostile(0), reason: hostile(3), look: hostile(4) });
      result.expectations.push({ expression: `${hostile(0)} == 1`, actual: 1, ok: false, example: hostile(1) });
      result.checks.push({ name: hostile(3), verdict: 'fail', reason: hostile(0), details: [hostile(1), hostile(5)] });
      result.artifacts[hostile(0)] = hostile(1);
      result.leftovers.push(hostile(0));
    });
    const { page, requests, trouble } = await open(file);
    for (const summary of await page.locator('summary').all()) await summary.click();
    expect(await page.title()).toContain('</script>');
    expect(await page.locator('main img, main script, [onerror], [onload], a[href^="javascript:"]').count()).toBe(0);
    const text = (await page.locator('main').textContent()) ?? '';
    expect(text).toContain('<img src=x onerror=alert(1)>');
    expect(text).toContain('</script><script>alert(2)</script>');
    expect(text).toContain('\\u{202e}txt.exe\\u{2066}\\u{1b}[2J\\u{0}');
    // What is not to be obeyed is in no text and no attribute, not even unseen.
    expect(await page.locator('#page').innerHTML()).not.toMatch(/\p{Bidi_Control}|\p{Cc}(?<!\n)/u);
    expect([requests, trouble]).toEqual([[], []]);
  });

  test('that got in as elements would be stopped by the policy of the page', async () => {
    const file = await made(ORDINARY);
    const broken = file.replace('.html', '-broken.html');
    const injected = '<img src="https://example.invalid/x"><script>document.title = "taken"</script><main id="main">';
    writeFileSync(broken, readFileSync(file, 'utf8').replace('<div id="page">', `${injected}<div id="page">`));
    const { page, requests, trouble } = await open(broken);
    expect(await page.title()).not.toBe('taken');
    // The browser tells of requests that it then does not make.
    expect(requests).toEqual(['csp']);
    expect(trouble.join()).toContain('Content Security Policy');
  });
});

describe('a table', () => {
  test('sorts by each column, both ways', async () => {
    const { page } = await open(await made(ORDINARY));
    const names = () => page.locator('#peers table').first().locator('tbody th').allTextContents();
    const head = page.locator('#peers thead th', { hasText: 'Peer' }).first();
    expect(await names()).toEqual(some(6, 'peer'));
    await head.getByRole('button').click();
    expect(await head.getAttribute('aria-sort')).toBe('ascending');
    await head.getByRole('button').press('Enter');
    expect(await head.getAttribute('aria-sort')).toBe('descending');
    expect(await names()).toEqual(some(6, 'peer').reverse());
  });

  test('is filtered by words in any of its cells, and says how many rows are left', async () => {
    const { page } = await open(await made({ ...ORDINARY, peers: some(30, 'peer') }));
    await page.locator('#peers input').fill('leechers PEER-2');
    expect(await page.locator('#peers table').first().locator('tbody th').allTextContents()).toEqual([
      ...['peer-2', 'peer-20', 'peer-21', 'peer-22', 'peer-23', 'peer-24', 'peer-25', 'peer-26', 'peer-27', 'peer-28'],
      'peer-29',
    ]);
    expect(await page.locator('#peers [role=status]').first().textContent()).toBe('11 of 30 rows');
  });

  test('is copied as it is shown, in cells', async () => {
    const { page } = await open(await made(ORDINARY), { permissions: ['clipboard-read', 'clipboard-write'] });
    await page.locator('#operations .copy').first().click();
    await page.locator('#operations .said', { hasText: 'copied' }).waitFor();
    const lines = (await page.evaluate<string>('navigator.clipboard.readText()')).split('\n');
    expect(lines[0]).toBe('Operation\tCount\tFailed\tp50\tp95\tp99\tmax');
    expect(lines[1]).toMatch(/^download\t60\t9\t/);
  });
});

test('a run is played again: the network at any moment, and what a peer had then', async () => {
  const { page, requests, trouble } = await open(await made(ORDINARY));
  const slider = page.locator('.transport input[type=range]');
  const clock = () => page.locator('.clock').textContent();
  await slider.fill('0');
  expect(await clock()).toBe('0 ms of 20 s');
  await page.locator('.transport button').first().click();
  await expect.poll(clock).not.toBe('0 ms of 20 s');
  await page.locator('.transport button').first().click();
  const box = await page.locator('.canvases').boundingBox();
  if (!box) throw new Error('the network is not there');
  // Somewhere among the peers: which of them it is depends on the width of the page.
  await page.mouse.move(0, 0);
  for (let x = 0.1; x < 1 && !(await page.locator('.panel').isVisible()); x += 0.05)
    await page.locator('.canvases').click({ position: { x: x * box.width, y: 0.6 * box.height } });
  expect(await page.locator('.panel h3').textContent()).toMatch(/^peer-\d$/);
  expect([requests, trouble]).toEqual([[], []]);
});

test('language and colours follow the browser until somebody chooses', async () => {
  const file = await made(ORDINARY);
  const { page } = await open(file, { locale: 'es-AR', colorScheme: 'dark' });
  const ground = () => page.evaluate<string>('getComputedStyle(document.body).backgroundColor');
  const heading = () => page.locator('#expectations h2').textContent();
  expect([await heading(), await page.locator('html').getAttribute('lang')]).toEqual(['Expectativas', 'es']);
  const dark = await ground();
  await page.locator('select').nth(0).selectOption('de');
  await page.locator('select').nth(1).selectOption('light');
  expect(await heading()).toBe('Erwartungen');
  expect(await ground()).not.toBe(dark);
});

test.each(['en-GB', 'de-DE', 'es-ES'])(
  'the links to all parts stand side by side at 1,280 pixels: %s',
  async (locale) => {
    const { page } = await open(await made(ORDINARY), { locale, viewport: { width: 1280, height: 800 } });
    expect(await page.locator('.top nav a').count()).toBe(9);
    expect(await page.locator('.top nav').evaluate((nav) => nav.scrollWidth - nav.clientWidth)).toBe(0);
  },
);

describe.each(['light', 'dark'] as const)('in %s colours', (colorScheme) => {
  test.each([1280, 390])(
    'axe finds nothing serious, and nothing is wider than a screen of %i pixels',
    async (width) => {
      const { page } = await open(await made(ORDINARY), { colorScheme, viewport: { width, height: 800 } });
      for (const summary of await page.locator('summary').all()) await summary.click();
      await mustBeAccessible(page);
    },
  );
});

test('on a phone, what was wanted and what came is seen without scrolling, and so are proofs', async () => {
  const file = await made(ORDINARY, ({ expectations }) => {
    const example = 'download of peer-2 failed: the other peer does not answer, and so it went on '.repeat(3);
    expectations.push({ expression: 'operations.download.latency.p95 < 2', actual: 2.5, ok: false, example });
  });
  const { page } = await open(file, { viewport: { width: 390, height: 800 } });
  const row = page.locator('#expectations tbody tr');
  expect(await row.textContent()).toContain('2.5 s');
  // A limit without a unit is in that of its figure.
  expect(await row.textContent()).toContain('< 2 s');
  for (const cell of await page.locator('#expectations tbody > tr > *, #faults tbody > tr > *').all()) {
    const box = await cell.boundingBox();
    expect(box && box.x >= 0 && box.x + box.width <= 390).toBe(true);
  }
  expect(await page.locator('#faults tbody tr').count()).toBe(3);
});

test('who was killed, and did not come back, ended by that', async () => {
  const { until: _, ...rest } = FAULT;
  const killed: FaultRecord = { ...rest, kind: 'kill' };
  const { page } = await open(await made({ ...ORDINARY, faults: [killed] }));
  const rows = page.locator('#peers table').first().locator('tbody tr');
  expect(await rows.filter({ hasText: 'peer-2' }).textContent()).toContain('ended by a fault (kill)');
  expect(await rows.filter({ hasText: 'peer-3' }).textContent()).not.toContain('fault');
});

interface Violation {
  id: string;
  impact: string;
  nodes: { html: string }[];
}

test('it prints on A4: light, whole, and without what is for screens', async () => {
  const { page } = await open(await made(ORDINARY), { colorScheme: 'dark' });
  await page.emulateMedia({ media: 'print' });
  expect(await page.evaluate<string>('getComputedStyle(document.body).backgroundColor')).toBe('rgb(255, 255, 255)');
  expect(await page.locator('.switches').isVisible()).toBe(false);
  expect(await page.locator('#peers table').first().isVisible()).toBe(true);
  const pdf = await page.pdf({ preferCSSPageSize: true });
  const pages = [...pdf.toString('latin1').matchAll(/\/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]/g)];
  expect(pages.length).toBeGreaterThan(1);
  for (const [, width, height] of pages) {
    expect(Number(width)).toBeCloseTo(595, -1);
    expect(Number(height)).toBeCloseTo(842, -1);
  }
});

test('what a run cost is told in the unit of each figure', async () => {
  const { page } = await open(await made({ peers: some(2, 'peer'), downloads: 1 }));
  const told = (name: string) => page.locator('#environment dt', { hasText: name }).locator('+ dd').textContent();
  expect(await told('Processor time of the lab')).toBe('2 s');
  expect(await told('Memory of the lab')).toBe('3 MiB');
  expect(await told('waited for a processor')).toMatch(/^9[56](\.\d)?%$/);
});

test('a run with more than a page can hold has a report all the same, which says what is not in it', async () => {
  const names = (n: number) => `${n} ${'name '.repeat(20)}`;
  const file = await made({
    peers: some(100, 'peer'),
    downloads: 30_000,
    file: names,
    failsEvery: 3,
    samplesOfEach: 300,
  });
  expect(readFileSync(file).length).toBeLessThan(MAX_PAGE_BYTES);
  const { page, trouble } = await open(file);
  const notes = await page.locator('#environment .note').allTextContents();
  expect(notes.join('\n')).toMatch(/[\d,]+ of 30,000 operations are on this page; events\.ndjson has all/);
  expect(notes.join('\n')).toMatch(/[\d,]+ of 30,000 samples/);
  expect(trouble).toEqual([]);
});

test('the report of a suite shows what needs a look first, and leads to the reports of its runs', async () => {
  const line = { seconds: 3, reason: '<b>why</b>', report: undefined, result: undefined };
  const html = await filled(await beginPage(), 'suite', {
    ...{ kind: 'suite', name: 'quick', description: 'All of it?' },
    lines: [
      { ...line, name: 'good', outcome: 'ok', report: '../abc/report.html' },
      { ...line, name: 'bad', outcome: 'failed' },
      { ...line, name: 'left', outcome: 'not run' },
    ],
  });
  const file = path.join(mkdtempSync(path.join(tmpdir(), 'suite-')), 'report.html');
  writeFileSync(file, html);
  const { page, requests, trouble } = await open(file);
  expect(await page.locator('.card h2').allTextContents()).toEqual(['✘ failed bad', '? not run left']);
  expect(await page.locator('.card').first().textContent()).toContain('<b>why</b>');
  expect(await page.locator('#runs a').getAttribute('href')).toBe('../abc/report.html');
  expect([requests, trouble]).toEqual([[], []]);
});

test.each([
  ['light', 1280],
  ['dark', 390],
] as const)(
  'the report of a check of a peer has what is broken first, in %s colours at %i pixels',
  async (colorScheme, width) => {
    const rule = { group: 'control', is: 'It answers.', section: 'DownloadFile (**must**)', hint: 'Look.' };
    const folder = mkdtempSync(path.join(tmpdir(), 'conformance-'));
    const came = '<img src=x onerror=alert(1)>';
    const flaw = await writePage(
      folder,
      'a peer: fail',
      {
        ...{
          kind: 'conformance',
          tested: 'python3 <b>peer.py</b>',
          driver: 'process',
          verdict: 'fail',
          reason: '1 of 2.',
        },
        rules: [
          { ...rule, id: 'control.health', level: 'must', outcome: 'kept' },
          { ...rule, id: 'trees.right', level: 'should', outcome: 'not brought', why: 'UNIMPLEMENTED' },
          {
            ...rule,
            id: 'metrics.zero',
            level: 'should',
            outcome: 'broken',
            evidence: { asked: 'a', expected: '0', came },
          },
          { ...rule, id: 'end.sigterm', level: 'must', outcome: 'not seen', why: 'the machine was busy' },
          {
            ...rule,
            id: 'control.token',
            level: 'must',
            outcome: 'broken',
            evidence: { asked: 'b', expected: '401', came },
          },
        ],
      },
      beginPage(),
    );
    expect(flaw).toBeUndefined();
    const options = { colorScheme, viewport: { width, height: 800 } };
    const { page, requests, trouble } = await open(path.join(folder, 'report.html'), options);
    expect(await page.locator('.card h2').allTextContents()).toEqual([
      '✘ broken control.token must',
      '? broken metrics.zero should',
      '? not seen end.sigterm must',
    ]);
    expect(await page.locator('.card').first().textContent()).toContain(came);
    expect(await page.locator('.card').first().textContent()).toContain('docs/peer-contract.md, "DownloadFile (must)"');
    expect(await page.locator('#rules tbody tr').count()).toBe(5);
    await mustBeAccessible(page);
    expect([requests, trouble]).toEqual([[], []]);
  },
);
