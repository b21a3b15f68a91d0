import fc from 'fast-check';
import { expect, test } from 'vitest';
import { DIRECTORY_ENV, type EnvSpec, PEER_ENV } from '#proto/env.ts';
import { MAX_DURATION_MS, MAX_SIZE_BYTES, MIN_RATE_BYTES_PER_SECOND } from '#proto/units.ts';
import { readConfig } from './config.ts';

const SETTINGS: Readonly<Record<string, EnvSpec>> = { ...DIRECTORY_ENV, ...PEER_ENV };
const ofType = (...types: EnvSpec['type'][]) => Object.entries(SETTINGS).filter(([, { type }]) => types.includes(type));

/** The value that the service gets; undefined when the setting is refused. */
function settingOf(name: string, text: string): unknown {
  try {
    return readConfig({ [name]: SETTINGS[name] as EnvSpec }, { [name]: text })[name];
  } catch (error) {
    expect(error).toMatchObject({ code: 'bad-setting' });
    return undefined;
  }
}

const number = fc.oneof(
  fc.double({ min: 0, noNaN: true }).map(String),
  fc.nat().map(String),
  fc.constantFrom('0', '-1', 'NaN', 'Infinity', '1e999', '9'.repeat(400), '600', '9007199254740993'),
);
const written = (...units: string[]) => fc.tuple(number, fc.constantFrom(...units)).map((parts) => parts.join(''));

test.each(ofType('duration'))('%s is a time for which a timer can run, whatever is written', (name) => {
  fc.assert(
    fc.property(written('ms', 's', 'm', 'h', ''), (text) => {
      const value = settingOf(name, text);
      if (value !== undefined) expect(value).toSatisfy((ms: number) => ms > 0 && ms <= MAX_DURATION_MS);
    }),
  );
  expect(settingOf(name, '600h')).toBeUndefined();
  expect(settingOf(name, '2000h')).toBeUndefined();
  expect(settingOf(name, '168h')).toBe(MAX_DURATION_MS);
});

test.each(ofType('size', 'rate', 'count', 'port'))(
  '%s is a number within bounds, whatever is written',
  (name, spec) => {
    const least = spec.type === 'rate' ? MIN_RATE_BYTES_PER_SECOND : spec.type === 'port' ? 0 : 1;
    const most = spec.type === 'count' ? Number.MAX_SAFE_INTEGER : spec.type === 'port' ? 65_535 : MAX_SIZE_BYTES;
    fc.assert(
      fc.property(written('', 'B', 'KiB', 'MB', 'TiB', 'B/s', 'KiB/s', 'TB/s'), (text) => {
        const value = settingOf(name, text);
        if (value !== undefined)
          expect(value).toSatisfy((n: number) => Number.isSafeInteger(n) && n >= least && n <= most);
      }),
    );
  },
);
