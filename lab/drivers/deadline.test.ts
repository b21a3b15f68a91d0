import { expect, test } from 'vitest';
import { PeerLabError } from '#proto/errors.ts';
import { settled, within } from './deadline.ts';

const never = new Promise<never>(() => {});
const late = () => new Error('late');

test('gives what the work gives', async () => {
  expect(await within(Promise.resolve(1), 1000, late)).toBe(1);
  await expect(within(Promise.reject(new Error('no')), 1000, late)).rejects.toThrow('no');
});

test('ends at the deadline, or when the signal fires, with the reason of the signal if it is one of ours', async () => {
  await expect(within(never, 5, late)).rejects.toThrow('late');
  await expect(within(never, 1000, late, AbortSignal.abort())).rejects.toMatchObject({ code: 'interrupted' });
  const lost = AbortSignal.abort(new PeerLabError('engine-lost'));
  await expect(within(never, 1000, late, lost)).rejects.toMatchObject({ code: 'engine-lost' });
});

test('waits for all to settle, but not for ever', async () => {
  await settled([Promise.reject(new Error('no')), Promise.resolve()], 1000);
  await settled([never], 5);
});
