import fc from 'fast-check';
import { expect, test } from 'vitest';
import { matchesAll, parseSelector } from './selector.ts';

const read = (text: string) => {
  const parsed = parseSelector(text, 0);
  return 'flaw' in parsed ? parsed.flaw : parsed.value;
};

test('the four matchers, quotes of three kinds, spaces and a comma at the end', () => {
  expect(read(`{a="1", b != 'x' ,c=~"y|z",d!~\`\\d+\`,}`)).toEqual([
    { label: 'a', operator: '=', value: '1' },
    { label: 'b', operator: '!=', value: 'x' },
    { label: 'c', operator: '=~', value: 'y|z', pattern: /^(?:y|z)$/su },
    { label: 'd', operator: '!~', value: '\\d+', pattern: /^(?:\d+)$/su },
  ]);
  expect(read('{}')).toEqual([]);
  expect(read('{a="} == 0"}')).toEqual([{ label: 'a', operator: '=', value: '} == 0' }]);
});

test('escapes are those of PromQL', () => {
  expect(read('{a="\\"\\\\\\n\\t\\x41\\u00e9\\101"}')).toEqual([{ label: 'a', operator: '=', value: '"\\\n\tAéA' }]);
});

test.each([
  ['{outcome=failed}', 'at character 10: expected a text in quotes, such as "failed", got "failed}"'],
  ['{outcome="failed"', 'at character 18: expected a comma or }, got the end'],
  ['{outcome="failed" direction="sent"}', 'at character 19: expected a comma or }'],
  ['{outcome=="failed"}', 'at character 10: expected a text in quotes'],
  ['{outcome<"failed"}', 'at character 9: expected =, !=, =~ or !~'],
  ['{"failed"}', 'at character 2: expected the name of a label'],
  ['{,}', 'at character 2: expected the name of a label'],
  ['{a="1",,}', 'at character 8: expected the name of a label'],
  ['{a=~"("}', 'at character 5: expected a regular expression'],
  ['{a="\\q"}', 'at character 5: expected an escape'],
  ['{a="open}', 'at character 4: expected a text in quotes'],
  ['{__name__="x"}', "expected a label: the metric's name stands before {"],
])('%s is refused with its place', (text, flaw) => {
  expect(read(text)).toContain(flaw);
});

test('any text is understood whole, or refused', () => {
  const value = fc.string().filter((text) => !text.includes('`'));
  const operator = fc.constantFrom('=', '!=');
  const label = fc.stringMatching(/^[a-z_]\w{0,9}$/).filter((name) => name !== '__name__');
  fc.assert(
    fc.property(fc.array(fc.tuple(label, operator, value)), (wanted) => {
      const text = `{${wanted.map(([name, sign, text]) => `${name}${sign}\`${text}\``).join(', ')}}`;
      expect(read(text)).toEqual(wanted.map(([name, sign, text]) => ({ label: name, operator: sign, value: text })));
    }),
  );
});

test('a pattern matches the whole value, and a label that is not there is the empty text', () => {
  const matches = (text: string, labels: Record<string, string>) => {
    const parsed = parseSelector(text, 0);
    return 'value' in parsed && matchesAll(parsed.value, labels);
  };
  expect(matches('{a=~"o"}', { a: 'ok' })).toBe(false);
  expect(matches('{a=~"o.*"}', { a: 'ok' })).toBe(true);
  expect(matches('{a!~"o|k"}', { a: 'ok' })).toBe(true);
  expect(matches('{a!="x"}', {})).toBe(true);
  expect(matches('{a=""}', { b: 'x' })).toBe(true);
  expect(matches('{constructor=""}', {})).toBe(true);
  expect(matches('{a="ok",b="x"}', { a: 'ok', b: 'y' })).toBe(false);
});
