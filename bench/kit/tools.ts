import { execFileSync, type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Reference tools: found on the machine, installed from Debian's packages where that is allowed, or named as missing. */

const PLACES = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin'];
const APT_TIMEOUT_MS = 180_000;

export function findTool(command: string): string | undefined {
  return PLACES.map((folder) => join(folder, command)).find(existsSync);
}

/** @returns the path of the command, or undefined when it is not there and can't be installed */
export function tool(command: string, debianPackage: string): string | undefined {
  const found = findTool(command);
  if (found || process.getuid?.() !== 0 || !findTool('apt-get')) return found;
  process.stderr.write(`installing ${debianPackage}\n`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const options = { env, stdio: 'ignore' as const, timeout: APT_TIMEOUT_MS };
  try {
    execFileSync('apt-get', ['update', '-qq'], options);
    execFileSync('apt-get', ['install', '-y', '-qq', '--no-install-recommends', debianPackage], options);
  } catch {
    return undefined;
  }
  return findTool(command);
}

export interface Used {
  readonly seconds: number;
  readonly cpuSeconds: number;
}

/** Runs a command to its end. @throws when it fails */
export async function run(command: string, args: readonly string[], options: SpawnOptions = {}): Promise<Used> {
  const began = performance.now();
  // The shell's `times` would need a shell: the kernel's account of ended children is in process.resourceUsage of none.
  const before = childrenCpuSeconds();
  const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'inherit'], ...options });
  const [code, signal] = await once(child, 'exit');
  if (code !== 0) throw new Error(`${command} ended with ${signal ?? code}`);
  return { seconds: (performance.now() - began) / 1000, cpuSeconds: childrenCpuSeconds() - before };
}

const TICKS_PER_SECOND = 100;

/** CPU time of this process's children that have ended. */
function childrenCpuSeconds(): number {
  const stat = fieldsOf('self');
  return stat ? (Number(stat[13]) + Number(stat[14])) / TICKS_PER_SECOND : Number.NaN;
}

/** CPU time of a process that runs, in seconds. */
export function cpuSecondsOf(pid: number): number {
  const stat = fieldsOf(pid);
  return stat ? (Number(stat[11]) + Number(stat[12])) / TICKS_PER_SECOND : Number.NaN;
}

/** The most memory that a process has had so far, in bytes. */
export function peakMemoryOf(pid: number): number {
  return 1024 * Number(/^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? Number.NaN);
}

/** From field 3 on: the name before it may hold anything. */
function fieldsOf(pid: number | 'self'): string[] | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  } catch {
    return undefined;
  }
}

/** A program of bench/kit that serves a file, as a process of its own. */
export async function serving(
  program: string,
  file: string,
): Promise<{ port: string; pid: number; stop(): Promise<void> }> {
  const child = spawn(process.execPath, [program, 'serve', file], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [said] = (await once(child.stdout, 'data')) as [Buffer];
  return {
    port: said.toString().trim(),
    pid: child.pid as number,
    stop: async () => {
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      await ended;
    },
  };
}
