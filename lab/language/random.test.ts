import { createHash } from 'node:crypto';
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, onTestFinished, test } from 'vitest';
import { hashContent, openContent } from './content.ts';
import { Random } from './random.ts';

test('the same label gives the same numbers, another label others', () => {
  const draw = (label: string) => {
    const random = new Random(7, label);
    return Array.from({ length: 8 }, () => random.integer(0, 1000));
  };
  expect(draw('a')).toEqual(draw('a'));
  expect(draw('a')).not.toEqual(draw('b'));
  // Fixed for good: a change here would change every scenario's files and picks.
  expect(draw('a')).toMatchInlineSnapshot(`
    [
      580,
      364,
      339,
      554,
      918,
      84,
      3,
      569,
    ]
  `);
});

test('whole numbers reach both ends, evenly', () => {
  const random = new Random('even');
  const seen = [0, 0, 0, 0];
  for (let i = 0; i < 4000; i++) seen[random.integer(0, 3)]! += 1;
  for (const count of seen) expect(Math.abs(count - 1000)).toBeLessThan(150);
});

test('a shuffle keeps every item', () => {
  const items = Array.from({ length: 50 }, (_, i) => i);
  const shuffled = new Random('cards').shuffle(items);
  expect(shuffled).not.toEqual(items);
  expect([...shuffled].sort((a, b) => a - b)).toEqual(items);
});

test.each([0, 1, 1024 * 1024 - 1, 1024 * 1024, 3 * 1024 * 1024 + 5])(
  'seeded content of %i bytes is exactly so long and always the same',
  async (size) => {
    const blocks: Buffer[] = [];
    for await (const block of openContent({ key: 'k' }, size)) blocks.push(block);
    const whole = Buffer.concat(blocks);
    expect(whole.length).toBe(size);
    expect(await hashContent({ key: 'k' }, size)).toBe(createHash('sha256').update(whole).digest('hex'));
    if (size > 0) expect(await hashContent({ key: 'other' }, size)).not.toBe(await hashContent({ key: 'k' }, size));
  },
);

test('a real file that changed after it was planned, or after it was recorded, is trouble of its own', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'content-test-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const content = { path: path.join(folder, 'a') };
  writeFileSync(content.path, 'abc');
  const sha256 = await hashContent(content, 3);
  expect(await text(openContent(content, 3, sha256))).toBe('abc');
  const changed = { code: 'source-changed' };
  writeFileSync(content.path, 'abd');
  await expect(text(openContent(content, 3, sha256))).rejects.toMatchObject(changed);
  appendFileSync(content.path, 'e');
  await expect(hashContent(content, 3)).rejects.toMatchObject(changed);
  writeFileSync(content.path, '');
  await expect(text(openContent(content, 3))).rejects.toMatchObject(changed);
  rmSync(content.path);
  await expect(text(openContent(content, 3))).rejects.toMatchObject(changed);
});
