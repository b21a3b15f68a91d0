import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { filesOf } from './rooms/imports.ts';
import { anchorsOf, linksOf, longLines, oddWords } from './words.ts';

const root = path.resolve(import.meta.dirname, '..');
const read = (file: string) => readFileSync(path.join(root, file), 'utf8');
const files = filesOf(root).map(({ file }) => file);
const pages = files.filter((file) => file.endsWith('.md'));
/** Files whose texts people see: help, messages, descriptions. The rules themselves are left out. */
const spoken = files.filter(
  (file) =>
    /\.(?:md|ts|yaml|proto)$|^Makefile$|^bin\/|Dockerfile$/.test(file) &&
    !/\.test\.ts$|\.contract\.ts$|^dev\/words|^proto\/generated\/|^docs\/mutants\.md$|^dev\/mutants\//.test(file),
);

describe('the rules', () => {
  test('a long line of prose is found; tables, code and addresses are left alone', () => {
    const long = 'word '.repeat(30);
    expect(longLines(`# Title\n\n${long}`)).toEqual([expect.stringContaining('line 3 has 150 characters')]);
    expect(longLines(`| ${long} |\n\n\`\`\`sh\n${long}\n\`\`\`\n\n<https://example.org/${'x'.repeat(120)}>`)).toEqual(
      [],
    );
  });

  test('an odd word is found as a word, with what to write instead', () => {
    expect(oddWords('well\nNothing is Amiss here')).toEqual([
      expect.stringContaining('line 2 says "Amiss"; write: wrong'),
    ]);
    expect(oddWords('as marshalled, amend, put it in the place of the other')).toEqual([]);
  });

  test('anchors are those of GitHub', () => {
    const page = '# The `x` of: Y, and [Z](z.md)?\n## Same\n## Same\n```\n# no heading\n```';
    expect([...anchorsOf(page)]).toEqual(['the-x-of-y-and-z', 'same', 'same-1']);
  });

  test('links are those to files and headings, not those to other servers or in code', () => {
    expect(linksOf('[a](b.md#c) [d](#e) [f](https://g/h) `[i](j.md)`\n```\n[k](l.md)\n```')).toEqual([
      { file: 'b.md', anchor: 'c' },
      { file: '', anchor: 'e' },
    ]);
  });
});

test.each(pages)('%s has no line longer than a screen is wide', (page) => {
  expect(longLines(read(page))).toEqual([]);
});

test.each(pages)('every link of %s leads somewhere', (page) => {
  const dead = linksOf(read(page)).filter(({ file, anchor }) => {
    const target = file === '' ? page : path.join(path.dirname(page), file);
    if (!existsSync(path.join(root, target))) return true;
    return anchor !== undefined && target.endsWith('.md') && !anchorsOf(read(target)).has(anchor);
  });
  expect(dead).toEqual([]);
});

test('texts are in plain, modern English', () => {
  const odd = spoken.flatMap((file) => oddWords(read(file)).map((what) => `${file} ${what}`));
  expect(odd).toEqual([]);
});

test('every command of the Makefile and of the lab is named in the docs', () => {
  const docs = pages.map(read).join('\n');
  const targets = [...read('Makefile').matchAll(/^([a-z-]+):.*##/gm)].map(([, name]) => `make ${name}`);
  const commands = [...read('lab/main.ts').matchAll(/\.command\('([a-z-]+)/g)].map(([, name]) => `bin/lab ${name}`);
  expect(targets.length).toBeGreaterThan(5);
  expect(commands.length).toBeGreaterThan(5);
  const isNamed = (command: string) => new RegExp(`${command}(?![a-z-])`).test(docs);
  expect([...targets, ...commands].filter((command) => !isNamed(command))).toEqual([]);
});
