import { readFileSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';

/**
 * One address before several directories, as a Service of Kubernetes is: each connection goes to one that is ready, in turns, and
 * stays there. It knows nothing of what passes. What it knows of them is a moment old, so those that were not ready then are tried when no
 * other can be reached.
 *
 * Settings: PEERLAB_FRONT_HOST, PEERLAB_FRONT_PORT; PEERLAB_FRONT_HEALTH_PORT, where it says that it lives; and
 * PEERLAB_FRONT_BACKENDS, a file with a URL in each line. The file may come, and change, later.
 */

const LOOK_MS = 200;
/** One that does not answer within this time is not ready. */
const ANSWER_MS = 1000;
const CONNECT_MS = 1000;
/** Of all clients together; the directories have bounds of their own. */
const MAX_CONNECTIONS = 4096;

const env = (name: string) => process.env[`PEERLAB_FRONT_${name}`] ?? '';
const host = env('HOST');

const ready = new Set<string>();
let turn = 0;

function backends(): string[] {
  try {
    return readFileSync(env('BACKENDS'), 'utf8').split('\n').filter(Boolean);
  } catch {
    return []; // None has started yet.
  }
}

async function look(url: string): Promise<void> {
  const isReady = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(ANSWER_MS) }).then(
    async (answer) => {
      await answer.body?.cancel();
      return answer.ok;
    },
    () => false,
  );
  if (isReady === ready.has(url)) return;
  if (isReady) ready.add(url);
  else ready.delete(url);
  process.stdout.write(`${JSON.stringify({ level: 30, name: 'front', url, msg: isReady ? 'ready' : 'not ready' })}\n`);
}

/** One look at each backend at a time. */
async function watch(): Promise<never> {
  const looking = new Set<string>();
  for (;;) {
    for (const url of backends()) {
      if (looking.has(url)) continue;
      looking.add(url);
      void look(url).finally(() => looking.delete(url));
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}

/** Tries one after the other, beginning with the one whose turn it is. */
function connect(client: net.Socket, urls: readonly string[]): void {
  const [url, ...others] = urls;
  if (url === undefined || client.destroyed) return void client.destroy();
  const { hostname, port } = new URL(url);
  const backend = net.connect({ host: hostname.replace(/^\[|\]$/g, ''), port: Number(port) });
  const late = setTimeout(() => backend.destroy(new Error('late')), CONNECT_MS);
  backend.once('connect', () => {
    clearTimeout(late);
    join(client, backend);
  });
  backend.once('error', () => {
    clearTimeout(late);
    // It was ready a moment ago.
    connect(client, others);
  });
}

/** Bytes go both ways, as fast as each side takes them; one that breaks breaks the other. */
function join(client: net.Socket, backend: net.Socket): void {
  backend.removeAllListeners('error');
  for (const [one, other] of [
    [client, backend],
    [backend, client],
  ] as const) {
    one.on('error', () => other.destroy());
    // An end in order is passed on by the pipe, behind all that came before it.
    one.pipe(other);
  }
}

const server = net.createServer({ noDelay: true }, (client) => {
  client.on('error', () => {});
  const all = backends();
  const urls = all.filter((url) => ready.has(url));
  const others = all.filter((url) => !ready.has(url));
  const first = urls.length === 0 ? 0 : turn++ % urls.length;
  connect(client, [...urls.slice(first), ...urls.slice(0, first), ...others]);
});
server.maxConnections = MAX_CONNECTIONS;
server.listen(Number(env('PORT')), host);
http.createServer((_, response) => void response.end('{}')).listen(Number(env('HEALTH_PORT')), host);
process.on('SIGTERM', () => process.exit(0));
void watch();
