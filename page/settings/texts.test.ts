import { expect, test } from 'vitest';
import { Format } from './format.ts';
import { LANGUAGES, TEXTS } from './texts.ts';

test('a text has the same places to fill in in every language', () => {
  const placesOf = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map(([, name]) => name).sort();
  const uneven = Object.entries(TEXTS).flatMap(([key, row]) =>
    LANGUAGES.filter((language) => `${placesOf(row[language])}` !== `${placesOf(row.en)}`).map(
      (one) => `${key} (${one})`,
    ),
  );
  expect(uneven).toEqual([]);
});

test('no text is empty, and none begins or ends with a space', () => {
  const bad = Object.entries(TEXTS).filter(([, row]) =>
    LANGUAGES.some((one) => row[one] !== row[one].trim() || row[one] === ''),
  );
  expect(bad.map(([key]) => key)).toEqual([]);
});

test.each([
  ['en', ['4.52 s', '80 ms', '3.4 ms', '2.5 min', '52.3 MiB', '999 B', '36.5 MB/s', '97.7%']],
  ['de', ['4,52 s', '80 ms', '3,4 ms', '2,5 min', '52,3 MiB', '999 B', '36,5 MB/s', '97,7 %']],
  ['es', ['4,52 s', '80 ms', '3,4 ms', '2,5 min', '52,3 MiB', '999 B', '36,5 MB/s', '97,7 %']],
] as const)('numbers as people read them: %s', (language, expected) => {
  const format = new Format(language);
  const shown = [
    ...[4.518, 0.08, 0.0034, 150].map((seconds) => format.seconds(seconds)),
    ...[54_846_726, 999].map((bytes) => format.bytes(bytes)),
    format.rate(36_500_000),
    format.percent(0.977),
  ];
  expect(shown.map((text) => text.replaceAll('\u00a0', ' '))).toEqual(expected);
});

test('a figure is shown in its unit', () => {
  const format = new Format('en');
  expect([
    format.in('seconds', 1.5),
    format.in('bytes', 2048),
    format.in('bytes/s', 2000),
    format.in('count', 0.12345),
  ]).toEqual([...['1.5 s', '2 KiB', '2 kB/s', '0.1235']]);
});
