import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { EXPECTATIONS } from './testing/expectations.ts';
import { forward, Terminal } from './testing/terminal.ts';

/** docs/classroom.md line by line on a real cluster, the one that PEERLAB_KUBECONFIG names, and what can only be seen beside it. */

const ROOT = path.resolve(import.meta.dirname, '../..');
const VERSION = JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8')).version;
const NAMESPACES = ['peerlab', 'peerlab-team-red', 'peerlab-team-blue'];
const LINE_TIMEOUT_MS = 400_000;
const env = { ...process.env, KUBECONFIG: process.env.PEERLAB_KUBECONFIG };

async function kubectl(...args: string[]): Promise<{ code: number; output: string }> {
  return promisify(execFile)('kubectl', args, { env, maxBuffer: 64 * 1024 * 1024 }).then(
    ({ stdout, stderr }) => ({ code: 0, output: `${stdout}${stderr}` }),
    ({ code, stdout, stderr }) => ({ code, output: `${stdout}${stderr}` }),
  );
}

const ours = async () => {
  const { output } = await kubectl('get', 'namespaces', ...NAMESPACES, '--ignore-not-found', '-o', 'name');
  return output.trim();
};

/** Tries to connect from a pod. @returns `connected`, or why not, for each place */
async function connections(namespace: string, pod: string, places: readonly string[]): Promise<string[]> {
  const script = `const net = require('node:net');
for (const place of process.argv.slice(1)) {
  const [, host, port] = /^(.*):(\\d+)$/.exec(place);
  const socket = net.connect(Number(port), host);
  socket.setTimeout(4000, () => socket.destroy(new Error('dropped')));
  socket.on('connect', () => { console.log(place, 'connected'); socket.destroy(); });
  socket.on('error', (error) => console.log(place, 'no:', error.code ?? error.message));
}`;
  const { output } = await kubectl('-n', namespace, 'exec', pod, '--', 'node', '-e', script, ...places);
  return places.map((place) => {
    const line = output.split('\n').find((one) => one.startsWith(`${place} `));
    return line?.slice(place.length + 1) ?? `nothing: ${output}`;
  });
}

/** For whoever reads why a line failed: the cluster is gone by then. */
async function lastWords(): Promise<string> {
  const pods = await kubectl('get', 'pods', '--all-namespaces');
  const job = ['logs', '--selector=app.kubernetes.io/component=job', '--prefix', '--tail=15'];
  const runs = await kubectl('-n', 'peerlab', ...job);
  return `${pods.output}\n${runs.output}`;
}

const NO = expect.stringMatching(/^no: /);

