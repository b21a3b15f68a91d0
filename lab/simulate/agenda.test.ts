import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Agenda } from './agenda.ts';
import { Uplink } from './uplink.ts';

test('things happen in the order of their times, then of their entries; what was called off does not', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(20), fc.boolean()), { maxLength: 200 }), (given) => {
      const agenda = new Agenda();
      const seen: number[][] = [];
      const entries = given.map(([ms], i) => agenda.at(ms, () => seen.push([agenda.nowMs, i])));
      for (const [i, [, isOff]] of given.entries()) if (isOff) (entries[i] as { act: unknown }).act = undefined;
      agenda.run(1000);
      const expected = given.map(([ms, isOff], i) => ({ ms, isOff, i })).filter(({ isOff }) => !isOff);
      expect(seen).toEqual(expected.sort((a, b) => a.ms - b.ms || a.i - b.i).map(({ ms, i }) => [ms, i]));
    }),
  );
});

test('streams that go on together get equal parts of a link, and what one leaves is for the others', () => {
  const agenda = new Agenda();
  const link = new Uplink(agenda, 1000);
  const ends: Record<string, number> = {};
  const note = (name: string) => () => {
    ends[name] = agenda.nowMs;
  };
  link.begin(1000, note('a'));
  agenda.at(500, () => link.begin(1000, note('b')));
  agenda.run(10_000);
  // a alone has half of it after 0.5 s, and shares for one more second; then b has a half alone.
  expect(ends).toEqual({ a: 1500, b: 2000 });
});

test('a stream that is cut off leaves its part to the others, and tells what had been sent', () => {
  const agenda = new Agenda();
  const link = new Uplink(agenda, 1000);
  const ends: number[] = [];
  const cut = link.begin(1000, () => ends.push(-1));
  link.begin(1000, () => ends.push(agenda.nowMs));
  agenda.at(1000, () => expect(link.cut(cut)).toBe(500));
  agenda.run(10_000);
  expect(ends).toEqual([1500]);
  expect(link.cut(cut)).toBe(0);
});

test('an idle link makes up for 50 ms at most, and never for more than it could have sent', () => {
  const agenda = new Agenda();
  const link = new Uplink(agenda, 1000);
  const ends: number[] = [];
  const begin = () => link.begin(100, () => ends.push(agenda.nowMs));
  begin();
  agenda.at(120, begin);
  agenda.at(1000, begin);
  agenda.run(10_000);
  expect(ends).toEqual([100, 200, 1050]);
});
