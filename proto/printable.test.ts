import { describe, expect, test } from 'vitest';
import { printable, printableAll, printableJson } from './printable.ts';

const ESC = '\u001b';

describe('what must not be obeyed is shown', () => {
  test.each([
    ['a screen is cleared', `a${ESC}[2Jb`, 'a\\u{1b}[2Jb'],
    ['the clipboard is written (OSC 52)', `${ESC}]52;c;eA==\u0007`, '\\u{1b}]52;c;eA==\\u{7}'],
    ['a C1 control begins a sequence in one byte', '\u009b31m', '\\u{9b}31m'],
    ['DEL', '\u007f', '\\u{7f}'],
    ['the direction is turned', 'txt.\u202egpj', 'txt.\\u{202e}gpj'],
    ['isolates', '\u2066x\u2069', '\\u{2066}x\\u{2069}'],
    ['half a surrogate pair', 'a\ud800b', 'a\\u{d800}b'],
    ['no character at all', 'a\uffffb', 'a\\u{ffff}b'],
    ['a line that is none', 'a\u2028b', 'a\\u{2028}b'],
    ['the line is written over', 'fail\rpass', 'fail\\u{d}pass'],
  ])('%s', (_, text, shown) => {
    expect(printable(text)).toBe(shown);
  });

  test('names of people stay as they are', () => {
    for (const name of ['Grüße.txt', 'می‌خواهم', '写真', '👩‍👩‍👧.png', 'a  b']) expect(printable(name)).toBe(name);
  });

  test('one line, of a bounded length', () => {
    expect(printable('a\nb\tc\r\nd')).toBe('a b c d');
    expect(printable('x'.repeat(1e6), 10)).toBe(`${'x'.repeat(9)}…`);
    expect(printable('x'.repeat(1e6)).length).toBeLessThanOrEqual(300);
    expect(printable('aaa😀b', 5)).toBe('aaa…');
  });

  test('wherever it stands in a value', () => {
    expect(printableAll({ [`k${ESC}`]: [{ deep: `v${ESC}` }, 1, null, true] })).toEqual({
      'k\\u{1b}': [{ deep: 'v\\u{1b}' }, 1, null, true],
    });
  });

  test('JSON means the same after it', () => {
    const value = { name: `a${ESC}\u009b\u202e\ud800b\n`, emoji: '😀', tag: '\u{e0001}' };
    const json = printableJson(JSON.stringify(value));
    expect(json).not.toMatch(/\p{C}/u);
    expect(JSON.parse(json)).toEqual(value);
  });
});