/** What is tried after a line, beside it. */
const BESIDE: Readonly<Record<string, readonly (readonly [what: string, work: () => Promise<void>])[]>> = {
  'kubectl -n peerlab logs job/lab': [
    [
      'the whole of k8s/ is valid by the schema of the cluster',
      async () => {
        const { code, output } = await kubectl('apply', '--dry-run=server', '--validate=strict', '-f', `${ROOT}/k8s`);
        expect({ code, output }).toMatchObject({ code: 0, output: expect.not.stringMatching(/warning/i) });
      },
    ],
    [
      'a pod with privileges is refused',
      async () => {
        const pod = ['run', 'root', `--image=peerlab/peer:${VERSION}`, '--privileged', '--dry-run=server'];
        expect(await kubectl('-n', 'peerlab', ...pod)).toMatchObject({
          code: 1,
          output: expect.stringContaining('violates PodSecurity "restricted'),
        });
      },
    ],
    [
      'a peer reaches peers and the directory; the API server, keepers, the page and all that is outside refuse it',
      async () => {
        const server = JSON.parse((await kubectl('config', 'view', '--minify', '-o', 'json')).output).clusters[0]
          .cluster;
        const api = new URL(server.server);
        const allowed = ['directory:5000', 'peers-2.peers:50051'];
        const refused = [
          `${api.hostname}:${api.port || 443}`,
          'kubernetes.default.svc:443',
          'peers-2.peers:50052',
          'peers-2.peers:50053',
          'lab:8080',
          '192.0.2.1:80',
        ];
        expect(await connections('peerlab', 'peers-1', [...allowed, ...refused])).toEqual([
          ...allowed.map(() => 'connected'),
          ...refused.map(() => NO),
        ]);
      },
    ],
    [
      'no pod has a token of the API server',
      async () => {
        const look = ['exec', 'peers-1', '--', 'ls', '/var/run/secrets/kubernetes.io'];
        expect(await kubectl('-n', 'peerlab', ...look)).toMatchObject({
          output: expect.stringContaining('No such file'),
        });
      },
    ],
  ],
  'kubectl -n peerlab wait --for=condition=complete job/lab --timeout=300s': [
    [
      'how long it took',
      async () => {
        const { output } = await kubectl('-n', 'peerlab', 'get', 'job', 'lab', '-o', 'json');
        const { metadata, status } = JSON.parse(output);
        const seconds = (Date.parse(status.completionTime) - Date.parse(metadata.creationTimestamp)) / 1000;
        console.log(`CLASSROOM from apply to the verdict: ${seconds} s`);
        expect(seconds).toBeLessThan(120);
      },
    ],
  ],
  wait: [
    [
      'the download came to its end, from the one that was left: both have the same file',
      async () => {
        const sum = async (pod: string) =>
          (await kubectl('-n', 'peerlab', 'exec', pod, '--', 'sha256sum', '/share/film.bin')).output.split(' ')[0];
        const [one, other] = await Promise.all([sum('peers-1'), sum('peers-3')]);
        expect(one).toMatch(/^[0-9a-f]{64}$/);
        expect(other).toBe(one);
      },
    ],
  ],
  'kubectl -n peerlab rollout status deployment/directory --timeout=180s': [
    [
      'what the directory acknowledged survived its pod: an account has the password that it had before',
      async () => {
        const login = `{ user: 'peers-1', password: 'another', ip: process.env.POD_IP, port: 1, files: [] }`;
        const script = `fetch('http://directory:5000/login', { method: 'POST', body: JSON.stringify(${login}) })
          .then(async (answer) => console.log(await answer.text()))`;
        // The service learns of its new pod a moment after the pod is ready.
        const answer = async () =>
          (await kubectl('-n', 'peerlab', 'exec', 'peers-1', '--', 'node', '-e', script)).output;
        await expect.poll(answer, { timeout: 30_000, interval: 500 }).toContain('wrong-password');
      },
    ],
  ],
  'kubectl delete -f k8s/': [
    [
      'nothing is left',
      async () => {
        expect(await ours()).toBe('');
        const { output } = await kubectl('get', 'persistentvolumes', '-o', 'json');
        const left = JSON.parse(output).items.filter(
          (volume: { spec: { claimRef?: { namespace: string } } }) => volume.spec.claimRef?.namespace === 'peerlab',
        );
        // The provisioner removes the volume of a claim that is gone, in its own time.
        if (left.length > 0)
          expect((await kubectl('wait', '--for=delete', `pv/${left[0].metadata.name}`, '--timeout=60s')).code).toBe(0);
      },
    ],
  ],
  'kubectl auth can-i list pods --namespace=peerlab-team-blue': [
    [
      'a team reads no secret, sees no namespace, and reaches no pod of another',
      async () => {
        const as = (...args: string[]) => kubectl('--as=system:serviceaccount:peerlab-team-red:student', ...args);
        expect(await as('-n', 'peerlab-team-red', 'get', 'secrets')).toMatchObject({ code: 1 });
        expect(await as('get', 'namespaces')).toMatchObject({ code: 1 });
        expect(await as('-n', 'peerlab-team-red', 'get', 'pods')).toMatchObject({ code: 0 });
        expect(await as('-n', 'peerlab-team-blue', 'get', 'pods')).toMatchObject({ code: 1 });
        const there = await connections('peerlab-team-red', 'peers-1', [
          'directory:5000',
          'directory.peerlab-team-blue:5000',
          'peers-1.peers.peerlab-team-blue:50051',
          'lab.peerlab-team-blue:8080',
        ]);
        expect(there).toEqual(['connected', NO, NO, NO]);
      },
    ],
  ],
};

describe('docs/classroom.md', () => {
  // What the lines name, and room for what they write.
  const folder = mkdtempSync(path.join(tmpdir(), 'peerlab-classroom-'));
  for (const name of ['Makefile', 'bin', 'k8s']) symlinkSync(path.join(ROOT, name), path.join(folder, name));
  const terminal = new Terminal(folder, { ...env, PEERLAB_KUBECONFIG: undefined });
  let mine = false;
  let broken: string | undefined;

  beforeAll(async () => {
    const there = await ours();
    if (there !== '') throw new Error(`this cluster has a classroom already, which is left alone: ${there}`);
    mine = true;
    // `unset KUBECONFIG` is back to the settings of the one who types: here, of the test.
    await terminal.run(`unset() { builtin unset "$@"; export KUBECONFIG='${env.KUBECONFIG}'; }`, LINE_TIMEOUT_MS);
  });

  afterAll(async () => {
    await terminal[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true });
    if (mine) await kubectl('delete', 'namespace', ...NAMESPACES, '--ignore-not-found', '--timeout=120s');
  }, 200_000);

  /** What comes after a line that failed would fail for the same reason. */
  const inTurn = (name: string, work: () => Promise<void>, staysWhole = false) =>
    test(name, { timeout: LINE_TIMEOUT_MS + 10_000 }, async ({ skip }) => {
      if (broken !== undefined) skip(`after "${broken}"`);
      await work().catch(async (error) => {
        if (!staysWhole) broken = name;
        console.log(await lastWords());
        throw error;
      });
    });

  for (const [line, expectation] of EXPECTATIONS) {
    inTurn(line, async () => {
      if (/ port-forward /.test(line)) {
        using way = await forward(line, env);
        return void (await expectation({ line, code: 0, output: '' }, way));
      }
      await expectation(await terminal.run(line, LINE_TIMEOUT_MS), {});
    });
    for (const [what, work] of BESIDE[line] ?? []) inTurn(what, work, true);
  }

  test('logins of teams are for their owners alone', ({ skip }) => {
    if (broken !== undefined) skip(`after "${broken}"`);
    for (const team of ['red', 'blue'])
      expect(statSync(path.join(folder, 'teams', `${team}.kubeconfig`)).mode & 0o777).toBe(0o600);
  });
});
