import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { reasonOf } from '#proto/errors.ts';
import { buildImages } from '../lab/drivers/docker/build-images.ts';
import { createDockerDriver } from '../lab/drivers/docker/docker-driver.ts';
import { findEngine } from '../lab/drivers/docker/engine.ts';
import { waitUntilHealthy } from '../lab/drivers/readiness.ts';
import { createLimit } from '../lab/limit.ts';
import { FreePorts } from '../lab/machine/ports.ts';
import { peerEnv, secondsOf, timeFleet } from './kit/fleet.ts';
import { median, sayBar } from './kit/report.ts';

/**
 * Set-up and removal of 50 containers (a directory and 49 peers), against the docker command: `docker run -d` of the same image with the same settings, limits,
 * network and volume, as many at one time, and the same wait for `/healthz`; `docker rm -f`, and the volumes and the network after them. The
 * lab's removal stops the services in order and saves their logs beside that. Alternating, medians.
 */

const CONTAINERS = 50;
const ROUNDS = 5;
/** As the driver (lab/drivers/docker/docker-run.ts). */
const AT_ONCE = 8;
const READY_TIMEOUT_MS = 300_000;
const COMMAND_TIMEOUT_MS = 120_000;
const REMOVE_ATTEMPTS = 8;
const REMOVE_PAUSE_MS = 350;
const SET_UP_LIMIT = 1.15;
const REMOVAL_LIMIT = 1;

async function docker(...args: string[]): Promise<void> {
  await promisify(execFile)('docker', args, { timeout: COMMAND_TIMEOUT_MS });
}

/** For a moment the engine still knows endpoints of containers that it has removed: the lab tries again, and so does this. */
async function removeNetwork(name: string): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const failure = await docker('network', 'rm', name).then(() => undefined, reasonOf);
    if (failure === undefined) return;
    if (attempt === REMOVE_ATTEMPTS) throw new Error(failure);
    await sleep(REMOVE_PAUSE_MS);
  }
}

async function timeCommand(image: string): Promise<{ setUpSeconds: number; removalSeconds: number }> {
  const run = `peerlab-bench-${randomBytes(5).toString('hex')}`;
  const names = Array.from({ length: CONTAINERS }, (_, i) => `${run}-${i + 1}`);
  const ports = new FreePorts();
  const limit = createLimit(AT_ONCE);
  try {
    await docker('network', 'create', run);
    const setUpSeconds = await secondsOf(() =>
      Promise.all(names.map((name) => limit(async () => startOne(name, run, image, await ports.take())))),
    );
    const removalSeconds = await secondsOf(async () => {
      await docker('rm', '-f', ...names);
      await docker('volume', 'rm', ...names);
      await removeNetwork(run);
    });
    return { setUpSeconds, removalSeconds };
  } catch (error) {
    for (const what of [
      ['rm', '-f', ...names],
      ['volume', 'rm', '-f', ...names],
      ['network', 'rm', run],
    ]) {
      await docker(...what).catch(() => {});
    }
    throw error;
  }
}

async function startOne(name: string, network: string, image: string, port: number): Promise<void> {
  const env = { ...peerEnv(name), PEER_DIRECTORY_URL: 'http://127.0.0.1:5000' };
  await docker(
    ...['run', '-d', '--name', name, '--network', network, '-p', `127.0.0.1:${port}:50052`, '-v', `${name}:/share`],
    ...['--read-only', '--tmpfs', '/tmp:rw,noexec,nosuid,nodev,size=64m', '--memory', '512m', '--memory-swap', '512m'],
    ...['--pids-limit', '256', '--cap-drop', 'ALL', '--security-opt', 'no-new-privileges'],
    ...Object.entries(env).flatMap(([key, value]) => ['-e', `${key}=${value}`]),
    image,
  );
  const never = new AbortController().signal;
  await waitUntilHealthy(`http://127.0.0.1:${port}/healthz`, name, READY_TIMEOUT_MS, never, never);
}

/** The directory is a container too, and the peers are started when it is there. */
async function timeLab(): Promise<{ setUpSeconds: number; removalSeconds: number }> {
  const { directorySeconds, setUpSeconds, removalSeconds } = await timeFleet(createDockerDriver, CONTAINERS - 1);
  return { setUpSeconds: directorySeconds + setUpSeconds, removalSeconds };
}

const engine = await findEngine();
const lacking = typeof engine === 'string' ? engine : await docker('version').then(() => undefined, reasonOf);
if (lacking !== undefined) {
  console.log(`containers: not measured, ${lacking}`);
} else {
  const { peer } = (await buildImages(() => {})).images;
  const lab: Awaited<ReturnType<typeof timeCommand>>[] = [];
  const command: typeof lab = [];
  for (let round = 0; round < ROUNDS; round++) {
    // Whoever comes first in a round finds a colder machine: they take turns at that.
    const turns = [async () => lab.push(await timeLab()), async () => command.push(await timeCommand(peer.id))];
    for (const turn of round % 2 === 0 ? turns : turns.reverse()) await turn();
  }
  const [labSetUp, commandSetUp] = [lab, command].map((times) => median(times.map(({ setUpSeconds }) => setUpSeconds)));
  const [labRemoval, commandRemoval] = [lab, command].map((times) =>
    median(times.map(({ removalSeconds }) => removalSeconds)),
  );
  const text = (seconds = Number.NaN) => `${seconds.toFixed(1)} s`;
  console.log(
    `containers: ${CONTAINERS} set up in ${text(labSetUp)}, docker run ${text(commandSetUp)}; removed in ${text(labRemoval)}, docker rm -f ${text(commandRemoval)} (medians of ${ROUNDS})`,
  );
  sayBar('containers-setup', (labSetUp ?? Number.NaN) / (commandSetUp ?? Number.NaN), SET_UP_LIMIT);
  sayBar('containers-removal', (labRemoval ?? Number.NaN) / (commandRemoval ?? Number.NaN), REMOVAL_LIMIT);
}
