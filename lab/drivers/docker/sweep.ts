import { join } from 'node:path';
import type { ContainerInfo } from 'dockerode';
import { createLimit } from '../../limit.ts';
import { settled } from '../deadline.ts';
import { STOP_GRACE_MS } from '../driver.ts';
import type { Trace } from '../sweeper.ts';
import { EngineConnection, statusOf } from './connection.ts';
import type { EngineInfo } from './engine.ts';
import { FAULT_ROLE, LABEL, ofRun } from './labels.ts';
import { saveLog } from './log.ts';

/** Stopping mostly waits for the programs inside; removing is the engine's work. */
const STOPS_AT_ONCE = 16;
const REMOVALS_AT_ONCE = 8;
const LOG_TIMEOUT_MS = 20_000;
const LOG_TIMEOUT_IN_A_HURRY_MS = 3000;
/** Together some 10 s: a busy engine still knows endpoints of a network whose containers it has already removed. */
const REMOVE_ATTEMPTS = 8;
const REMOVE_PAUSE_MS = 350;

/**
 * Ends all that carries the run's label, in the order that lets nothing be lost: stop, save the logs, remove containers,
 * then volumes, then the network. Uses a connection of its own: the run's may have been lost, and the engine be back.
 * @param logsDir where the logs go; nowhere when there is none
 * @param hurry containers are killed instead of stopped as soon as it fires
 * @returns what is still there, a line each; never throws
 */
export async function sweep(
  info: EngineInfo,
  runId: string,
  logsDir: string | undefined,
  hurry: AbortSignal,
): Promise<string[]> {
  const engine = new EngineConnection(info);
  if (!(await engine.answers())) {
    return [`the Docker engine does not answer: what carries the label ${LABEL.run}=${runId} may still be there`];
  }
  try {
    const containers = await listContainers(engine, runId);
    await stopAll(engine, containers, hurry);
    if (logsDir !== undefined) await saveLogs(engine, containers, logsDir, hurry);
    await removeAll(engine, runId, containers);
    return await leftovers(engine, runId);
  } catch (error) {
    return [`what carries the label ${LABEL.run}=${runId} may still be there: ${error}`];
  }
}

function listContainers(engine: EngineConnection, runId: string): Promise<ContainerInfo[]> {
  return engine.call('list containers', engine.docker.listContainers({ all: true, filters: ofRun(runId) }));
}

async function stopAll(engine: EngineConnection, containers: ContainerInfo[], hurry: AbortSignal): Promise<void> {
  const limit = createLimit(STOPS_AT_ONCE);
  const running = containers.filter(({ State }) => State === 'running' || State === 'paused');
  await Promise.allSettled(running.map((container) => limit(() => stop(engine, container, hurry))));
}

async function stop(engine: EngineConnection, { Id, State }: ContainerInfo, hurry: AbortSignal): Promise<void> {
  const container = engine.docker.getContainer(Id);
  const kill = () => engine.call('kill container', container.kill()).catch(() => {});
  if (hurry.aborted) return void (await kill());
  const onHurry = () => void kill();
  hurry.addEventListener('abort', onHurry, { once: true });
  try {
    if (State === 'paused') await engine.call('resume container', container.unpause());
    await engine.call('stop container', container.stop({ t: STOP_GRACE_MS / 1000 }));
  } finally {
    hurry.removeEventListener('abort', onHurry);
  }
}

async function saveLogs(
  engine: EngineConnection,
  containers: ContainerInfo[],
  logsDir: string,
  hurry: AbortSignal,
): Promise<void> {
  const limit = createLimit(REMOVALS_AT_ONCE);
  const timeoutMs = hurry.aborted ? LOG_TIMEOUT_IN_A_HURRY_MS : LOG_TIMEOUT_MS;
  const started = containers.filter(({ State, Labels }) => State !== 'created' && Labels[LABEL.role] !== FAULT_ROLE);
  const saved = started.map(({ Id, Labels }) =>
    limit(() => saveLog(engine, engine.docker.getContainer(Id), join(logsDir, `${Labels[LABEL.peer]}.log`), timeoutMs)),
  );
  await settled(saved, timeoutMs);
}

async function removeAll(engine: EngineConnection, runId: string, containers: ContainerInfo[]): Promise<void> {
  const { docker } = engine;
  await each(containers, ({ Id }) =>
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
