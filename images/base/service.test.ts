import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';

const SERVICE = pathToFileURL(new URL('./service.ts', import.meta.url).pathname).href;

/** A process that runs a service; `start` is the body of its start. */
async function lifeOf(start: string): Promise<{ end: unknown[]; said: string }> {
  const program = `
    import { setTimeout as sleep } from 'node:timers/promises';
    import { runService } from '${SERVICE}';
    const logger = { info: (_, what) => console.log(what), error: (_, what) => console.log(what) };
    await runService(() => logger, async () => { setInterval(() => {}, 1000); ${start} });`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [end, said] = await Promise.all([once(child, 'exit'), text(child.stdout)]);
  return { end, said };
}

const ASKED = "process.kill(process.pid, 'SIGTERM');";

test.for([
  ['while it starts', `${ASKED} await sleep(50); console.log('started'); return async () => {};`],
  ['when it has just said that it is ready', `console.log('started'); ${ASKED} return async () => {};`],
])('a service that is asked to end %s ends in order', async ([, start = '']) => {
  const { end, said } = await lifeOf(start);
  expect(end).toEqual([0, null]);
  expect(said.split('\n')).toEqual(expect.arrayContaining(['started', 'stopping']));
});

test('one that can not be stopped in order says so, and ends with 1', async () => {
  const { end, said } = await lifeOf(`${ASKED} return async () => { throw new Error('stuck'); };`);
  expect(end).toEqual([1, null]);
  expect(said).toContain('could not stop in order');
});
