import { readFileSync } from 'node:fs';

/** Where a container finds the count of its own group of processes: cgroups of version 2, and of version 1. */
const COUNTS = ['/sys/fs/cgroup/memory.events', '/sys/fs/cgroup/memory/memory.oom_control'];

/** How many processes of this container the kernel has killed because its memory ran out; 0 where nobody counts. */
export function oomKills(files: readonly string[] = COUNTS): number {
  for (const file of files) {
    try {
      return Number(/^oom_kill (\d+)$/m.exec(readFileSync(file, 'utf8'))?.[1] ?? 0);
    } catch {
      // The other version, or another system.
    }
  }
  return 0;
}
