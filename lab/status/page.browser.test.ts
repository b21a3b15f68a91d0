import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { expect, onTestFinished, test } from 'vitest';
import { startBrowser } from '../../dev/browser.ts';
import { startLab, writeScenario } from '../end-to-end.ts';
import { createStatusServer } from './server.ts';

/** The page of a network that stands, as a class has it: the live page of a run that plays elsewhere. */

const TOKEN = 'classroom';

async function startPage(): Promise<string> {
  const results = mkdtempSync(`${tmpdir()}/copies-`);
  const look = async () => ({ peers: [], directory: { peersOnline: 0, files: 0 } });
  const server = await createStatusServer({ token: TOKEN, results, look });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
    rmSync(results, { recursive: true, force: true });
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test('a run is watched while it goes on, and judged at its end; the token is not in its address', async () => {
  const url = await startPage();
  const scenario = writeScenario(
    '[{login: all}, {freeze: {group: s, for: 3s}}, {download: l}, {logout: all}]',
    '[transfers.ok == 2]',
  );
  const env = { PEERLAB_STATUS_URL: url, PEERLAB_STATUS_TOKEN: TOKEN };
  const run = startLab([scenario, '--driver', 'process'], env);
  await run.says('Step 1/4');
  const browser = await startBrowser();
  onTestFinished(() => browser.close());
  const page = await browser.newPage({ locale: 'en-US' });
  const trouble: string[] = [];
  page.on('pageerror', ({ message }) => trouble.push(message));
  page.on('request', (request) => void (request.url().startsWith(url) || trouble.push(request.url())));
  await page.goto(`${url}/?token=${TOKEN}`);
  // The page asks for itself again until the run is there.
  await page.getByRole('link', { name: 'Watch it' }).click({ timeout: 20_000 });
  await page.locator('.state.running').waitFor();
  expect(page.url()).toMatch(/\/runs\/[0-9a-f]+$/);
  await page.locator('.happenings li', { hasText: 'freeze s-1' }).first().waitFor({ timeout: 20_000 });
  await page.locator('.verdict.pass').waitFor({ timeout: 60_000 });
  const { code, output } = await run.ended;
  expect(code, output).toBe(0);
  await page.getByRole('link', { name: 'Report' }).click();
  await page.locator('.verdict.pass').waitFor();
  expect(trouble.filter((one) => one !== 'data:,')).toEqual([]);
});
