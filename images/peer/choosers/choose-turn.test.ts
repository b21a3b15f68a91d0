import fc from 'fast-check';
import { expect, test } from 'vitest';
import { chooseWaiter } from './choose-turn.ts';

const seats = (gifts: readonly number[]) => gifts.map((gave) => ({ gave, lastTurn: 0, served: 0 }));

function play(
  waiting: { gave: number; lastTurn: number; served: number }[],
  turns: number,
  reciprocity: boolean,
): void {
  for (let turn = 1; turn <= turns; turn++) {
    const chosen = chooseWaiter(waiting, turn, reciprocity);
    if (!chosen) return;
    chosen.lastTurn = turn;
    chosen.served++;
  }
}

test('everyone who waits gets the same, whoever gave what', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(100), { minLength: 1, maxLength: 20 }), (gifts) => {
      const waiting = seats(gifts);
      play(waiting, 3 * gifts.length, false);
      expect(waiting.map(({ served }) => served)).toEqual(gifts.map(() => 3));
    }),
  );
});

test('with reciprocity those who give get more, and nobody starves', () => {
  const waiting = seats([100, 0, 0, 0]);
  play(waiting, 64, true);
  const [giver, ...others] = waiting.map(({ served }) => served);
  expect(giver).toBeGreaterThanOrEqual(48);
  for (const served of others) expect(served).toBeGreaterThanOrEqual(4);
});
