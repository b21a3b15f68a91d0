import { EventEmitter } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';
import * as grpc from '@grpc/grpc-js';
import { expect, test } from 'vitest';
import type { PartFile } from '../share/part-file.ts';
import { fetchWhole, type WholeFileInit } from './whole-file.ts';

test('a call that fails while the file is still being made leaves no file behind', async () => {
  const call = Object.assign(new EventEmitter(), { pause() {}, resume() {}, cancel() {} });
  const made = Promise.withResolvers<PartFile>();
  let isDisposed = false;
  const dispose = async () => {
    isDisposed = true;
  };
  const part = { position: 0, append: async () => {}, [Symbol.asyncDispose]: dispose };
  const lease = { client: { downloadFile: () => call }, receiving: { reserve: () => 0 }, [Symbol.dispose]() {} };
  const init = {
    ...{ share: { receive: () => made.promise }, clients: { lease: () => lease } },
    ...{ tally: { asked() {}, add() {}, cut() {} }, stallTimeoutMs: 10_000, signal: new AbortController().signal },
  } as unknown as WholeFileInit;
  const content = Buffer.from('content');

  let isOver = false;
  const fetching = fetchWhole({ address: '127.0.0.1:1', name: 'x' }, 'x', { sha256: '0'.repeat(64), size: 7 }, init)
    .then(() => 'ok')
    .catch(({ code }) => code)
    .finally(() => {
      isOver = true;
    });
  call.emit('data', { content, offset: 0 });
  call.emit('error', Object.assign(new Error('gone'), { code: 14, details: 'gone', metadata: new grpc.Metadata() }));
  await turn();
  expect(isOver).toBe(false);
  made.resolve(part as unknown as PartFile);
  expect(await fetching).toBe('truncated');
  expect(isDisposed).toBe(true);
});
