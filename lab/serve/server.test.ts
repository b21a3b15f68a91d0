import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { ResultsFolder } from '../history/results-folder.ts';
import { type PageServerInit, startPageServer } from './server.ts';

const FACTS = {
  ...{ runId: 'r1', scenario: 'try', description: 'd', driver: 'process', seed: 1, leaseSeconds: 30 },
  ...{ startedAt: '2026-01-01T00:00:00.000Z', setupSeconds: 1, durationSeconds: 1, planned: 0, steps: [] },
  ...{ completed: false, observations: [], stallSeconds: 0, resources: {}, artifacts: {}, exits: [] },
  ...{ trouble: [], leftovers: [], peers: [{ name: 'a-1', group: 'a' }] },
};
const NOTE = `${JSON.stringify({ kind: 'note', at: 0, text: '<img src=x onerror=alert(1)></script>\u202e' })}\n`;
const SECRET = 'what is outside';
const TOKEN = 'a-token-that-is-long-enough';

/** A results folder with one run that is cut off, and things that must not be seen. */
function resultsOf(): string {
  const around = mkdtempSync(path.join(tmpdir(), 'peerlab-serve-'));
  onTestFinished(() => rmSync(around, { recursive: true }));
  writeFileSync(path.join(around, 'result.json'), SECRET);
  const results = path.join(around, 'results');
  const folder = ResultsFolder.create(results, 'r1');
  writeFileSync(folder.file('run.json'), JSON.stringify(FACTS));
  writeFileSync(folder.file('timeline.ndjson'), NOTE);
  writeFileSync(path.join(folder.logs, 'a-1.log'), 'one\ntwo\nthree\n');
  writeFileSync(path.join(folder.path, '.hidden'), SECRET);
  writeFileSync(path.join(folder.path, 'notes.txt'), SECRET);
  symlinkSync('../../result.json', folder.file('summary.md'));
  symlinkSync(around, path.join(results, 'out'));
  mkdirSync(path.join(results, 'r2'));
  symlinkSync(folder.logs, path.join(results, 'r2', 'logs'));
  return results;
}

async function serving(init: Partial<PageServerInit> = {}) {
  const server = await startPageServer({ results: resultsOf(), host: '127.0.0.1', port: 0, ...init });
  onTestFinished(() => server.close());
  const port = Number(new URL(server.url).port);
  /** As it is written: `fetch` would tidy up paths, and choose headers by itself. */
  const ask = (asked: string, headers: Record<string, string> = {}, method = 'GET') =>
    new Promise<{ status: number; headers: NodeJS.Dict<string | string[]>; body: string }>((resolve, reject) => {
      const sent = request({ host: '127.0.0.1', port, path: asked, method, headers, agent: false }, (answer) => {
        let body = '';
        answer.on('data', (part) => {
          body += part;
          // A run that is not judged has no end.
          if (body.includes('\nevent: events')) sent.destroy();
        });
        answer.on('close', () => resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body }));
      });
      sent.on('error', reject);
      sent.end();
    });
  const status = async (...args: Parameters<typeof ask>) => (await ask(...args)).status;
  return { server, port, ask, status };
}

test('runs are listed, and told from the beginning or from a place', async () => {
  const { ask } = await serving();
  const { body, headers } = await ask('/runs.json');
  expect(headers['content-type']).toBe('application/json; charset=utf-8');
  expect(JSON.parse(body)).toEqual({
    runs: [
      {
        ...{ id: 'r1', state: 'cut-off', scenario: 'try', driver: 'process', peers: 1, hasReport: false },
        startedAt: FACTS.startedAt,
      },
    ],
    ...{ suites: [], more: 0 },
  });
  const told = (await ask('/runs/r1/events')).body;
  expect(told).toMatch(
    /event: begin\n[\s\S]*event: state\ndata: \{"state":"cut-off"\}\n[\s\S]*event: events\nid: \d+(\.0){6}\n/,
  );
  expect(told).toContain(JSON.stringify(JSON.parse(NOTE)));
});

