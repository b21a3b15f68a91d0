import fc from 'fast-check';
import { expect, it } from 'vitest';
import { cursorFrom, keyFrom, PageKeys, pageOf } from './pages.ts';

const ask = (limit: number, weight: number, after?: string) => {
  const keys = new PageKeys({ limit, after });
  for (const key of ['b', 'é', 'a', 'b', 'Z']) keys.offer(key);
  return pageOf(
    keys,
    limit,
    (key) => key,
    () => weight,
  );
};

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

it('keeps the first keys behind a cursor, whatever the order in which they are offered, and tells the bound', () => {
  const key = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 4 });
  fc.assert(
    fc.property(fc.array(key), fc.integer({ min: 1, max: 5 }), fc.option(key), (offered, limit, after) => {
      let bound: string | undefined;
      const keys = new PageKeys({ limit, after: after ?? undefined }, (told) => {
        bound = told;
      });
      for (const one of offered) keys.offer(one);
      const behind = [...new Set(offered)].filter((one) => after === null || one > after).sort();
      expect(keys.inOrder()).toEqual(behind.slice(0, limit + 1));
      expect(bound).toBe(behind[limit]);
    }),
  );
});
