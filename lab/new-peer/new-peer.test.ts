import { mkdtempSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { LANGUAGES, newPeer } from './new-peer.ts';

test.each(LANGUAGES)('the beginning of a peer in %s has a page that says how to go on, and the wire', (language) => {
  const folder = path.join(mkdtempSync(path.join(tmpdir(), 'new-peer-')), 'mine');
  newPeer(language, folder);
  expect(readdirSync(folder)).toEqual(expect.arrayContaining(['README.md', 'peer.proto']));
  expect(readdirSync('examples/starters').toSorted()).toEqual(LANGUAGES);
});

test('what is there is never written over', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'new-peer-'));
  newPeer('python', folder);
  expect(() => newPeer('go', folder)).toThrow(/new or empty.*\.gitignore/);
  expect(() => newPeer('cobol', path.join(folder, 'x'))).toThrow('expected one of go, java, python, typescript');
});
