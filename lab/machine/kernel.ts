import { readdir, readFile, readlink } from 'node:fs/promises';
import path from 'node:path';
import type { Facts } from './facts.ts';

/** What Linux tells in /proc and /sys about its limits. Elsewhere there is neither, and the answers are undefined. */

const LISTENING = '0A';

/** Of this program, as Node has it: at its start Node raises its soft limit to the hard one. */
export async function openFileLimits(): Promise<Facts['openFiles']> {
  const [soft, hard] = limitsIn(await textOf('/proc/self/limits'), 'Max open files');
  return soft === undefined || hard === undefined ? undefined : { soft, hard };
}

/**
 * Threads and processes that may still be made.
 * @param asChildren they are children of this program, so its own limits hold for them too
 */
export async function taskFacts(asChildren: boolean): Promise<Facts['tasks']> {
  const all = Number(/\d+\/(\d+)/.exec((await textOf('/proc/loadavg')) ?? '')?.[1]);
  if (Number.isNaN(all)) return undefined;
  const rooms = [
    { limit: 'kernel.pid_max', left: (await numberIn('/proc/sys/kernel/pid_max')) - all },
    { limit: 'kernel.threads-max', left: (await numberIn('/proc/sys/kernel/threads-max')) - all },
    ...(asChildren ? [await cgroupRoom(), await userRoom()] : []),
  ];
  return rooms.filter(({ left }) => !Number.isNaN(left)).sort((a, b) => a.left - b.left)[0];
}

/** inotify instances: how many a user may have, and how many this one has. */
export async function inotifyFacts(uid: number): Promise<Facts['inotify']> {
  const instances = await numberIn('/proc/sys/fs/inotify/max_user_instances');
  if (Number.isNaN(instances)) return undefined;
  const used = (await processes()).filter((of) => of.uid === uid).map(({ pid }) => watchesOf(pid));
  return { instances, inUse: (await Promise.all(used)).reduce((sum, count) => sum + count, 0) };
}

/** TCP ports from `lowest` to before `end` that somebody listens on, at whatever address. */
export async function listeningPorts(lowest: number, end: number): Promise<number | undefined> {
  const [v4, v6] = await Promise.all([textOf('/proc/net/tcp'), textOf('/proc/net/tcp6')]);
  if (v4 === undefined) return undefined;
  const ports = `${v4}\n${v6 ?? ''}`.split('\n').flatMap((line) => {
    const [, local = '', , state] = line.trim().split(/\s+/);
    return state === LISTENING ? [Number.parseInt(local.slice(local.lastIndexOf(':') + 1), 16)] : [];
  });
  return new Set(ports.filter((port) => port >= lowest && port < end)).size;
}

/** Entries that the kernel's table of neighbours (ARP) may have in all network namespaces together, and has. */
export interface NeighbourFacts {
  readonly limit: number;
  readonly inUse: number;
}

/** The table of neighbours is one for all network namespaces of the machine. */
export async function neighbourFacts(): Promise<NeighbourFacts | undefined> {
  const limit = await numberIn('/proc/sys/net/ipv4/neigh/default/gc_thresh3');
  const [, line = ''] = ((await textOf('/proc/net/stat/arp_cache')) ?? '').split('\n');
  const inUse = Number.parseInt(line.trim(), 16);
  return Number.isNaN(limit) || Number.isNaN(inUse) ? undefined : { limit, inUse };
}

/** What the pids controller leaves to this program's group, and to those that the group is in. */
async function cgroupRoom(): Promise<{ limit: string; left: number }> {
  const lines = ((await textOf('/proc/self/cgroup')) ?? '').split('\n');
  const ofPids = lines.find((line) => /^\d+:[^:]*\bpids\b/.test(line)); // cgroup v1 has a tree for each controller
  const root = ofPids ? '/sys/fs/cgroup/pids' : '/sys/fs/cgroup';
  const line = ofPids ?? lines.find((one) => one.startsWith('0::')) ?? '0::/';
  const rooms: number[] = [];
  for (let group = line.slice(line.lastIndexOf(':') + 1); ; group = path.dirname(group)) {
    const folder = path.join(root, group);
    const room = (await numberIn(`${folder}/pids.max`)) - (await numberIn(`${folder}/pids.current`));
    if (!Number.isNaN(room)) rooms.push(room);
    if (path.dirname(group) === group) break;
  }
  return { limit: 'pids.max of the cgroup', left: rooms.length > 0 ? Math.min(...rooms) : Number.NaN };
}

/** The limit of a user, which counts threads; root has none. */
async function userRoom(): Promise<{ limit: string; left: number }> {
  const uid = process.getuid?.() ?? 0;
  const [soft = Number.NaN] = limitsIn(await textOf('/proc/self/limits'), 'Max processes');
  const threads = (await processes()).filter((of) => of.uid === uid).reduce((sum, of) => sum + of.threads, 0);
  return { limit: 'ulimit -u', left: uid === 0 ? Number.NaN : soft - threads };
}

async function processes(): Promise<{ pid: string; uid: number; threads: number }[]> {
  const pids = (await readdir('/proc').catch(() => [])).filter((name) => /^\d+$/.test(name));
  const told = pids.map(async (pid) => {
    const status = (await textOf(`/proc/${pid}/status`)) ?? '';
    return {
      pid,
      uid: Number(/^Uid:\s+(\d+)/m.exec(status)?.[1]),
      threads: Number(/^Threads:\s+(\d+)/m.exec(status)?.[1]),
    };
  });
  return (await Promise.all(told)).filter(({ threads }) => !Number.isNaN(threads));
}

async function watchesOf(pid: string): Promise<number> {
  const open = await readdir(`/proc/${pid}/fd`).catch(() => []);
  const links = await Promise.all(open.map((fd) => readlink(`/proc/${pid}/fd/${fd}`).catch(() => '')));
  return links.filter((link) => link === 'anon_inode:inotify').length;
}

function limitsIn(limits: string | undefined, name: string): number[] {
  const line = limits?.split('\n').find((one) => one.startsWith(name));
  const words = line?.slice(name.length).trim().split(/\s+/).slice(0, 2) ?? [];
  return words.map((word) => (word === 'unlimited' ? Number.POSITIVE_INFINITY : Number(word)));
}

/** NaN when the file is not there or holds something else; "max" is the cgroups' word for no limit. */
async function numberIn(file: string): Promise<number> {
  const text = (await textOf(file))?.trim();
  return text === 'max' ? Number.POSITIVE_INFINITY : Number.parseInt(text ?? '', 10);
}

function textOf(file: string): Promise<string | undefined> {
  return readFile(file, 'utf8').catch(() => undefined);
}
