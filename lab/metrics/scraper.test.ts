import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import type { Instance } from '../drivers/driver.ts';
import { whyUnreadable } from './prometheus-text.ts';
import { Scraper } from './scraper.ts';

/** An instance whose metrics are these texts, one after the other. */
async function saying(...texts: string[]): Promise<Instance> {
  const server = http.createServer((_, response) => void response.end(texts.length > 1 ? texts.shift() : texts[0]));
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  return { name: 'a-1', url: `http://127.0.0.1:${port}` } as Instance;
}

test('keeps what changed; what is no number, or can not be read, is null and not the value of before', async () => {
  const kept: Record<string, number | null>[] = [];
  const scraper = new Scraper(async (_, __, values) => void kept.push(values));
  scraper.add(await saying('a 1\nb 1\nc{d="e"} 1\nf 1\n', 'a NaN\nb +Inf\n\n\nc{d="e" 2\nf 1\n'));
  await scraper.scrapeNow(() => true);
  const scrape = (await scraper.scrapeNow(() => true)).get('a-1');
  expect(kept).toEqual([
    { a: 1, b: 1, 'c{d="e"}': 1, f: 1 },
    { a: null, b: null, c: null },
  ]);
  // The number is that of the line in the text, also after lines that are alike.
  expect(scrape && whyUnreadable(scrape, 'c', 'a-1')).toMatch(/^line 5 of the metrics of a-1/);
});
