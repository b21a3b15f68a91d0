import { EventEmitter } from 'node:events';
import { expect, test } from 'vitest';
import type { MeteredTransfer } from '../transfer-meter.ts';
import { type ReceiveInit, receive } from './receive.ts';
import { Tally } from './tally.ts';

/** As much of a call as `receive` needs; it never ends by itself. */
class StandInCall extends EventEmitter {
  cancelled = false;
  pause(): void {}
  resume(): void {}
  cancel(): void {
    this.cancelled = true;
  }
}

function start(take: Parameters<typeof receive>[2]) {
  const call = new StandInCall();
  const tally = new Tally({ moved: () => {}, end: () => {} } as unknown as MeteredTransfer);
  const lease = {
    client: { downloadFile: () => call },
    receiving: { reserve: () => 0 },
  } as unknown as ReceiveInit['lease'];
  const init = { lease, address: '127.0.0.1:1', stallTimeoutMs: 10_000, tally, signal: new AbortController().signal };
  const received = receive({ filename: 'a' }, init, take);
  call.emit('data', { content: Buffer.from('x') });
  return { call, tally, received };
}

test('a call that ended while its last content was waited for holds up no answer', async () => {
  const taken = Promise.withResolvers<'enough'>();
  const { call, tally, received } = start(() => taken.promise);
  call.emit('status', { code: 0 });
  taken.resolve('enough');
  await received;
  expect((await tally.final()).sources).toEqual([{ peer: '127.0.0.1:1', bytes: 1, cut: false }]);
});

test('a call that never ends is cut after its last word is late, and holds up no answer either', async () => {
  const { call, tally, received } = start(() => 'enough');
  await received;
  expect((await tally.final()).sources).toEqual([{ peer: '127.0.0.1:1', bytes: 1, cut: true }]);
  expect(call.cancelled).toBe(true);
});
