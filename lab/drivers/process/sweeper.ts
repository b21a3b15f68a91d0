import { existsSync } from 'node:fs';
import { readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { processesWith } from '../../machine/proc.ts';
import type { Sweeper, Trace } from '../sweeper.ts';
import { databaseFolderOf } from './common-ground.ts';

/** How long killed processes may take to leave, and those that they started meanwhile with them. */
const LEAVE_TIMEOUT_MS = 5000;
const POLL_MS = 50;
/** In the environment of every instance. */
const RUN = 'PEERLAB_RUN';
const RUN_FOLDER = /^peerlab-(t?[0-9a-f]{10})$/;

/** All that a run of the process driver puts on the disk, its results apart. */
export function folderOf(runId: string): string {
  return join(tmpdir(), `peerlab-${runId}`);
}

/** Processes by `PEERLAB_RUN` in their environment, also those that left their group; and the run's folder. */
export const processSweeper: Sweeper = {
  // A child is there, with its environment, before the pipe to the watchdog closes: it holds the pipe until then.
  settleMs: 0,

  async find(runId?: string): Promise<Trace[]> {
    const processes = (await processesWith(RUN)).map(({ pid, value }) => ({ runId: value, what: `process ${pid}` }));
    return [...processes, ...(await findFolders())].filter((trace) => runId === undefined || trace.runId === runId);
  },

  async sweep(runId: string): Promise<string[]> {
    await endDatabase(runId);
    const strays = await killProcesses(runId);
    const folder = folderOf(runId);
    await rm(folder, { recursive: true, force: true, maxRetries: 3 }).catch(() => {});
    return [
      ...strays.map((pid) => `process ${pid} carries PEERLAB_RUN=${runId}`),
      ...(existsSync(folder) ? [`folder ${folder} is still there`] : []),
    ];
  },
};

/**
 * A server that is killed leaves a piece of shared memory behind that nobody would remove; one that is told to quit at once takes it
 * along. Whether it does or not, what is left is killed after this.
 */
async function endDatabase(runId: string): Promise<void> {
  const pidFile = join(databaseFolderOf(folderOf(runId)), 'data', 'postmaster.pid');
  const pid = Number.parseInt(await readFile(pidFile, 'utf8').catch(() => ''), 10);
  const isThere = async () => (await processesWith(RUN)).some((one) => one.pid === pid && one.value === runId);
  if (Number.isNaN(pid) || !(await isThere())) return;
  try {
    process.kill(pid, 'SIGQUIT');
  } catch {
    return; // It ended in this moment.
  }
  const giveUpAt = performance.now() + LEAVE_TIMEOUT_MS;
  while (performance.now() < giveUpAt && (await isThere())) await sleep(POLL_MS);
}

/** @returns those that are still there */
async function killProcesses(runId: string): Promise<number[]> {
  const giveUpAt = performance.now() + LEAVE_TIMEOUT_MS;
  for (;;) {
    const found = (await processesWith(RUN)).filter(({ value }) => value === runId).map(({ pid }) => pid);
    if (found.length === 0 || performance.now() > giveUpAt) return found;
    for (const pid of found) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It ended in this moment.
      }
    }
    await sleep(POLL_MS);
  }
}

async function findFolders(): Promise<Trace[]> {
  const traces: Trace[] = [];
  for (const name of await readdir(tmpdir())) {
    const runId = RUN_FOLDER.exec(name)?.[1];
    const folder = join(tmpdir(), name);
    if (runId && (await isMine(folder))) traces.push({ runId, what: `folder ${folder}` });
  }
  return traces;
}

async function isMine(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  return found !== undefined && found.uid === process.getuid?.();
}
