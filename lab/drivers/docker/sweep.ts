import { join } from 'node:path';
import type { ContainerInfo } from 'dockerode';
import { PROMISES } from '#proto/promises.ts';
import { createLimit } from '../../limit.ts';
import { within } from '../deadline.ts';
import type { DriverInit } from '../driver.ts';
import type { Trace } from '../sweeper.ts';
import { EngineConnection, statusOf } from './connection.ts';
import type { EngineInfo } from './engine.ts';
import { FAULT_ROLE, LABEL, ofRun } from './labels.ts';
import { saveLog } from './log.ts';

/** Each is mostly waited for: that its program ends, that its log is read. */
const ENDS_AT_ONCE = 64;
const REMOVALS_AT_ONCE = 8;
/** For a container to end after a kill. */
const KILL_TIMEOUT_MS = 10_000;
const LOG_TIMEOUT_MS = 20_000;
const LOG_TIMEOUT_IN_A_HURRY_MS = 3000;
/** Together some 10 s: a busy engine still knows endpoints of a network whose containers it has already removed. */
const REMOVE_ATTEMPTS = 8;
const REMOVE_PAUSE_MS = 350;

/**
 * Ends all that carries the run's label, in the order that lets nothing be lost: stop, save the logs, remove containers,
 * then volumes, then the network. Uses a connection of its own: the run's may have been lost, and the engine be back.
 * @param logsDir where the logs go; nowhere when there is none
 * @param onKill told of each container that did not end within its grace
 * @param hurry containers are killed instead of stopped as soon as it fires
 * @returns what is still there, a line each; never throws
 */
export async function sweep(
  info: EngineInfo,
  runId: string,
  logsDir: string | undefined,
  hurry: AbortSignal,
  onKill?: DriverInit['onKill'],
): Promise<string[]> {
  const engine = new EngineConnection(info);
  if (!(await engine.answers())) {
    return [`the Docker engine does not answer: what carries the label ${LABEL.run}=${runId} may still be there`];
  }
  try {
    const containers = await listContainers(engine, runId);
    await tellAll(engine, containers, hurry);
    const limit = createLimit(ENDS_AT_ONCE);
    await Promise.allSettled(
      containers.map((container) => limit(() => endOne(engine, container, logsDir, hurry, onKill))),
    );
    await removeRest(engine, runId);
    return await leftovers(engine, runId);
  } catch (error) {
    return [`what carries the label ${LABEL.run}=${runId} may still be there: ${error}`];
  }
}

function listContainers(engine: EngineConnection, runId: string): Promise<ContainerInfo[]> {
  return engine.call('list containers', engine.docker.listContainers({ all: true, filters: ofRun(runId) }));
}

/** All are told at once to stop, so that their programs end side by side; each is waited for later. */
async function tellAll(engine: EngineConnection, containers: ContainerInfo[], hurry: AbortSignal): Promise<void> {
  const limit = createLimit(ENDS_AT_ONCE);
  const running = containers.filter(({ State }) => State === 'running' || State === 'paused');
  const tell = async ({ Id, Labels }: ContainerInfo) => {
    if (hurry.aborted) return;
    // A helper has nothing to end in order.
    const signal = Labels[LABEL.role] === FAULT_ROLE ? 'SIGKILL' : 'SIGTERM';
    await engine.call('tell a container to stop', engine.docker.getContainer(Id).kill({ signal }));
  };
  await Promise.allSettled(running.map((container) => limit(() => tell(container))));
}

/** In the order that lets nothing be lost: stop, save the log, remove, and then the volume. */
async function endOne(
  engine: EngineConnection,
  container: ContainerInfo,
  logsDir: string | undefined,
  hurry: AbortSignal,
  onKill: DriverInit['onKill'],
): Promise<void> {
  const { Id, State, Labels, Mounts } = container;
  const { docker } = engine;
  if (State === 'running' || State === 'paused') await untilStopped(engine, container, hurry, onKill).catch(() => {});
  if (logsDir !== undefined && State !== 'created' && Labels[LABEL.role] !== FAULT_ROLE) {
    const timeoutMs = hurry.aborted ? LOG_TIMEOUT_IN_A_HURRY_MS : LOG_TIMEOUT_MS;
    const file = join(logsDir, `${Labels[LABEL.peer]}.log`);
    await saveLog(engine, docker.getContainer(Id), file, timeoutMs).catch(() => {});
  }
  await remove(engine, 'remove container', () => docker.getContainer(Id).remove({ force: true, v: true }));
  for (const { Type, Name } of Mounts) {
    if (Type === 'volume' && Name) await remove(engine, 'remove volume', () => docker.getVolume(Name).remove());
  }
}

