import { expect, it } from 'vitest';
import { cursorFrom, keyFrom, pageOf } from './pages.ts';

const ask = (limit: number, weight: number, after?: string) =>
  pageOf(
    ['b', 'é', 'a', 'Z'],
    { limit, after },
    (key) => key,
    () => weight,
  );

it('goes by code units, and says where more follow', () => {
  expect(ask(2, 1)).toEqual({ items: ['Z', 'a'], next: 'a' });
  expect(ask(2, 1, 'a')).toEqual({ items: ['b', 'é'] });
  expect(ask(2, 1, 'é')).toEqual({ items: [] });
});

it('ends a heavy page early, but never before its first item', () => {
  expect(ask(4, 5_000)).toEqual({ items: ['Z', 'a'], next: 'a' });
  expect(ask(4, 50_000)).toEqual({ items: ['Z'], next: 'Z' });
});

it('takes back its own cursors only', () => {
  expect(keyFrom(cursorFrom('[::1]:5000'))).toBe('[::1]:5000');
  for (const cursor of ['', 'not base64', 'YQ==', '%%', 'YR', '_w']) {
    expect(() => keyFrom(cursor), cursor).toThrow(expect.objectContaining({ code: 'bad-request' }));
  }
});
