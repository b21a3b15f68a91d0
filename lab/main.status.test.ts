import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { startLab, writeScenario } from './end-to-end.ts';

const PAGE = fileURLToPath(new URL('status/main.ts', import.meta.url));

async function startPage(token: string): Promise<{ child: ChildProcess; url: string }> {
  const env = { PATH: process.env.PATH, PEERLAB_STATUS_PORT: '0', PEERLAB_STATUS_TOKEN: token };
  const child = spawn(process.execPath, [PAGE], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  for await (const line of createInterface({ input: child.stdout })) {
    const url = /(http:\S+?)\/?$/.exec(line)?.[1];
    if (url) return { child, url };
  }
  throw new Error('the page ended');
}

test('a run with a page to report to: the page has its operations and its verdict, and ends when it is told to', async () => {
  const { child, url } = await startPage('t');
  const scenario = writeScenario('[{login: all}, {download: l}, {logout: all}]', '[transfers.ok == 2]');
  const env = { PEERLAB_STATUS_URL: url, PEERLAB_STATUS_TOKEN: 't' };
  const { code, output } = await startLab([scenario, '--driver', 'process'], env).ended;
  expect({ code, output }).toMatchObject({ code: 0, output: expect.stringContaining('PASS') });
  const { runs } = (await (await fetch(`${url}/status?token=t`)).json()) as { runs: unknown };
  expect(runs).toMatchObject([
    {
      scenario: 'try',
      peers: 2,
      verdict: 'pass',
      operations: { login: { ended: 2, failed: 0 }, download: { ended: 2 } },
    },
  ]);
  const [{ runId }] = runs as [{ runId: string }];
  const shown = (path: string) => fetch(`${url}${path}`, { headers: { authorization: 'Bearer t' } });
  expect(await (await fetch(`${url}/?token=t`)).text()).toContain(`<a href="/runs/${runId}">`);
  expect(await (await shown(`/runs/${runId}`)).text()).toContain('<title>PeerLab</title>');
  expect(await (await shown(`/results/${runId}/result.json`)).json()).toMatchObject({ verdict: 'pass' });
  expect(await (await shown(`/results/${runId}/report.html`)).text()).toContain('<title>try: pass</title>');
  expect((await shown(`/results/${runId}/logs/l-1.log`)).status).toBe(200);
  for (const path of [`/runs/${runId}`, `/runs/${runId}/events`, '/runs.json', `/results/${runId}/result.json`])
    expect((await fetch(`${url}${path}`)).status).toBe(401);
  const left = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  expect(await left).toBe(0);
});
