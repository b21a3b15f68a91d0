import { expect, it } from 'vitest';
import { Accounts } from './accounts.ts';

const outcome = (attempt: Promise<void>) =>
  attempt.then(
    () => 'ok',
    (error) => error.code,
  );

it('takes the password of the first login from then on', async () => {
  const accounts = new Accounts();
  expect(await outcome(accounts.authenticate('ann', 'secret'))).toBe('ok');
  expect(await outcome(accounts.authenticate('ann', 'secret'))).toBe('ok');
  expect(await outcome(accounts.authenticate('ann', 'Secret'))).toBe('wrong-password');
  expect(await outcome(accounts.authenticate('bob', 'Secret'))).toBe('ok');
});

it('lets one password win when two first logins of a user come at the same time', async () => {
  const accounts = new Accounts();
  const outcomes = await Promise.all(['one', 'two'].map((password) => outcome(accounts.authenticate('ann', password))));
  expect(outcomes.sort()).toEqual(['ok', 'wrong-password']);
});

it('lets peers that share a new user start together', async () => {
  const accounts = new Accounts();
  const attempts = Array.from({ length: 6 }, () => outcome(accounts.authenticate('ann', 'secret')));
  expect(new Set(await Promise.all(attempts))).toEqual(new Set(['ok']));
});
