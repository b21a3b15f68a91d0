import { readFileSync } from 'node:fs';
import https from 'node:https';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * THE WATCHDOG of a run: removes the namespace that it lives in when the lab has not renewed its Lease. It stands on Node alone, and may
 * read that Lease and delete this namespace, nothing else; and put back in service the nodes that the Lease names.
 *
 *   watchdog.ts NAMESPACE LEASE SECONDS FOLDER   the folder has `token` and `ca.crt` of its account
 *
 * Clocks of others are not believed: what counts is for how long the Lease has stayed the same while it could be read. So a server that
 * was away gives the lab its full time again.
 */
/** How often it looks while a Lease may stay the same: every 2.4 s where that is 48 s. */
const LOOKS = 20;
const CALL_TIMEOUT_MS = 10_000;
const RUN_LABEL = 'peerlab.run';

const [namespace = '', lease = '', seconds = '', folder = ''] = process.argv.slice(2);
if (!(Number(seconds) > 0) || folder === '') {
  process.stderr.write('usage: watchdog.ts NAMESPACE LEASE SECONDS FOLDER\n');
  process.exit(64);
}
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => process.exit(0));

let nodes: string[] = [];
let seen = '';
let since = performance.now();
for (;;) {
  const { status, text } = await ask('GET', `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases/${lease}`);
  const said = status === 200 ? JSON.parse(text) : undefined;
  const renewed = said && String(said.spec?.renewTime);
  if (said)
    nodes = String(said.metadata?.annotations?.['peerlab.nodes'] ?? '')
      .split(',')
      .filter(Boolean);
  // A Lease that somebody removed is not renewed either.
  const isSame = status === 404 || renewed === seen;
  if (!isSame) {
    seen = renewed ?? seen;
    since = performance.now();
  } else if (performance.now() - since > Number(seconds) * 1000) {
    process.stdout.write(`the lab has not renewed its lease for ${seconds} s: ${namespace} is removed\n`);
    // Before it loses the right to.
    for (const node of nodes) await putBack(node);
    const answer = await ask('DELETE', `/api/v1/namespaces/${namespace}`);
    process.stdout.write(`status ${answer.status}\n`);
  }
  await sleep((Number(seconds) * 1000) / LOOKS);
}

/** One that carries the label of this run, and no other. */
async function putBack(node: string): Promise<void> {
  const at = `/api/v1/nodes/${node}`;
  const { status, text } = await ask('GET', at);
  const run = status === 200 ? JSON.parse(text).metadata?.labels?.[RUN_LABEL] : undefined;
  if (run === undefined || !namespace.endsWith(`-${run}`.toLowerCase())) return;
  const body = { metadata: { labels: { [RUN_LABEL]: null } }, spec: { unschedulable: null } };
  const answer = await ask('PATCH', at, body);
  process.stdout.write(`node ${node} is put back in service: status ${answer.status}\n`);
}

/** @returns status 0 when nobody answered */
function ask(method: string, at: string, body?: object): Promise<{ status: number; text: string }> {
  return new Promise((resolve) => {
    const nobody = (error: Error) => {
      process.stderr.write(`${method} ${at}: ${error.message}\n`);
      resolve({ status: 0, text: '' });
    };
    try {
      // The token is another one from time to time.
      const headers = {
        authorization: `Bearer ${readFileSync(path.join(folder, 'token'), 'utf8')}`,
        ...(body && { 'content-type': 'application/merge-patch+json' }),
      };
      const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = process.env;
      const ca = readFileSync(path.join(folder, 'ca.crt'));
      const signal = AbortSignal.timeout(CALL_TIMEOUT_MS);
      https
        .request({ host, port, method, path: at, headers, ca, agent: false, signal }, (response) => {
          let text = '';
          response.setEncoding('utf8');
          response.on('data', (part) => (text += part));
          response.on('error', nobody);
          response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
        })
        .on('error', nobody)
        .end(body && JSON.stringify(body));
    } catch (error) {
      nobody(error as Error);
    }
  });
}
