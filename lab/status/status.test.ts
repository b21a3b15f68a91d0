import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { RunEvent } from '../history/run-event.ts';
import { fullNames, lookAround, type NetworkState } from './network.ts';
import { PagePost } from './page-post.ts';
import { createStatusServer } from './server.ts';
import { pageOf, statusSettings } from './settings.ts';

const TOKEN = 'page-token';

async function listening(server: ReturnType<typeof createServer>, port = 0): Promise<string> {
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const QUIET: NetworkState = { peers: [], directory: { peersOnline: 0, files: 0 } };

async function pageWith(state: NetworkState = QUIET): Promise<string> {
  const results = mkdtempSync(path.join(tmpdir(), 'copies-'));
  onTestFinished(() => rmSync(results, { recursive: true, force: true }));
  return listening(await createStatusServer({ token: TOKEN, look: async () => state, results }));
}

const began = {
  kind: 'run-began',
  at: 0,
  run: { runId: 'r1', scenario: 'classroom', driver: 'standing', peers: ['a', 'b'], startedAt: '2026-01-01T00:00:00Z' },
} as unknown as RunEvent;
const ended = (outcome: string) =>
  ({ kind: 'operation-ended', at: 1, operation: { operation: 'download', outcome } }) as unknown as RunEvent;

test('a run is told while it goes, and its verdict at its end; the page shows both', async () => {
  const url = await pageWith();
  const said: string[] = [];
  const post = new PagePost({ url, token: TOKEN }, (line) => said.push(line));
  const runs = async () => ((await (await fetch(`${url}/status?token=${TOKEN}`)).json()) as { runs: unknown }).runs;
  post.take(began);
  for (const outcome of ['ok', 'failed', 'ok']) post.take(ended(outcome));
  await expect.poll(runs).toMatchObject([{ scenario: 'classroom', doing: 'beginning' }]);
  await post.judged({ verdict: 'pass', reason: 'all is well' });
  expect(await runs()).toMatchObject([
    { runId: 'r1', operations: { download: { ended: 3, failed: 1 } }, verdict: 'pass', reason: 'all is well' },
  ]);
  const html = await (await fetch(`${url}/?token=${TOKEN}`)).text();
  expect(html).toContain('PASS');
  expect(html).toContain('<tr><td>download<td class="n">2<td class="n">1');
  expect(said).toEqual([]);
});

test('a page that is away, or refuses, holds up nobody, and is said once', { timeout: 30_000 }, async () => {
  const url = await pageWith();
  const said: string[] = [];
  const post = new PagePost({ url, token: 'another' }, (line) => said.push(line));
  post.take(began);
  post.take(ended('ok'));
  await post.judged({ verdict: 'pass', reason: '' });
  expect(said).toEqual([
    'The status page can not be told: it answered with status 401',
    'The status page was not told of the verdict: it answered with status 401',
  ]);
});

test('without the token nothing is seen and nothing is taken; health is for all', async () => {
  const url = await pageWith();
  const status = async (path: string, init?: RequestInit) => (await fetch(url + path, init)).status;
  expect(await status('/healthz')).toBe(200);
  expect(await status('/')).toBe(401);
  expect(await status('/?token=wrong')).toBe(401);
  expect(await status('/status')).toBe(401);
  expect(await status('/runs', { method: 'POST', body: '{}' })).toBe(401);
  expect(await (await fetch(url)).text()).toContain('?token=');
  const authorization = `Bearer ${TOKEN}`;
  expect(await status('/status', { headers: { authorization } })).toBe(200);
  expect(await status('/runs', { method: 'POST', body: '{}', headers: { authorization } })).toBe(400);
  expect(await status('/runs', { method: 'POST', body: 'x'.repeat(100_000), headers: { authorization } })).toBe(413);
  expect(await status('/nothing', { headers: { authorization } })).toBe(404);
});

test('foreign text is shown, not obeyed', async () => {
  const url = await pageWith({ ...QUIET, trouble: '<script>alert(1)</script>\u001b[2J' });
  const answer = await fetch(`${url}/?token=${TOKEN}`);
  expect(answer.headers.get('content-security-policy')).toContain("default-src 'none'");
  const html = await answer.text();
  expect(html).toContain('&lt;script&gt;');
  expect(html).not.toContain('\u001b');
});

test('peers are asked one by one, in order of their numbers; who does not answer is there, with the reason', async () => {
  const metrics = `# TYPE peerlab_logged_in gauge
peerlab_logged_in 1
peerlab_share_files 3
peerlab_share_bytes 2048
peerlab_transfer_bytes_total{direction="received"} 10
peerlab_transfer_bytes_total{direction="sent"} 20
peerlab_directory_peers_online 2
peerlab_directory_files_indexed 6
`;
  const url = await listening(createServer((_, response) => response.end(metrics)));
  const port = Number(new URL(url).port);
  const place = (name: string, at: number) => ({ name, host: '127.0.0.1', port: at });
  const find = async () => [place('peers-10', port), place('peers-2', port), place('peers-1', 9)];
  expect(await lookAround({ peers: 'x', directory: url }, find)).toEqual({
    peers: [
      expect.objectContaining({ name: 'peers-1', trouble: expect.stringContaining('ECONNREFUSED'), loggedIn: false }),
      { name: 'peers-2', loggedIn: true, files: 3, bytes: 2048, received: 10, sent: 20 },
      { name: 'peers-10', loggedIn: true, files: 3, bytes: 2048, received: 10, sent: 20 },
    ],
    directory: { peersOnline: 2, files: 6 },
  });
  const lost = await lookAround({ peers: 'x', directory: 'http://127.0.0.1:9' }, async () => {
    throw new Error('no DNS');
  });
  expect(lost).toMatchObject({ peers: [], trouble: 'no DNS', directory: { trouble: expect.any(String) } });
});

test('names are completed from the search list, as everybody else in a pod does it', () => {
  const file = 'nameserver 10.96.0.10\nsearch a.svc.cluster.local svc.cluster.local\noptions ndots:5\n';
  expect(fullNames('_control._tcp.peers', file)).toEqual([
    '_control._tcp.peers.a.svc.cluster.local',
    '_control._tcp.peers.svc.cluster.local',
    '_control._tcp.peers',
  ]);
  expect(fullNames('x.', file)).toEqual(['x.']);
  expect(fullNames('x', '')).toEqual(['x']);
});

test('settings', () => {
  expect(statusSettings({ PEERLAB_STATUS_TOKEN: 't' })).toMatchObject({
    port: 8080,
    directory: 'http://directory:5000',
  });
  expect(() => statusSettings({})).toThrow('PEERLAB_STATUS_TOKEN');
  expect(() => statusSettings({ PEERLAB_STATUS_TOKEN: 't', PEERLAB_STATUS_PORT: 'x' })).toThrow('a port');
  expect(pageOf({})).toBeUndefined();
  expect(pageOf({ PEERLAB_STATUS_URL: 'http://lab:8080/', PEERLAB_STATUS_TOKEN: 't' })?.url).toBe('http://lab:8080');
  expect(() => pageOf({ PEERLAB_STATUS_URL: 'lab', PEERLAB_STATUS_TOKEN: 't' })).toThrow('PEERLAB_STATUS_URL');
});
