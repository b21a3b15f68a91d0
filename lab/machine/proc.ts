import { readdir, readFile, writeFile } from 'node:fs/promises';
import { setPriority } from 'node:os';

/** What Linux tells about processes in /proc. On other systems there is none, and the answers say so. */

/** The unit of times in /proc/<pid>/stat is fixed for user space on all of Linux's platforms. */
const TICKS_PER_SECOND = 100;

interface Usage {
  readonly cpuSeconds: number;
  readonly memoryBytes: number;
}

/** CPU time since its start and resident memory of one process; undefined when it is gone, or where there is no /proc. */
export async function usageOf(pid: number): Promise<Usage | undefined> {
  try {
    const [stat, status] = await Promise.all([statOf(pid), readFile(`/proc/${pid}/status`, 'utf8')]);
    const kib = /^VmRSS:\s+(\d+) kB/m.exec(status)?.[1];
    if (!kib) return undefined; // A zombie: it has ended.
    return { cpuSeconds: stat.ownTicks / TICKS_PER_SECOND, memoryBytes: Number(kib) * 1024 };
  } catch {
    return undefined;
  }
}

/**
 * The same of a process that leads a session, together with all that it started, whether these have left its session or their parent has
 * ended; of what has ended, the CPU time that its parent has taken note of.
 */
export async function usageOfTree(leader: number): Promise<Usage | undefined> {
  let cpuSeconds = 0;
  let memoryBytes = 0;
  const tree = await treeOf(leader);
  for (const { pid, ownTicks, endedTicks } of tree) {
    const usage = await usageOf(pid);
    cpuSeconds += (ownTicks + endedTicks) / TICKS_PER_SECOND;
    memoryBytes += usage?.memoryBytes ?? 0;
  }
  return memoryBytes === 0 ? undefined : { cpuSeconds, memoryBytes };
}

interface Stat {
  readonly pid: number;
  readonly hasEnded: boolean;
  readonly parent: number;
  readonly session: number;
  readonly ownTicks: number;
  readonly endedTicks: number;
}

async function statOf(pid: number): Promise<Stat> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  // The name in parentheses may hold anything; field 3 (state) follows it, then parent, group, session. Fields 14 to 17 are times.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const at = (index: number) => Number(fields[index]);
  return {
    pid,
    hasEnded: fields[0] === 'Z',
    parent: at(1),
    session: at(3),
    ownTicks: at(11) + at(12),
    endedTicks: at(13) + at(14),
  };
}

/** Those that run: who has ended, and waits for its parent to notice, is left out. */
export async function childrenOf(parent: number): Promise<number[]> {
  const found = await Promise.all((await pids()).map((pid) => statOf(pid).catch(() => undefined)));
  return found.flatMap((stat) => (stat?.parent === parent && !stat.hasEnded ? [stat.pid] : []));
}

/** Who is in the leader's session, or descends from one who is. */
async function treeOf(leader: number): Promise<Stat[]> {
  const found = await Promise.all((await pids()).map((pid) => statOf(pid).catch(() => undefined)));
  const all = found.filter((stat) => stat !== undefined);
  const inTree = new Set(all.filter(({ pid, session }) => pid === leader || session === leader).map(({ pid }) => pid));
  for (let before = 0; before < inTree.size; ) {
    before = inTree.size;
    for (const { pid, parent } of all) if (inTree.has(parent)) inTree.add(pid);
  }
  return all.filter(({ pid }) => inTree.has(pid));
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

/** Processes, of this user and without this one, that carry a variable in their environment, and its value. */
export async function processesWith(variable: string): Promise<{ pid: number; value: string }[]> {
  const pattern = new RegExp(`(?:^|\0)${variable}=([^\0]+)`);
  const found: { pid: number; value: string }[] = [];
  for (const pid of await pids()) {
    if (pid === process.pid) continue;
    const environ = await readFile(`/proc/${pid}/environ`, 'latin1').catch(() => '');
    const value = pattern.exec(environ)?.[1];
    if (value) found.push({ pid, value });
  }
  return found;
}

/**
 * Resident memory of all processes in namespaces below this one's, and who they are, as seen here: what somebody started who sees less of the
 * machine than this process does.
 */
export async function memoryOfOthers(): Promise<{ bytes: number; pids: number[] }> {
  let bytes = 0;
  const found: number[] = [];
  for (const pid of await pids()) {
    const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
    // A number for each namespace that it is in, from the outermost that can be seen here.
    const [, numbers = ''] = /^NSpid:\s+(.*)$/m.exec(status) ?? [];
    if (numbers.trim().split(/\s+/).length < 2) continue;
    found.push(pid);
    bytes += 1024 * Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0);
  }
  return { bytes, pids: found };
}

async function pids(): Promise<number[]> {
  return (await readdir('/proc').catch(() => [])).filter((name) => /^\d+$/.test(name)).map(Number);
}
