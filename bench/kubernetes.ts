import { execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { V1Pod } from '@kubernetes/client-node';
import { reasonOf } from '#proto/errors.ts';
import { Cluster } from '../lab/drivers/kubernetes/cluster.ts';
import { findKubeconfig } from '../lab/drivers/kubernetes/kubeconfig.ts';
import { KubernetesRun } from '../lab/drivers/kubernetes/kubernetes-run.ts';
import { namespaceOf, SECRET } from '../lab/drivers/kubernetes/names.ts';
import { namespaceObject } from '../lab/drivers/kubernetes/objects.ts';
import { instancePod } from '../lab/drivers/kubernetes/pods.ts';
import { CONTROL_PORT } from '../lab/drivers/kubernetes/ports.ts';
import { ownImage, ownProgram } from '../lab/drivers/kubernetes/programs.ts';
import { surveyCluster } from '../lab/drivers/kubernetes/survey.ts';
import { LazyDriver } from '../lab/drivers/lazy-driver.ts';
import { usageOf } from '../lab/machine/proc.ts';
import { peerEnv, secondsOf, timeFleet } from './kit/fleet.ts';
import { median, Report } from './kit/report.ts';

/**
 * Set-up and removal of 50 pods (a directory and 49 peers) by the driver, against kubectl: `kubectl apply` of the same pods, which here start
 * their programs by themselves, and `kubectl wait` until all are ready; `kubectl delete namespace`. Each has its namespace before. The lab's
 * removal stops the services in order and saves their logs beside that. Alternating, medians. Requests to the API server of a whole run; and
 * what the lab itself takes of its machine in a run with 200 pods.
 */

const PODS = 50;
const ROUNDS = 3;
const MANY_PODS = 200;
const MANY_WAIT_SECONDS = 30;
const KUBECTL_TIMEOUT_MS = 300_000;
const RUN_TIMEOUT_MS = 900_000;
const LOOK_MS = 500;
const MIB = 1024 * 1024;
const SET_UP_LIMIT = 1.15;
const REMOVAL_LIMIT = 1.15;
const CALLS_LIMIT = 6;
const MEMORY_LIMIT_MIB = 250;
const CPU_LIMIT = 0.15;

interface Times {
  readonly setUpSeconds: number;
  readonly removalSeconds: number;
}

async function kubectl(...args: string[]): Promise<void> {
  const { PEERLAB_KUBECONFIG } = process.env;
  const config = PEERLAB_KUBECONFIG ? ['--kubeconfig', PEERLAB_KUBECONFIG] : [];
  await promisify(execFile)('kubectl', [...config, ...args], { timeout: KUBECTL_TIMEOUT_MS });
}

/** As the driver makes it; but its keeper starts the program at once, and the cluster itself asks whether it is ready. */
function readyByItself(runId: string, name: string): V1Pod {
  const { image, command = [] } = ownProgram('peer');
  const pod = instancePod({ runId, name, role: 'peer', image, command, labImage: ownImage('lab') });
  const { spec, ...rest } = pod;
  const [container] = spec?.containers ?? [];
  const env = { ...peerEnv(name), PEER_DIRECTORY_URL: 'http://127.0.0.1:5000', PEER_LOGIN: '0' };
  const containers = [
    {
      ...(container as NonNullable<typeof container>),
      command: container?.command?.filter((word) => word !== '--idle') ?? [],
      env: [...(container?.env ?? []), ...Object.entries(env).map(([name, value]) => ({ name, value }))],
      readinessProbe: { httpGet: { path: '/healthz', port: CONTROL_PORT }, periodSeconds: 1 },
    },
  ];
  return { ...rest, spec: { ...(spec as NonNullable<V1Pod['spec']>), serviceAccountName: 'default', containers } };
}

async function timeKubectl(): Promise<Times> {
  const runId = `bench${randomBytes(4).toString('hex')}`;
  const namespace = namespaceOf(runId);
  const folder = mkdtempSync(path.join(tmpdir(), 'peerlab-bench-'));
  const write = (name: string, items: object[]) => {
    const file = path.join(folder, name);
    writeFileSync(file, JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));
    return file;
  };
  const stringData = { keeper: 'bench', gateway: 'bench', agent: 'bench' };
  const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name: SECRET, namespace }, stringData };
  let removalSeconds = Number.NaN;
  try {
    await kubectl('apply', '-f', write('namespace.json', [namespaceObject(runId, 'restricted'), secret]));
    const pods = write(
      'pods.json',
      Array.from({ length: PODS }, (_, i) => readyByItself(runId, `peer-${i + 1}`)),
    );
    const setUpSeconds = await secondsOf(async () => {
      await kubectl('apply', '-f', pods);
      await kubectl('-n', namespace, 'wait', '--for=condition=Ready', 'pod', '--all', '--timeout=240s');
    });
    removalSeconds = await secondsOf(() => kubectl('delete', 'namespace', namespace));
    return { setUpSeconds, removalSeconds };
  } finally {
    rmSync(folder, { recursive: true });
    if (Number.isNaN(removalSeconds)) await kubectl('delete', 'namespace', namespace).catch(() => {});
  }
}

