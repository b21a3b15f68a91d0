import { setTimeout as sleep } from 'node:timers/promises';
import { EXIT } from '#proto/errors.ts';
import { printable } from '#proto/printable.ts';
import { lookAround, type NetworkState } from './network.ts';
import { networkSettings } from './settings.ts';

/**
 * `wait.ts COUNT`: waits until that number of peers is logged in, so that a run does not begin before what it is played on stands. Exit code 75
 * with the reason when they are not in time.
 */
const PATIENCE_MS = 180_000;
const POLL_MS = 500;

const wanted = Number(process.argv[2]);
if (!Number.isSafeInteger(wanted) || wanted < 1) {
  process.stderr.write('usage: wait.ts COUNT\n');
  process.exit(EXIT.usage);
}
const settings = networkSettings(process.env);
const endsAt = performance.now() + PATIENCE_MS;
let last = '';
for (;;) {
  const state = await lookAround(settings);
  const online = state.peers.filter(({ loggedIn }) => loggedIn).length;
  const news = `${online} of ${wanted} peers are logged in${reasonIn(state)}`;
  if (news !== last) process.stdout.write(`${printable(news)}\n`);
  last = news;
  if (online >= wanted) break;
  if (performance.now() > endsAt) process.exit(EXIT.inconclusive);
  await sleep(POLL_MS);
}

function reasonIn({ trouble, directory }: NetworkState): string {
  if (trouble !== undefined) return `: they can not be found (${trouble})`;
  return 'trouble' in directory ? `: the directory does not answer (${directory.trouble})` : '';
}
