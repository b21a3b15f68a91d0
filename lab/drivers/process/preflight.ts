import { freemem, tmpdir } from 'node:os';
import { compare, count, type PreflightCheck } from '../../machine/check.ts';
import { diskFor } from '../../machine/disk.ts';
import { inotifyFacts, listeningPorts, taskFacts } from '../../machine/kernel.ts';
import { portRange } from '../../machine/ports.ts';
import { instancesOf, type Size } from '../../machine/size.ts';
import type { Examined } from '../description.ts';

/** Ports of 127.0.0.1 below those of outgoing connections, and those listened on among them. */
export interface PortFacts {
  readonly lowest: number;
  readonly end: number;
  readonly taken: number;
}

/** Children of the lab: they have its user, and its limits hold for them too. */
export async function examineForProcesses(): Promise<Examined> {
  const { lowest, end } = portRange();
  const taken = await listeningPorts(lowest, end);
  return {
    ground: {
      tasks: await taskFacts(true),
      inotify: await inotifyFacts(process.getuid?.() ?? 0),
      memoryBytes: Math.min(freemem(), process.availableMemory()),
      shares: await diskFor(tmpdir()),
      prepareBytes: 0,
    },
    checks: [ports(taken === undefined ? undefined : { lowest, end, taken })],
  };
}

/** Of the directory; of several, each has one, and the front before them two. */
function portsOf({ directories }: Size): number {
  return directories === 1 ? 1 : directories + 2;
}

export function ports(range: PortFacts | undefined): PreflightCheck {
  return {
    name: 'ports',
    judge: (_, { size }) =>
      compare({
        available: range && range.end - range.lowest - range.taken,
        wanted: size.peers + instancesOf(size) + portsOf(size),
        show: count,
        what: `free${range ? ` from ${range.lowest} to ${range.end - 1}` : ''}`,
        fix: 'end what listens there, or let outgoing connections begin higher: sysctl net.ipv4.ip_local_port_range="40000 60999"',
      }),
  };
}