/** It was told to stop: waits for that, and kills it when it takes too long. A second SIGTERM would end it at once. */
async function untilStopped(
  engine: EngineConnection,
  { Id, State, Labels }: ContainerInfo,
  hurry: AbortSignal,
  onKill: DriverInit['onKill'],
): Promise<void> {
  const container = engine.docker.getContainer(Id);
  const kill = () => engine.call('kill container', container.kill()).catch(() => {});
  const onHurry = () => void kill();
  hurry.addEventListener('abort', onHurry, { once: true });
  try {
    if (hurry.aborted) await kill();
    else if (State === 'paused') await engine.call('resume container', container.unpause());
    const graceMs = hurry.aborted ? KILL_TIMEOUT_MS : PROMISES.end.ms;
    const late = () => {
      if (!hurry.aborted && Labels[LABEL.role] !== FAULT_ROLE) onKill?.(Labels[LABEL.peer] ?? '', graceMs);
      return new Error('late');
    };
    await within(container.wait(), graceMs, late).catch(kill);
  } finally {
    hurry.removeEventListener('abort', onHurry);
  }
}

/** The network, and what was not found with a container. */
async function removeRest(engine: EngineConnection, runId: string): Promise<void> {
  const { docker } = engine;
  await each(await listContainers(engine, runId), ({ Id }) =>
    remove(engine, 'remove container', () => docker.getContainer(Id).remove({ force: true, v: true })),
  );
  const { Volumes } = await engine.call('list volumes', docker.listVolumes({ filters: ofRun(runId) }));
  await each(Volumes ?? [], ({ Name }) => remove(engine, 'remove volume', () => docker.getVolume(Name).remove()));
  const networks = await engine.call('list networks', docker.listNetworks({ filters: ofRun(runId) }));
  await each(networks, ({ Id }) => remove(engine, 'remove network', () => docker.getNetwork(Id).remove()));
}

async function each<T>(things: readonly T[], work: (thing: T) => Promise<void>): Promise<void> {
  const limit = createLimit(REMOVALS_AT_ONCE);
  await Promise.allSettled(things.map((thing) => limit(() => work(thing))));
}

/** The engine refuses for a moment while another call is at work on the same thing. */
async function remove(engine: EngineConnection, what: string, call: () => Promise<unknown>): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await engine.call(what, call());
      return;
    } catch (error) {
      if (statusOf(error) === 404) return;
      if (attempt === REMOVE_ATTEMPTS || engine.lost.aborted) throw error;
      await new Promise((resolve) => setTimeout(resolve, REMOVE_PAUSE_MS * attempt));
    }
  }
}

async function leftovers(engine: EngineConnection, runId: string): Promise<string[]> {
  return (await findTraces(engine, runId)).map(({ what }) => `${what} is still there`);
}

/** Containers, volumes and networks that carry the label of this run, or of any. */
export async function findTraces(engine: EngineConnection, runId?: string): Promise<Trace[]> {
  const { docker } = engine;
  const filters = runId === undefined ? { label: [LABEL.run] } : ofRun(runId);
  const containers = await engine.call('list containers', docker.listContainers({ all: true, filters }));
  const { Volumes } = await engine.call('list volumes', docker.listVolumes({ filters }));
  const networks = await engine.call('list networks', docker.listNetworks({ filters }));
  const trace = (kind: string, name: string | undefined, labels: Record<string, string> | undefined) => ({
    runId: labels?.[LABEL.run] ?? '',
    what: `${kind} ${name}`,
  });
  return [
    ...containers.map(({ Names, Labels }) => trace('container', Names[0]?.slice(1), Labels)),
    ...(Volumes ?? []).map(({ Name, Labels }) => trace('volume', Name, Labels)),
    ...networks.map(({ Name, Labels }) => trace('network', Name, Labels)),
  ];
}