test('of a run, its files by their names are there, and their ends', async () => {
  const { ask, status } = await serving();
  expect((await ask('/results/r1/logs/a-1.log')).body).toBe('one\ntwo\nthree\n');
  expect((await ask('/results/r1/logs/a-1.log?tail=6')).body).toBe('three\n');
  expect((await ask('/results/r1/logs/a-1.log?tail=-5')).body).toBe('');
  const { headers } = await ask('/results/r1/timeline.ndjson');
  expect(headers).toMatchObject({ 'content-type': 'text/plain; charset=utf-8', 'x-content-type-options': 'nosniff' });
  expect(headers['content-security-policy']).toContain("default-src 'none'");
  expect((await ask('/results/r1/logs/a-1.log', {}, 'HEAD')).body).toBe('');
  expect(await status('/runs/latest')).toBe(302);
});

test.each([
  ...['/results/r1/../../result.json', '/results/../result.json', '/results/%2e%2e/result.json'],
  ...['/results/r1/..%2f..%2fresult.json', '/results/r1%2f..%2f..%2f/result.json', '/results/r1/summary.md'],
  ...['/results/out/result.json', '/results/r2/logs/a-1.log', '/results/latest/logs/a-1.log', '/results/r1/.hidden'],
  ...['/results/r1/notes.txt', '/results/r1/logs/..%2f..%2f..%2fresult.json', '/results/r1/logs/%00.log'],
  ...['/results/r1/logs', '/results/r1/', '/results/', '/results/r1//logs/a-1.log', '/runs/..%2f..%2fetc/events'],
  ...[
    '/runs/out/events/',
    '/runs/nobody',
    '/runs/nobody/events',
    '/etc/passwd',
    '/%ff',
    '//evil.example/x',
    '/runs/r1/x',
  ],
])('%s leads nowhere', async (asked) => {
  const { ask } = await serving();
  const { status, body } = await ask(asked);
  expect([400, 404]).toContain(status);
  expect(body).not.toContain(SECRET);
  expect(body).not.toContain('one\ntwo');
});

test('only reading, and only for pages of this server under a name of its own', async () => {
  const { status, port } = await serving();
  for (const method of ['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'])
    expect(await status('/runs.json', {}, method)).toBe(405);
  const own = [`127.0.0.1:${port}`, `localhost:${port}`, 'LOCALHOST', '[::1]:80', '127.9.9.9'];
  const foreign = [
    'evil.example',
    `evil.example:${port}`,
    'localhost.evil.example',
    '10.0.0.1',
    '127.0.0.1.evil.example',
  ];
  for (const host of own) expect([host, await status('/runs.json', { host })]).toEqual([host, 200]);
  for (const host of foreign) expect([host, await status('/runs.json', { host })]).toEqual([host, 403]);
  const host = own[0] as string;
  expect(await status('/runs.json', { host, origin: `http://${host}` })).toBe(200);
  for (const origin of ['http://evil.example', `https://${host}`, 'null', 'http://127.0.0.1:1'])
    expect(await status('/runs.json', { host, origin })).toBe(403);
});

test('beyond this machine only with a token, which goes from the address into a cookie', async () => {
  const beyond = { results: resultsOf(), host: '0.0.0.0', port: 0 };
  await expect(startPageServer(beyond)).rejects.toMatchObject({ code: 'bad-setting' });
  await expect(startPageServer({ ...beyond, token: 'short' })).rejects.toMatchObject({ code: 'bad-setting' });
  const { ask, status } = await serving({ host: '0.0.0.0', token: TOKEN });
  expect(await status('/runs.json')).toBe(401);
  expect(await status('/runs.json?token=wrong')).toBe(401);
  const { status: moved, headers } = await ask(`/runs.json?token=${TOKEN}&x=1`);
  expect([moved, headers.location]).toEqual([303, '/runs.json?x=1']);
  expect(headers['set-cookie']).toEqual([`peerlab=${TOKEN}; Path=/; HttpOnly; SameSite=Strict`]);
  expect(await status('/runs.json', { cookie: `a=b; peerlab=${TOKEN}` })).toBe(200);
  expect(await status('/runs.json', { cookie: 'peerlab=%' })).toBe(401);
  expect(await status('/runs.json', { authorization: `Bearer ${TOKEN}` })).toBe(200);
  expect(await status('/runs.json', { authorization: `Bearer ${TOKEN}`, host: 'evil.example' })).toBe(403);
});

