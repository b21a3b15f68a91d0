import { expect, test } from 'vitest';
import { columnsOf } from '#proto/columns.ts';
import { TEXT } from './cli-text.ts';

test('columns stand under each other, whatever names are in them', () => {
  const names = ['notes.txt', '文件.txt', 'an\u0303o 🎬.mp4'];
  const peers = [{ user: 'ann', ip: '127.0.0.1', port: 7001 }];
  const results = names.map((name) => ({ name, size: 6, sha256: 'a'.repeat(64), peers }));
  const [head = '', ...lines] = TEXT.search({ results } as unknown as Parameters<typeof TEXT.search>[0]).split('\n');
  const at = (line: string, text: string) => columnsOf(line.slice(0, line.indexOf(text)));
  expect(lines).toHaveLength(names.length);
  for (const line of lines) expect(at(line, 'aaaa')).toBe(at(head, 'SHA256'));
});
