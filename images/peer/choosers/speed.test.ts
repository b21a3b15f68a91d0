import { expect, test } from 'vitest';
import { Speed } from './speed.ts';

test('the first piece says something before it is whole: one that is slow is not unknown for ever', () => {
  const speed = new Speed();
  speed.asked(0);
  expect(speed.at(0)).toBeUndefined();
  for (let ms = 100; ms <= 900; ms += 100) speed.heard(ms, 20_000);
  expect(speed.at(900)).toBeUndefined();
  speed.heard(1000, 20_000);
  expect(speed.at(1000)).toBe(200_000);
  // Nothing came since: it stands still, and what it usually does is still known.
  expect(speed.at(2000)).toBe(0);
  expect(speed.usual).toBe(200_000);
});

test('what whole pieces taught counts for more than how the next one began', () => {
  const speed = new Speed();
  speed.asked(0);
  speed.learn(1_000_000);
  speed.asked(1000);
  speed.heard(2100, 10);
  expect(speed.at(2100)).toBe(1_000_000);
  speed.learn(2_000_000);
  expect(speed.usual).toBe(1_300_000);
});