/** One who looks on, and is in when the server has answered. */
function visitorOf(port: number, run: string) {
  const socket = connect(port, '127.0.0.1');
  socket.write(`GET /runs/${run}/events HTTP/1.1\r\nHost: localhost\r\n\r\n`);
  onTestFinished(() => void socket.destroy());
  return { socket, isIn: new Promise((resolve) => socket.once('data', resolve)) };
}

test('large headers are refused; visitors are bounded, and make room when they leave', async () => {
  const { port, status } = await serving();
  expect(await status('/runs.json', { 'x-large': 'x'.repeat(20_000) })).toBe(431);
  const visitors = Array.from({ length: 64 }, () => visitorOf(port, 'r1'));
  await Promise.all(visitors.map(({ isIn }) => isIn));
  expect(await status('/runs/r1/events')).toBe(503);
  visitors[0]?.socket.destroy();
  await expect.poll(() => status('/runs/r1/events')).toBe(200);
});

test('who does not read is cut off with a bounded part waiting, and goes on from there', async () => {
  const results = resultsOf();
  const note = (n: number) => `${JSON.stringify({ kind: 'note', at: n, text: `note ${n} ${'x'.repeat(1000)}` })}\n`;
  const count = 30_000;
  writeFileSync(path.join(results, 'r1', 'timeline.ndjson'), Array.from({ length: count }, (_, n) => note(n)).join(''));
  const { port, status } = await serving({ results, patienceMs: 500 });
  // With them, there is room for one more: whether that one is still in can be asked.
  await Promise.all(Array.from({ length: 63 }, () => visitorOf(port, 'r2').isIn));
  const isFull = () => status('/runs/r2/events', {}, 'HEAD').then((answer) => answer === 503);
  /** @param reads when it begins to */
  const visit = (from: string | undefined, reads: Promise<unknown>) =>
    new Promise<string>((resolve) => {
      const socket = connect(port, '127.0.0.1');
      onTestFinished(() => void socket.destroy());
      socket.pause();
      const last = from === undefined ? '' : `Last-Event-ID: ${from}\r\n`;
      socket.write(`GET /runs/r1/events HTTP/1.1\r\nHost: localhost\r\n${last}\r\n`);
      void reads.then(() => socket.resume());
      const parts: string[] = [];
      socket.setEncoding('utf8').on('data', (part) => {
        parts.push(`${part}`);
        if (
          parts
            .slice(-2)
            .join('')
            .includes(`note ${count - 1} `)
        )
          socket.destroy();
      });
      socket.on('error', () => {});
      socket.on('close', () => resolve(parts.join('')));
    });
  const heard = (said: string) => [...said.matchAll(/"text":"note (\d+) /g)].map(([, n]) => Number(n));
  const cutOff = async () => {
    await expect.poll(isFull, { timeout: 10_000 }).toBe(true);
    await expect.poll(isFull, { timeout: 20_000 }).toBe(false);
  };
  const first = await visit(undefined, cutOff());
  const place = [...first.matchAll(/^id: (\S+)\n(?=data: .*\n\n)/gm)].at(-1)?.[1];
  const whole = heard(first.slice(0, first.lastIndexOf('\n\n')));
  expect(whole.length).toBeGreaterThan(0);
  // What the kernel holds for a connection is not ours to bound: it is a few megabytes of thirty.
  expect(whole.length).toBeLessThan(count / 2);
  const rest = heard(await visit(place, Promise.resolve()));
  expect(rest[0]).toBe((whole.at(-1) as number) + 1);
  expect(rest.at(-1)).toBe(count - 1);
  expect(rest).toHaveLength(count - whole.length);
});
