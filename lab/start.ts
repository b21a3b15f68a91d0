/**
 * Where bin/lab begins. Imports nothing of its own accord, so that whatever keeps the lab from being loaded (packages that
 * are missing, a file that is cut off) is told in a sentence and ends with 75: only a verdict exits 1.
 */

import { enableCompileCache } from 'node:module';
import path from 'node:path';

const INCONCLUSIVE = 75;
/** What Node gives when it has nothing to do any more, and the program still waits. */
const UNSETTLED = 13;

function fail(error: unknown): void {
  const { code, message } = error as NodeJS.ErrnoException;
  process.stderr.write(`The lab could not be started: ${message ?? error}\n`);
  if (code === 'ERR_MODULE_NOT_FOUND') process.stderr.write('Remove node_modules, and run it again.\n');
  process.exit(INCONCLUSIVE);
}

process.on('uncaughtException', fail);
process.on('exit', (code) => {
  if (code !== UNSETTLED) return;
  process.stderr.write('The lab waited for something that can not come any more.\n');
  process.exitCode = INCONCLUSIVE;
});

try {
  // What Node compiled is kept, as that of the services is (drivers/artifacts.ts): the next start takes less CPU time.
  enableCompileCache(path.join(import.meta.dirname, '../node_modules/.cache/peerlab'));
  await import('./main.ts');
} catch (error) {
  fail(error);
}
