import { expect, test } from 'vitest';
import type { Helper } from '../agent/helper.ts';
import { cutLack } from './policies-probe.ts';

/** A canary that sees what a cluster would show, and ends a hold when it is told to. */
function canaryOn({ obeysNew, answeredMs }: { obeysNew: boolean; answeredMs: number }) {
  let isCut = false;
  const ask = async ({ do: what }: { do: string }) => {
    if (what === 'hold') return { answeredMs };
    return { dialled: [isCut && obeysNew ? 'refused' : 'connected'] };
  };
  const cut = async () => {
    isCut = true;
  };
  return cutLack({ ask } as unknown as Pick<Helper, 'ask'>, '10.0.0.9', cut);
}

test('a cut by policies is one where new connections and open ones end', async () => {
  expect(await canaryOn({ obeysNew: true, answeredMs: 700 })).toBeUndefined();
});

test('policies that let open connections go on, or that nobody enforces, make none', async () => {
  const [open, none] = await Promise.all([
    canaryOn({ obeysNew: true, answeredMs: 5950 }),
    canaryOn({ obeysNew: false, answeredMs: 5950 }),
  ]);
  expect(open).toMatchObject({ why: expect.stringContaining('open already') });
  expect(none).toMatchObject({ why: expect.stringContaining('does not enforce') });
}, 15_000);

test('where nobody was connected, nothing is known', async () => {
  await expect(canaryOn({ obeysNew: true, answeredMs: 0 })).rejects.toMatchObject({ code: 'agent-failed' });
});
