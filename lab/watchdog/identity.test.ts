import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { identityOf, isAlive, type ProcessIdentity } from './identity.ts';

test('a process is alive until it has ended', async () => {
  const child = spawn('sleep', ['60']);
  const identity = identityOf(child.pid as number) as ProcessIdentity;
  expect(isAlive(identity)).toBe(true);
  child.kill('SIGKILL');
  await once(child, 'exit');
  expect(isAlive(identity)).toBe(false);
});

test.runIf(process.platform === 'linux')('another process with the same pid is not taken for it', () => {
  const self = identityOf(process.pid) as ProcessIdentity;
  expect(isAlive(self)).toBe(true);
  expect(isAlive({ ...self, started: self.started.replace(/\d+$/, '1') })).toBe(false);
});
