import fc from 'fast-check';
import { expect, test } from 'vitest';
import { assertName, matchesGlob, nameFlaw } from './names.ts';

test.each([
  '../x',
  'a/../../x',
  '/etc/passwd',
  '..\\x',
  'C:\\x',
  '',
  '.',
  '..',
  'a\0b',
  'x'.repeat(256),
  'é'.repeat(128),
  'x'.repeat(1 << 20),
  '\ud800',
  'a\u202etxt.exe',
  '.peerlab',
])('refuses %j as the name of a shared file', (name) => {
  expect(nameFlaw(name)).toBeDefined();
  expect(() => assertName(name)).toThrow(expect.objectContaining({ code: 'bad-name' }));
});

test.each([
  'a',
  ' two  words ',
  'new\nline',
  '%41',
  '%2e%2e%2f',
  '-rf',
  'a,b',
  '.hidden',
  '...',
  'x'.repeat(255),
  'naïve 🦊',
  'nai\u0308ve',
])('takes %j', (name) => {
  expect(nameFlaw(name)).toBeUndefined();
});

test.each([
  ['*', 'anything', true],
  ['*', '', true],
  ['a*c', 'abbc', true],
  ['a*c', 'abbd', false],
  ['?', '🦊', true],
  ['?', '', false],
  ['*.bin', 'x.bin.txt', false],
  ['*a*a*', 'bab', false],
  ['[a]', '[a]', true],
  ['[a]', 'a', false],
])('glob %j and %j: %j', (pattern, name, matches) => {
  expect(matchesGlob(name, pattern)).toBe(matches);
});

test('a glob means the same as the regular expression that it stands for', () => {
  const text = fc.string({ unit: fc.constantFrom('a', 'b', '.'), maxLength: 12 });
  const glob = fc.string({ unit: fc.constantFrom('a', 'b', '.', '*', '?'), maxLength: 8 });
  fc.assert(
    fc.property(text, glob, (name, pattern) => {
      const regex = new RegExp(`^${pattern.replaceAll('.', '\\.').replaceAll('*', '.*').replaceAll('?', '.')}$`, 's');
      expect(matchesGlob(name, pattern)).toBe(regex.test(name));
    }),
  );
});
