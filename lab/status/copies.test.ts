import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { ResultsFolder } from '../history/results-folder.ts';
import { Copies } from './copies.ts';
import { type CopyMessage, copyMessage } from './copy.ts';
import { CopyPost } from './copy-post.ts';

const RUN = '0123456789';

function folder(): string {
  const made = mkdtempSync(path.join(tmpdir(), 'copies-'));
  onTestFinished(() => rmSync(made, { recursive: true, force: true }));
  return made;
}

const message = (more: Partial<CopyMessage> = {}): CopyMessage => ({ runId: RUN, parts: [], wholes: [], ...more });
const part = (from: number, text: string) => ({ file: 'timeline.ndjson', from, text });

test('what follows what is there is added; what does not is told how much is there', () => {
  const root = folder();
  const copies = new Copies(root);
  expect(copies.isLive(RUN)).toBe(false);
  expect(copies.take(message({ parts: [part(0, 'a\n')] })).sizes).toMatchObject({ 'timeline.ndjson': 2 });
  expect(copies.isLive(RUN)).toBe(true);
  for (const [from, text, size] of [[0, 'a\n', 2] as const, [9, 'z\n', 2] as const, [2, 'é\n', 5] as const])
    expect(copies.take(message({ parts: [part(from, text)] })).sizes).toMatchObject({ 'timeline.ndjson': size });
  copies.take(message({ wholes: [{ file: 'logs/a-1.log', text: 'hello' }] }));
  expect(readFileSync(path.join(root, RUN, 'timeline.ndjson'), 'utf8')).toBe('a\né\n');
  expect(readFileSync(path.join(root, RUN, 'logs/a-1.log'), 'utf8')).toBe('hello');
});

test.each(['../x', 'logs/../../x.log', '/etc/passwd', 'logs/.hidden.log', 'other.txt', 'logs/a/b.log'])(
  'a file that no run leaves (%s) is refused',
  (file) => {
    const copies = new Copies(folder());
    const wholes = [{ file, text: 'x' }];
    expect(() => copies.take(message({ wholes }))).toThrow(expect.objectContaining({ code: 'bad-request' }));
  },
);

test('a run that is too large is refused, the oldest run makes room, and no other name is a run', () => {
  const copies = new Copies(folder());
  const text = 'x'.repeat(3 * 1024 * 1024);
  const fill = () => {
    for (let n = 0; n < 30; n++) copies.take(message({ wholes: [{ file: 'report.html', text }] }));
  };
  expect(fill).toThrow(expect.objectContaining({ code: 'body-too-large' }));
  const ids = ['aaaa', 'bbbb', 'cccc'];
  for (const runId of ids) copies.take(message({ runId }));
  expect([RUN, ...ids].filter((id) => copies.has(id))).toEqual(ids);
  for (const runId of ['..', 'a/b', '', 'latest'])
    expect(copyMessage.safeParse(message({ runId })).success).toBe(false);
});

/** A page that takes copies, and forgets all when it is told to; `isAway` closes its door. */
async function pageOf() {
  const state = { isAway: false, messages: [] as CopyMessage[], copies: new Copies(folder()) };
  const server = createServer(async (request, response) => {
    const parts = await Array.fromAsync(request as AsyncIterable<Buffer>);
    if (state.isAway) return void response.writeHead(503).end();
    const said = copyMessage.parse(JSON.parse(Buffer.concat(parts).toString()));
    state.messages.push(said);
    response.end(JSON.stringify(state.copies.take(said)));
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  onTestFinished(() => void server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const textOf = (file: string) =>
    state.messages.flatMap(({ parts }) => parts.filter((one) => one.file === file).map(({ text }) => text)).join('');
  return { state, url, textOf };
}

test('a run is shown as it grows, to a page that was away and to one that forgot', { timeout: 30_000 }, async () => {
  const { state, url, textOf } = await pageOf();
  const results = ResultsFolder.create(folder(), RUN);
  const said: string[] = [];
  const post = new CopyPost({ url, token: 't' }, results, (line) => said.push(line));
  const timeline = results.file('timeline.ndjson');
  writeFileSync(timeline, '1\n2\nhalf a li');
  post.start();
  await expect.poll(() => textOf('timeline.ndjson'), { timeout: 5000 }).toBe('1\n2\n');
  state.isAway = true;
  appendFileSync(timeline, 'ne\n3\n');
  await expect.poll(() => said, { timeout: 5000 }).toEqual([expect.stringContaining('status 503')]);
  state.isAway = false;
  state.copies = new Copies(folder());
  state.messages.length = 0;
  // What it says it has is nothing, so all comes again.
  await expect.poll(() => textOf('timeline.ndjson'), { timeout: 8000 }).toContain('1\n2\nhalf a line\n3\n');
  results.write('result.json', '{}');
  await post.finish();
  expect(state.messages.at(-1)?.wholes).toEqual([{ file: 'result.json', text: '{}' }]);
  expect(said).toHaveLength(1);
});

test('a page that is away holds up nobody for long', { timeout: 30_000 }, async () => {
  const results = ResultsFolder.create(folder(), RUN);
  const post = new CopyPost({ url: 'http://127.0.0.1:9', token: 't' }, results, () => {});
  post.start();
  const began = performance.now();
  await post.finish();
  expect(performance.now() - began).toBeLessThan(20_000);
});
