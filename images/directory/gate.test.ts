import { expect, it } from 'vitest';
import { Gate } from './gate.ts';

function controlled() {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  return { promise, resolve, reject };
}

it('runs so many at one time, lets so many wait in order, and refuses the next', async () => {
  const gate = new Gate({ maxRunning: 1, maxWaiting: 2 });
  const order: string[] = [];
  const first = controlled();
  const task = (name: string, until: Promise<void>) => async () => {
    order.push(name);
    await until;
  };
  const running = gate.run(task('first', first.promise));
  const waiting = [gate.run(task('second', Promise.resolve())), gate.run(task('third', Promise.resolve()))];
  await expect(gate.run(task('fourth', Promise.resolve()))).rejects.toMatchObject({ code: 'busy' });
  expect(order).toEqual(['first']);
  first.resolve();
  await Promise.all([running, ...waiting]);
  expect(order).toEqual(['first', 'second', 'third']);
});

it('gives the place on when a task fails', async () => {
  const gate = new Gate({ maxRunning: 1, maxWaiting: 1 });
  const failing = gate.run(() => Promise.reject(new Error('no')));
  const after = gate.run(async () => 'done');
  await expect(failing).rejects.toThrow('no');
  await expect(after).resolves.toBe('done');
  await expect(gate.run(async () => 'again')).resolves.toBe('again');
});

it('keeps to the limit also after tasks have waited', async () => {
  const gate = new Gate({ maxRunning: 2, maxWaiting: 10 });
  let running = 0;
  let most = 0;
  const task = async () => {
    most = Math.max(most, ++running);
    await new Promise(setImmediate);
    running--;
  };
  for (let wave = 0; wave < 3; wave++) await Promise.all(Array.from({ length: 8 }, () => gate.run(task)));
  expect(most).toBe(2);
});
