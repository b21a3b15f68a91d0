import { readFileSync } from 'node:fs';
import path from 'node:path';

/** Every command that a page shows as one to type, in their order: lines that go on below are one. */
export function linesOf(page: string): string[] {
  const markdown = readFileSync(path.join(import.meta.dirname, '../../../docs', page), 'utf8');
  return [...markdown.matchAll(/^```sh\n(.*?)^```$/gms)].flatMap(([, block = '']) =>
    block
      .replaceAll(/ *\\\n */g, ' ')
      .split('\n')
      .filter((line) => line.trim() !== ''),
  );
}
