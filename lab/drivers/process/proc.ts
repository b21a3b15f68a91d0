import { readdir, readFile, writeFile } from 'node:fs/promises';
import { setPriority } from 'node:os';
import type { InstanceUsage } from '../driver.ts';

/** What Linux tells about processes in /proc. On other systems there is none, and the answers say so. */

/** The unit of times in /proc/<pid>/stat is fixed for user space on all of Linux's platforms. */
const TICKS_PER_SECOND = 100;

/** CPU time since its start and resident memory of one process; undefined when it is gone, or where there is no /proc. */
export async function usageOf(pid: number): Promise<InstanceUsage | undefined> {
  try {
    const [stat, status] = await Promise.all([
      readFile(`/proc/${pid}/stat`, 'utf8'),
      readFile(`/proc/${pid}/status`, 'utf8'),
    ]);
    // The name in parentheses may hold anything; fields 14 and 15 are utime and stime, and field 3 follows the name.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const ticks = Number(fields[11]) + Number(fields[12]);
    const kib = /^VmRSS:\s+(\d+) kB/m.exec(status)?.[1];
    if (!kib) return undefined; // A zombie: it has ended.
    return { cpuSeconds: ticks / TICKS_PER_SECOND, memoryBytes: Number(kib) * 1024 };
  } catch {
    return undefined;
  }
}

/**
 * Gives a process, and what it starts, more of the CPU than its equals (less than 0) or less (more than 0), as far as this user may. Where
 * the kernel groups tasks by session it weighs the groups against each other; elsewhere the process itself.
 */
export async function setNice(pid: number, nice: number): Promise<void> {
  await writeFile(`/proc/${pid}/autogroup`, String(nice)).catch(() => {});
  try {
    setPriority(pid, nice);
  } catch {
    // Not allowed, or it has ended.
  }
}

/** Processes, of this user, that carry `PEERLAB_RUN` in their environment, and the run that it names. */
export async function processesOfRuns(): Promise<{ pid: number; runId: string }[]> {
  const pids = (await readdir('/proc').catch(() => [])).filter((name) => /^\d+$/.test(name)).map(Number);
  const found: { pid: number; runId: string }[] = [];
  for (const pid of pids) {
    if (pid === process.pid) continue;
    const environ = await readFile(`/proc/${pid}/environ`, 'latin1').catch(() => '');
    const runId = /(?:^|\0)PEERLAB_RUN=([^\0]+)/.exec(environ)?.[1];
    if (runId) found.push({ pid, runId });
  }
  return found;
}
