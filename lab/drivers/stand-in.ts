import { execFileSync } from 'node:child_process';
import { appendFileSync, linkSync, mkdirSync, statSync, symlinkSync } from 'node:fs';
import { createServer } from 'node:http';

/**
 * A service that behaves as its user name says: how the drivers' tests get a peer that is never ready, exits early or
 * ignores SIGTERM. Runs alone, in a container too, so it imports nothing of ours. `/env` shows its environment.
 */
const { PEER_USER, PEER_HOST, PEER_CONTROL_PORT, PEER_SHARE_DIR, DIRECTORY_HOST, DIRECTORY_PORT } = process.env;

if (PEER_USER === 'exits-early') {
  console.error('I can not go on: the reason');
  process.exit(3);
}
if (PEER_USER === 'lives-once') {
  // A file of the share, which alone belongs to the user of any image and outlives a restart.
  const lives = `${PEER_SHARE_DIR}/lives`;
  if (statSync(lives).size > 0) {
    console.error('once is enough');
    process.exit(4);
  }
  appendFileSync(lives, 'one');
}
if (PEER_USER === 'stubborn') process.on('SIGTERM', () => console.log('no'));
else process.on('SIGTERM', () => process.exit(0));

const eaten: Buffer[] = [];
const server = createServer((request, response) => {
  if (request.url === '/healthz' && PEER_USER === 'never-ready') response.statusCode = 503;
  if (request.url === '/burn') burn(300);
  if (request.url === '/eat') eat(160);
  if (request.url === '/leave-odd-things') leaveOddThings();
  if (request.url === '/exit') setTimeout(() => process.exit(7), 10);
  response.end(JSON.stringify(process.env));
});
server.listen(Number(PEER_CONTROL_PORT ?? DIRECTORY_PORT), PEER_HOST ?? DIRECTORY_HOST);
console.log('the stand-in speaks');

/** So much CPU time, however long that takes by the clock: a busy machine must not make it less. */
function burn(ms: number): void {
  const usedMs = () => (process.cpuUsage().user + process.cpuUsage().system) / 1000;
  const until = usedMs() + ms;
  while (usedMs() < until) for (let spin = 0; spin < 1e6; spin++);
}

/** Memory counts when it is written to. */
function eat(mib: number): void {
  for (let i = 0; i < mib; i++) eaten.push(Buffer.alloc(1024 * 1024, i + 1));
}

/** Beside the file `a` of the share. */
function leaveOddThings(): void {
  const at = (name: string) => `${PEER_SHARE_DIR}/${name}`;
  mkdirSync(at('empty folder'));
  linkSync(at('a'), at('hard link'));
  symlinkSync('a', at('link to a'));
  symlinkSync('/etc', at('link to a folder'));
  execFileSync('mkfifo', [at('fifo')]);
}
