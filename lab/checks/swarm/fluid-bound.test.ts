import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Crowdful, fluidBound, type Participant, withSeedersAlone } from './fluid-bound.ts';

const leecher = (up: number, at = 0, down = Number.POSITIVE_INFINITY, needs = 100): Participant => ({
  ...{ at, needs, up, down },
});
/** A seeder that sends 10 a second, and some who want 100. */
const crowd = (...leechers: Participant[]): Crowdful => ({
  participants: [{ at: 0, needs: 0, up: 10, down: 1 }, ...leechers],
  ...{ firstCopy: 100, seedersUp: 10 },
});

test('is the formula of Kumar and Ross where all come at once', () => {
  // The seeder's link, the slowest one that receives, and all links together.
  expect(fluidBound(crowd(leecher(100), leecher(100)))).toBe(10);
  expect(fluidBound(crowd(leecher(100, 0, 4), leecher(100)))).toBe(25);
  expect(fluidBound(crowd(...Array.from({ length: 9 }, () => leecher(5))))).toBeCloseTo(900 / 55);
  expect(withSeedersAlone(crowd(...Array.from({ length: 9 }, () => leecher(5))))).toBeCloseTo(90);
});

test('nobody gives before coming, and the seeders do not work in advance', () => {
  expect(fluidBound(crowd(leecher(5), leecher(5, 100)))).toBe(100);
  // Until 4 s the seeder alone has sent 40 of 300; then all three links send 260 together.
  expect(fluidBound(crowd(leecher(0, 0), leecher(0, 0), leecher(50, 4)))).toBeCloseTo(10);
  expect(fluidBound(crowd(leecher(0, 0), leecher(0, 0), leecher(5, 4)))).toBeCloseTo(4 + 260 / 15);
  expect(withSeedersAlone(crowd(leecher(5), leecher(5, 30)))).toBe(40);
});

const links = fc.record({
  at: fc.integer({ min: 0, max: 100 }),
  needs: fc.integer({ min: 1, max: 1000 }),
  up: fc.integer({ min: 0, max: 100 }),
  down: fc.integer({ min: 1, max: 100 }),
});

test('seeders alone are never faster; more or faster links never make it longer', () => {
  fc.assert(
    fc.property(
      fc.array(links, { minLength: 1, maxLength: 20 }),
      fc.integer({ min: 1, max: 100 }),
      (some, seedersUp) => {
        const firstCopy = Math.max(...some.map(({ needs }) => needs));
        const seeder = { at: 0, needs: 0, up: seedersUp, down: 1 };
        const bound = (all: Participant[], up = seedersUp) =>
          fluidBound({ participants: [{ ...seeder, up }, ...all], firstCopy, seedersUp: up });
        const alone = withSeedersAlone({ participants: [seeder, ...some], firstCopy, seedersUp });
        expect(bound(some)).toBeLessThanOrEqual(alone * (1 + 1e-9));
        expect(bound(some, seedersUp * 2)).toBeLessThanOrEqual(bound(some) * (1 + 1e-9));
        const faster = some.map((one) => ({ ...one, up: one.up + 10, down: one.down + 10 }));
        expect(bound(faster)).toBeLessThanOrEqual(bound(some) * (1 + 1e-9));
      },
    ),
  );
});
