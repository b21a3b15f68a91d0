import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { median, sayBar } from './kit/report.ts';

/**
 * CPU time (user + system) of a built peer until it is ready, against a process that only imports the npm packages that the
 * peer imports: services start often, so they must start fast. Alternating, medians.
 */

const RUNS = 5;
const LIMIT = 1.3;
/** As bin/start and the process driver set it; a first, uncounted start fills it. */
const COMPILE_CACHE = fileURLToPath(new URL('../node_modules/.cache/peerlab', import.meta.url));
const FLAGS = ['--max-semi-space-size=1'];
const PACKAGES = [
  '@grpc/grpc-js',
  '@grpc/proto-loader',
  'express',
  'pino',
  'pino-http',
  'prom-client',
  'zod',
  'bytes-iec',
  'parse-duration',
];

function importOnly(): number {
  const script = `${PACKAGES.map((name) => `import '${name}';`).join('')}const u=process.cpuUsage();console.log((u.user+u.system)/1e6)`;
  const root = fileURLToPath(new URL('..', import.meta.url));
  const output = execFileSync(process.execPath, [...FLAGS, '--input-type=module', '-e', script], { cwd: root });
  return Number(output.toString());
}

async function readyPeer(): Promise<number> {
  const share = mkdtempSync(join(tmpdir(), 'peerlab-bench-'));
  const env = {
    ...{ PEER_USER: 'bench', PEER_PASSWORD: 'x', PEER_CONTROL_TOKEN: 'x', PEER_SHARE_DIR: share },
    ...{ PEER_PORT: '0', PEER_CONTROL_PORT: '0', NODE_ENV: 'production', NODE_COMPILE_CACHE: COMPILE_CACHE },
  };
  const main = fileURLToPath(new URL('../dist/images/peer/main.js', import.meta.url));
  const child = spawn(process.execPath, [...FLAGS, main], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    for await (const line of createInterface({ input: child.stdout })) {
      const { msg, cpuSeconds } = JSON.parse(line);
      if (msg === 'ready') return cpuSeconds;
    }
    throw new Error('the peer ended before it was ready');
  } finally {
    child.kill('SIGTERM');
    await once(child, 'exit');
    rmSync(share, { recursive: true, force: true });
  }
}

const imports: number[] = [];
const peers: number[] = [];
await readyPeer();
for (let run = 0; run < RUNS; run++) {
  imports.push(importOnly());
  peers.push(await readyPeer());
}
const ratio = median(peers) / median(imports);
console.log(
  `startup: imports only ${median(imports).toFixed(3)} s, ready peer ${median(peers).toFixed(3)} s of CPU (medians of ${RUNS})`,
);
sayBar('startup', ratio, LIMIT);
