import { type ChildProcess, execFile, spawn } from 'node:child_process';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { reasonOf } from '#proto/errors.ts';
import { Report } from './kit/report.ts';

/**
 * From `kubectl apply -f k8s/` until the page shows six peers and a pass, on the cluster that PEERLAB_KUBECONFIG names, with the images
 * loaded (make k8s-load). The page is asked through `kubectl port-forward`, as a teacher looks at it.
 */

const LIMIT_SECONDS = 60;
const PATIENCE_MS = 300_000;
const PEERS = 6;
const MANIFESTS = path.resolve(import.meta.dirname, '../k8s');

interface Status {
  readonly peers: readonly { readonly loggedIn: boolean }[];
  readonly runs: readonly { readonly verdict?: string }[];
}

const env = { ...process.env, KUBECONFIG: process.env.PEERLAB_KUBECONFIG };
const kubectl = (...args: string[]) => promisify(execFile)('kubectl', args, { env });

/** Until the page has a pod, there is nothing to forward to. @returns its URL, or undefined when it is not there yet */
function forward(): Promise<{ child: ChildProcess; url: string } | undefined> {
  const words = ['-n', 'peerlab', 'port-forward', 'service/lab', ':8080'];
  const child = spawn('kubectl', words, { env, stdio: ['ignore', 'pipe', 'ignore'] });
  return new Promise((resolve) => {
    child.on('close', () => resolve(undefined));
    child.on('error', () => resolve(undefined));
    child.stdout.on('data', (part: Buffer) => {
      const port = /127\.0\.0\.1:(\d+)/.exec(`${part}`)?.[1];
      if (port !== undefined) resolve({ child, url: `http://127.0.0.1:${port}/status?token=classroom` });
    });
  });
}

async function secondsToPass(): Promise<{ sixSeconds: number; passSeconds: number }> {
  const began = performance.now();
  const seconds = () => (performance.now() - began) / 1000;
  await kubectl('apply', '-f', MANIFESTS);
  let page = await forward();
  let sixSeconds: number | undefined;
  try {
    for (; performance.now() - began < PATIENCE_MS; await sleep(250)) {
      page ??= await forward();
      const status =
        page &&
        (await fetch(page.url).then(
          (answer) => answer.json() as Promise<Status>,
          () => undefined,
        ));
      if (status?.peers.filter(({ loggedIn }) => loggedIn).length === PEERS) sixSeconds ??= seconds();
      const verdict = status?.runs[0]?.verdict;
      if (verdict === 'pass' && sixSeconds !== undefined) return { sixSeconds, passSeconds: seconds() };
      if (verdict !== undefined && verdict !== 'pass') throw new Error(`the verdict was ${verdict}`);
    }
    throw new Error(`no pass within ${PATIENCE_MS / 1000} s`);
  } finally {
    page?.child.kill();
  }
}

const report = new Report('classroom');
if (!process.env.PEERLAB_KUBECONFIG)
  report.missing('a classroom: PEERLAB_KUBECONFIG names no cluster that may be used');
else if ((await kubectl('get', 'namespace', 'peerlab', '--ignore-not-found')).stdout !== '')
  report.missing('a classroom: this cluster has one already, which is left alone');
else {
  try {
    const { sixSeconds, passSeconds } = await secondsToPass();
    report.row('kubectl apply -f k8s/', {
      'six peers': `${sixSeconds.toFixed(1)} s`,
      pass: `${passSeconds.toFixed(1)} s`,
    });
    report.atMost('classroom-seconds-to-pass', passSeconds, LIMIT_SECONDS);
  } catch (error) {
    report.missing(`a classroom: ${reasonOf(error)}`);
  } finally {
    await kubectl('delete', '--wait', '-f', MANIFESTS);
  }
}
report.close();
