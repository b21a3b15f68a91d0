import { readFileSync } from 'node:fs';

/** A process for good: a pid alone may be given to another one later. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Boot of the machine and time of the start in clock ticks since; empty where nobody tells. */
  readonly started: string;
}

/** @returns undefined when there is no such process, or it has ended and only waits for its parent to notice */
export function identityOf(pid: number): ProcessIdentity | undefined {
  if (!existsPid(pid)) return undefined;
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name in parentheses may hold anything; field 3 (state) follows it, and field 22 is the start.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? undefined : { pid, started: `${boot} ${fields[19]}` };
  } catch (error) {
    // It has ended just now; or it is another user's, and this machine hides those.
    const hasEnded =
      (error as NodeJS.ErrnoException).code === 'ENOENT' && process.platform === 'linux' && !existsPid(pid);
    return hasEnded ? undefined : { pid, started: '' };
  }
}

/** In doubt it is: nothing of a living run may be touched. */
export function isAlive({ pid, started }: ProcessIdentity): boolean {
  const found = identityOf(pid);
  return found !== undefined && (found.started === started || found.started === '' || started === '');
}

function existsPid(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'; // It is another user's.
  }
}
