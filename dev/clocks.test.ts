import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { filesOf } from './rooms/imports.ts';

/**
 * The clock of the wall jumps: by NTP, by hand, when a machine wakes up. Durations are measured by `performance.now()`. Who
 * needs to know what time it is stands here, with the reason.
 */
const ASKS_THE_TIME: Readonly<Record<string, string>> = {
  'images/directory/sd-p2p/peers.ts': 'registrations of the dialect are kept over restarts',
  'images/directory/sd-p2p/routes.ts': 'registrations of the dialect are kept over restarts',
  'images/directory/storage/rows.ts': 'the ends of tokens are kept over restarts',
  'images/directory/tickets.ts': 'a ticket ends at a time that others must know',
  'images/peer/directory/tickets.ts': 'a ticket ends at a time',
  'images/peer/share/parts-folder.ts': 'compared with the time of a file',
  'images/peer/share/share.ts': 'compared with the time of a file',
  'images/peer/testing/stand-in-directory.ts': 'makes tickets',
  'lab/doubles/double.ts': 'says when, in its log',
  'lab/drivers/kubernetes/objects.ts': 'says when a Lease was renewed',
  'lab/drivers/kubernetes/sweeper.ts': 'compared with the times of objects of the cluster',
  'lab/keeper/serve.ts': 'says when, in its log',
  'lab/run/clock.ts': 'says when the run began',
  'lab/watchdog/take-over.ts': 'says when, in its log',
  'lab/watchdog/watchdog.ts': 'says when the run began',
};

const WALL_CLOCK = /\bDate\.now\(|\bnew Date\(\)/;

test('durations are measured on a clock that does not jump', () => {
  const root = path.resolve(import.meta.dirname, '..');
  const asking = filesOf(root)
    .map(({ file }) => file)
    .filter((file) => /^(lab|images|proto)\/.*\.ts$/.test(file) && !file.endsWith('.test.ts'))
    .filter((file) => WALL_CLOCK.test(readFileSync(path.join(root, file), 'utf8')));
  expect(asking.sort()).toEqual(Object.keys(ASKS_THE_TIME).sort());
});
