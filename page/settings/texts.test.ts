import { expect, test } from 'vitest';
import { Format } from './format.ts';
import { textOf } from './settings.tsx';
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

test('what goes with a number goes with it in every language', () => {
  const told = (files: string) => LANGUAGES.map((one) => textOf(one, 'network.directory', { peers: '1,017', files }));
  expect(told('1').map((text) => text.split(', ').at(-1))).toEqual(['1 file', '1 Datei', '1 archivo']);
  expect(told('2')).toEqual(['1,017 peers, 2 files', '1,017 Peers, 2 Dateien', '1,017 pares, 2 archivos']);
  // A number that goes with two forms is itself there, too, and no place is left half open.
  const bad = Object.entries(TEXTS).filter(([, row]) =>
    LANGUAGES.some((one) => {
      const counted = [...row[one].matchAll(/\{(\w+)\|[^{|}]+\|[^{|}]+\}/g)];
      const rest = counted.reduce((text, [place]) => text.replace(place, ''), row[one]);
      return rest.includes('|') || counted.some(([, name]) => !rest.includes(`{${name}}`));
    }),
  );
  expect(bad.map(([key]) => key)).toEqual([]);
});

/** As many fit a small cell of the drawing. */
const MAX_CONDITION_CHARS = 17;

test('how a peer is fits its place in the drawing', () => {
  const conditions = Object.entries(TEXTS).filter(([key]) => key.startsWith('condition.'));
  const long = conditions.flatMap(([, row]) =>
    LANGUAGES.map((one) => row[one]).filter((text) => text.length > MAX_CONDITION_CHARS),
  );
  expect(conditions.length).toBeGreaterThan(5);
  expect(long).toEqual([]);
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
