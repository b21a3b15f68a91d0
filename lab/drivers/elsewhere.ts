import { freemem } from 'node:os';
import type { Ground } from '../machine/facts.ts';
import { AS_PROCESSES, type Footprint } from '../machine/footprint.ts';

/** WHERE INSTANCES ARE NOT ON THIS MACHINE, nothing but the lab takes of it. */

export const FOOTPRINT_ELSEWHERE: Footprint = {
  ...AS_PROCESSES,
  ...{ peerBytes: 0, hostBytes: 0, hostedPeerBytes: 0, directoryBytes: 0, tasks: 0 },
};

export function groundElsewhere(): Ground {
  return {
    tasks: { left: Number.POSITIVE_INFINITY, limit: 'peers are elsewhere' },
    inotify: undefined,
    memoryBytes: Math.min(freemem(), process.availableMemory()),
    shares: undefined,
    prepareBytes: 0,
  };
}