/** The directory is a pod too, and the peers are started when it is there. */
async function timeLab(): Promise<Times & { readonly calls: number }> {
  const cluster = await Cluster.named();
  const { directorySeconds, setUpSeconds, removalSeconds } = await timeFleet(
    (init) => new LazyDriver('kubernetes', init, async () => () => new KubernetesRun(init, cluster)),
    PODS - 1,
  );
  return { setUpSeconds: directorySeconds + setUpSeconds, removalSeconds, calls: cluster.calls };
}

const SCENARIO = `name: many
description: What does the lab take when it leads ${MANY_PODS} pods?
groups: {peers: {count: ${MANY_PODS - 1}, share: {files: 1, size: 1KiB}}}
steps: [{login: all}, {wait: ${MANY_WAIT_SECONDS}s}, {logout: all}]
expect: [operations.login.failed == 0]
`;

/** The lab as a process of its own, in a whole run. */
async function measureLab(): Promise<{ memoryMib: number; cores: number; seconds: number; said: string }> {
  const folder = mkdtempSync(path.join(tmpdir(), 'peerlab-bench-'));
  try {
    const scenario = path.join(folder, 'many.yaml');
    writeFileSync(scenario, SCENARIO);
    // As users start it: bin/lab becomes the lab, and keeps its number.
    const lab = path.join(import.meta.dirname, '../bin/lab');
    const args = ['run', scenario, '--driver', 'kubernetes', '--results', path.join(folder, 'results')];
    const child = spawn(lab, [...args, '--quiet'], { stdio: ['ignore', 'pipe', 'inherit'] });
    let said = '';
    child.stdout.setEncoding('utf8').on('data', (part) => (said += part));
    const late = setTimeout(() => child.kill('SIGTERM'), RUN_TIMEOUT_MS);
    const ended = once(child, 'close');
    const began = performance.now();
    let [memoryMib, cpuSeconds] = [0, 0];
    while (child.exitCode === null && child.signalCode === null) {
      const pid = child.pid ?? 0;
      cpuSeconds = (await usageOf(pid))?.cpuSeconds ?? cpuSeconds;
      memoryMib = Math.max(memoryMib, mostMib(pid));
      await sleep(LOOK_MS);
    }
    const [code] = await ended;
    clearTimeout(late);
    if (code !== 0) throw new Error(`the run of ${MANY_PODS} pods ended with exit code ${code}: ${said}`);
    const seconds = (performance.now() - began) / 1000;
    return { memoryMib, cores: cpuSeconds / seconds, seconds, said: said.trim() };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The most that it ever had in memory. */
function mostMib(pid: number): number {
  try {
    const kib = /^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return (Number(kib ?? 0) * 1024) / MIB;
  } catch {
    return 0;
  }
}

/** What keeps all of this from being measured. */
async function lackOfAll(): Promise<{ lacking: string } | { room: number }> {
  if (!findKubeconfig(process.env)) return { lacking: 'no kubeconfig names a cluster (PEERLAB_KUBECONFIG)' };
  try {
    const cluster = await Cluster.named();
    const { nodes } = await surveyCluster(cluster);
    cluster.close();
    await kubectl('version');
    return { room: nodes.reduce((sum, { pods }) => sum + pods, 0) };
  } catch (error) {
    return { lacking: reasonOf(error) };
  }
}

const found = await lackOfAll();
if ('lacking' in found) {
  console.log(`kubernetes: not measured, ${found.lacking}`);
} else {
  const report = new Report('kubernetes');
  const lab: Awaited<ReturnType<typeof timeLab>>[] = [];
  const command: Times[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    // Whoever comes first in a round finds a colder machine: they take turns at that.
    const turns = [async () => lab.push(await timeLab()), async () => command.push(await timeKubectl())];
    for (const turn of round % 2 === 0 ? turns : turns.reverse()) await turn();
  }
  const setUp = (times: readonly Times[]) => median(times.map(({ setUpSeconds }) => setUpSeconds));
  const removal = (times: readonly Times[]) => median(times.map(({ removalSeconds }) => removalSeconds));
  const rowOf = (times: readonly Times[]) => ({
    'set-up': `${setUp(times).toFixed(1)} s`,
    removal: `${removal(times).toFixed(1)} s`,
  });
  const calls = Math.max(...lab.map(({ calls }) => calls));
  report.row(`the driver, ${PODS} pods`, { ...rowOf(lab), requests: calls });
  report.row(`kubectl, ${PODS} pods`, rowOf(command));
  report.atMost('kubernetes-setup', setUp(lab) / setUp(command), SET_UP_LIMIT);
  report.atMost('kubernetes-removal', removal(lab) / removal(command), REMOVAL_LIMIT);
  report.atMost('kubernetes-calls', calls / (PODS - 1), CALLS_LIMIT);
  if (found.room < MANY_PODS + 2) {
    report.missing(`the lab with ${MANY_PODS} pods: the nodes take ${found.room} pods, of all users`);
  } else {
    const { memoryMib, cores, seconds, said } = await measureLab();
    const figures = { memory: `${memoryMib.toFixed(0)} MiB`, CPU: `${(cores * 100).toFixed(1)} % of a core` };
    report.row(`the lab, ${MANY_PODS} pods, a run of ${seconds.toFixed(0)} s`, figures);
    process.stderr.write(`  ${said}\n`);
    report.atMost('kubernetes-memory', memoryMib, MEMORY_LIMIT_MIB);
    report.atMost('kubernetes-cpu', cores, CPU_LIMIT);
  }
  report.close();
}
