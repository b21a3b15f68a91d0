import { expect, it, vi } from 'vitest';
import { Accounts } from './accounts.ts';
import { hashPassword, isPasswordHash, matchesPassword } from './passwords.ts';

vi.mock('./passwords.ts', { spy: true });

/** Far below what a setting can ask for: these tests are about who gets in. */
const COST = { memoryKiB: 8, passes: 1, parallelism: 1 };

function setUp({ open = true, maxAccounts = 100 } = {}) {
  const clock = { nowMs: 0 };
  const created: string[] = [];
  const accounts = new Accounts({
    ...{ cost: COST, open, maxAccounts, now: () => clock.nowMs },
    onCreated: (user) => created.push(user),
  });
  const login = (user: string, password: string, place = 'here', enter: () => void = () => {}) =>
    accounts.admit({ user, password, place }, enter).then(
      () => 'ok',
      (error) => error.code ?? error.message,
    );
  return { accounts, clock, created, login };
}

it('takes the password of the first login from then on', async () => {
  const { login, created } = setUp();
  expect(await login('ann', 'secret')).toBe('ok');
  expect(await login('ann', 'secret')).toBe('ok');
  expect(await login('ann', 'Secret')).toBe('wrong-password');
  expect(await login('bob', 'Secret')).toBe('ok');
  expect(created).toEqual(['ann', 'bob']);
});

it('lets one password win when two first logins of a user come at the same time', async () => {
  const { login } = setUp();
  const outcomes = await Promise.all(['one', 'two'].map((password) => login('ann', password)));
  expect(outcomes.sort()).toEqual(['ok', 'wrong-password']);
});

it('lets peers that share a new user start together', async () => {
  const { login, created } = setUp();
  const attempts = Array.from({ length: 40 }, () => login('ann', 'secret'));
  expect(new Set(await Promise.all(attempts))).toEqual(new Set(['ok']));
  expect(created).toEqual(['ann']);
});

it('creates no account for a login that is refused for another reason', async () => {
  const { login, created } = setUp();
  const refuse = () => {
    throw new Error('address taken');
  };
  expect(await login('ann', 'a guess', 'here', refuse)).toBe('address taken');
  expect(created).toEqual([]);
  expect(await login('ann', 'secret')).toBe('ok');
});

it('creates no more accounts than it may', async () => {
  const { login } = setUp({ maxAccounts: 1 });
  expect(await login('ann', 'secret')).toBe('ok');
  expect(await login('bob', 'secret')).toBe('directory-full');
  expect(await login('ann', 'secret')).toBe('ok');
});

it('closed, creates none; an unknown user and a wrong password look the same, and cost the same work', async () => {
  const { accounts, login, created } = setUp({ open: false });
  accounts.restore('ann', await hashPassword('secret', COST));
  expect(await login('ann', 'secret')).toBe('ok');
  const outcomes = await Promise.all([login('ann', 'x', 'a'), login('nobody', 'x', 'b')]);
  expect(outcomes).toEqual(['wrong-password', 'wrong-password']);
  expect(created).toEqual([]);
});

it('closed, spends on unknown users what it spends on accounts, whose costs may differ: on a name always the same', async () => {
  const { accounts, login } = setUp({ open: false });
  const spent = async (user: string) => {
    vi.mocked(matchesPassword).mockClear();
    expect(await login(user, 'x', String(Math.random()))).toBe('wrong-password');
    return vi.mocked(matchesPassword).mock.calls.map(([, saved]) => saved.split('$')[3]);
  };
  expect(await spent('nobody')).toEqual(['m=8,t=1,p=1']);

  const costs = [
    { memoryKiB: 16, passes: 1, parallelism: 1 },
    { memoryKiB: 8, passes: 3, parallelism: 1 },
  ] as const;
  accounts.restore('ann', await hashPassword('secret', costs[0]));
  accounts.restore('bob', await hashPassword('secret', costs[1]));
  const names = Array.from({ length: 64 }, (_, i) => `nobody-${i}`);
  const first = new Map<string, unknown>();
  for (const name of names) first.set(name, await spent(name));
  expect(new Set([...first.values()].flat())).toEqual(new Set(['m=16,t=1,p=1', 'm=8,t=3,p=1']));
  for (const name of names) expect(await spent(name)).toEqual(first.get(name));
  // The password of the account whose hash stands in lets nobody in.
  for (const name of names.slice(0, 8)) expect(await login(name, 'secret')).toBe('wrong-password');
});

it('limits guesses by where they come from: the owner gets in from elsewhere at once, and from there after a short wait', async () => {
  const { clock, login } = setUp();
  await login('ann', 'secret', 'owner');
  const guesses = await Promise.all(Array.from({ length: 1000 }, (_, i) => login('ann', `guess ${i}`, 'attacker')));
  const tried = guesses.filter((outcome) => outcome === 'wrong-password').length;
  expect(tried).toBeGreaterThanOrEqual(10);
  // So many are hashed at one time when the last free guess turns out wrong.
  expect(tried).toBeLessThanOrEqual(14);
  expect(new Set(guesses)).toEqual(new Set(['wrong-password', 'too-many-guesses']));

  expect(await login('ann', 'secret', 'owner')).toBe('ok');
  expect(await login('bob', 'his own', 'attacker')).toBe('ok');
  expect(await login('ann', 'secret', 'attacker')).toBe('too-many-guesses');
  clock.nowMs += 10_000;
  expect(await login('ann', 'secret', 'attacker')).toBe('ok');
});

it('says how long to wait', async () => {
  const { accounts, login } = setUp();
  await login('ann', 'secret');
  for (let i = 0; i < 10; i++) await login('ann', 'x');
  const attempt = { user: 'ann', password: 'x', place: 'here' };
  await expect(accounts.admit(attempt, () => {})).rejects.toMatchObject({
    code: 'too-many-guesses',
    beside: { retryAfterSeconds: 2 },
  });
});

it('keeps passwords in the common text form', async () => {
  const saved = await hashPassword('secret', COST);
  expect(saved).toMatch(/^\$argon2id\$v=19\$m=8,t=1,p=1\$/);
  expect(isPasswordHash(saved)).toBe(true);
  expect(await matchesPassword('secret', saved)).toBe(true);
  expect(await matchesPassword('Secret', saved)).toBe(false);
  // From the reference implementation: echo -n password | argon2 somesalt -id -t 2 -k 65536 -p 1 -l 24 -e
  const foreign = '$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$RdescudvJCsgt3ub+b+dWRWJTmaaJObG';
  expect(isPasswordHash(foreign)).toBe(true);
  for (const text of ['', 'secret', '$argon2i$v=19$m=8,t=1,p=1$c29tZXNhbHQ$RdescudvJCsgt3ub', `${saved}x`.repeat(9)]) {
    expect(isPasswordHash(text), text).toBe(false);
  }
});
