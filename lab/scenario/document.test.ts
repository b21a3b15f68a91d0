import { expect, test } from 'vitest';
import { ScenarioInvalid } from '../language/mistake.ts';
import { decodeText } from './document.ts';
import { makePlan } from './plan.ts';
import { readScenario } from './read.ts';

const SCENARIO = `name: try
description: d
seed: 5
groups:
  a: {count: 2}
  b: {count: 2, later: true}
steps:
  - login: a
expect:
  - operations.login.failed == 0
`;

/** What is said of the scenario in which one text stands for another. */
function said(from: string | RegExp, to: string, encode = (text: string) => Buffer.from(text)): string {
  try {
    const text = SCENARIO.replace(from, () => to);
    expect(text).not.toBe(SCENARIO);
    makePlan(readScenario(decodeText(encode(text), 'try.yaml'), 'try.yaml'));
    return '';
  } catch (error) {
    if (error instanceof ScenarioInvalid) return error.lines().join('\n').replaceAll('try.yaml:', '');
    throw error;
  }
}

const utf16 = (text: string) => Buffer.from(`\ufeff${text}`, 'utf16le');
const latin1 = (text: string) => Buffer.from(text, 'latin1');

test.each([
  ['UTF-16', said('try', 'trial', utf16), '1:1: this is not UTF-8 (it looks like UTF-16): save it as UTF-8'],
  ['UTF-16 from elsewhere', said('try', 'trial', (text) => utf16(text).swap16()), 'it looks like UTF-16'],
  ['UTF-16 without a mark', said('try', 'x', (text) => utf16(text).subarray(2)), 'it looks like UTF-16'],
  ['latin-1', said('description: d', 'description: é', latin1), '1:1: this is not UTF-8'],
  [
    'a no-break space as indentation',
    said('  a: ', '\u00a0\u00a0a: '),
    '5:1: a space that YAML does not take for one (U+00A0)',
  ],
  ['one after a colon', said('count: 2', 'count:\u00a02'), '5:7: a space that YAML does not take for one (U+00A0)'],
  [
    'one after the colon of a line',
    said('seed: 5', 'seed:\u00a05'),
    '3:6: a space that YAML does not take for one (U+00A0)',
  ],
  ['one before a value', said('seed: 5', 'seed: \u00a05'), '3:7: a space that YAML does not take for one (U+00A0)'],
  ['a tab', said('  a: {', '\ta: {'), '5:1: a tab stands at the beginning of the line: write spaces'],
  ['a merge', said('{count: 2}', '{<<: {count: 2}}'), '5:7: YAML 1.2 has no merge (<<): write the keys out'],
  ['two documents', said('steps:', '---\nsteps:'), '7:1: a second document begins here'],
  ['yes', said('true', 'yes'), '6:24: expected true or false, got "yes": write true'],
  ['No', said('true', 'No'), 'got "No": write false'],
  ['007', said('seed: 5', 'seed: 007'), '3:7: 007 could be two numbers: write 7, or "007" for a text'],
  ['a number for a text', said('name: try', 'name: 7'), '1:7: expected a text, got 7: write "7", in quotes'],
  ['a text for a number', said('seed: 5', 'seed: "5"'), '3:7: expected a number, got "5": write 5, without quotes'],
  ['a half', said('seed: 5', 'seed: 0.5'), '3:7: expected a whole number, got 0.5'],
  ['nothing', said('seed: 5', 'seed:'), '3:6: expected a number, got nothing'],
  ['one below', said('seed: 5', 'seed: -1'), '3:7: expected at least 0, got -1'],
  ['a list for a map', said('{count: 2}', '[2]'), '5:6: expected a map, got a list'],
  ['no such double', said('later: true', 'double: byzantine'), 'expected byzantine-peer, got "byzantine"'],
  ['a key twice', said('seed: 5', 'seed: 5\nseed: 6'), '4:1: the key seed stands here a second time: keep one of them'],
  ['no such anchor', said('{count: 2}', '*grup'), '5:6: there is no anchor &grup before *grup.'],
  ['a misspelt anchor', said('b: {count: 2,', 'c: &group {}\n  b: {user: *grup,'), 'Did you mean "group"?'],
  ['a tag', said('{count: 2}', '!group {count: 2}'), '5:13: the tag !group means nothing here: leave it out'],
  ['a directive', said(/^/, '%YAML 1.1\n---\n'), '1:1: a line that begins with % is not read: leave it out'],
  ['a colon in a text', said('description: d', 'description: is it: d'), 'put a text with a colon in quotes'],
  ['an @', said('description: d', 'description: @d'), '2:14: no text begins with this character: put it in quotes'],
  ['an open quote', said('description: d', 'description: "d'), 'a quote that ends the text'],
  ['an open bracket', said('{count: 2}', '{count: 2'), 'a bracket is not closed'],
])('%s is told in one sentence', (_, told, sentence) => {
  expect(told).toContain(sentence);
  expect(told).not.toMatch(/YAMLParse|parseAllDocuments|implicit|token|ZodError|Invalid|received|undefined/i);
});

test('odd spaces inside of texts are texts, and a mark of UTF-8 at the beginning is none', () => {
  expect(said('description: d', 'description: est-ce vrai\u00a0?')).toBe('');
  expect(said('description: d', 'description: "\u00a0"')).toBe('');
  expect(said(/^/, '\ufeff')).toBe('');
  expect(said('{count: 2}\n', '&a {count: 2}\n  c: *a\n')).toBe('');
});

test('of ten thousand mistakes the first fifty are told, and how many more there are', () => {
  const wrong = Array.from({ length: 10_000 }, (_, n) => `  - logn${n}: all\n`).join('');
  const lines = said('  - login: a\n', wrong).split('\n');
  expect(lines).toHaveLength(51);
  expect(lines[0]).toMatch(/^8:5: unknown step "logn0"/);
  expect(lines[50]).toMatch(/ and 995\d more mistakes$/);
  const keys = Array.from({ length: 2000 }, (_, n) => `  group${n}: {cont: 1}\n`).join('');
  expect(said('steps:\n', `${keys}steps:\n`).split('\n')).toHaveLength(51);
  expect(said('description: d', `description: [${'x'.repeat(100_000)}]`).length).toBeLessThan(2000);
});
