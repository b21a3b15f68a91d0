import type { Driver } from '../drivers/driver.ts';

/** What one instance takes of the machine. */
export interface Footprint {
  readonly peerBytes: number;
  /** Of a process or container that carries many; and of each of those. */
  readonly hostBytes: number;
  readonly hostedPeerBytes: number;
  readonly directoryBytes: number;
  readonly labBytes: number;
  /** Threads count as processes for the kernel's limits. */
  readonly tasks: number;
}

const MIB = 1024 * 1024;

const HOSTED = { hostBytes: 85 * MIB, hostedPeerBytes: 4 * MIB } as const;

/**
 * Measured with six peers, one of which shared a file of 256 MiB that the other five fetched at one time, Node 24.21.0 on
 * Linux 6.18 (2 cores), Docker 20.10. Memory is the proportional set size (Pss in /proc/<pid>/smaps_rollup), because
 * all instances share the pages of Node's binary: an idle peer had 39 MiB, after its first transfers a peer keeps 72 MiB
 * on the average, and a seeder at work 93. A container adds 5 to 6 MiB for its shim and its proxy, and about 5 in the
 * kernel. Hosted peers: measured with `thousand`, ten hosts of a hundred peers; see docs/doctor.md. Threads: 11 for each instance; a container adds 13 of its shim and 7 of its proxy.
 */
export const FOOTPRINTS: Readonly<Record<Driver['kind'], Footprint>> = {
  process: { ...HOSTED, peerBytes: 75 * MIB, directoryBytes: 140 * MIB, labBytes: 150 * MIB, tasks: 11 },
  docker: { ...HOSTED, peerBytes: 85 * MIB, directoryBytes: 150 * MIB, labBytes: 250 * MIB, tasks: 31 },
};

/**
 * Memory limits that a peer of PeerLab lives with. With 32 MiB it did not start and with 48 it did; a seeder that served ten
 * streams at one time was ended by the kernel at 160 MiB and lived with 256.
 */
export const LEAST_PEER_BYTES = { toStart: 48 * MIB, toServe: 256 * MIB } as const;

/** Files and sockets that the lab has open beside those of its calls; 33 were counted. */
export const LAB_OPEN_FILES = 40;
/** Of a peer or a directory without connections; 26 to 29 were counted. */
export const INSTANCE_OPEN_FILES = 32;
/** Of each peer in a host: the port that it listens on, and connections of transfers. */
export const HOSTED_OPEN_FILES = 8;

/** What a run writes into its results folder: so much in any case, and so much for each operation and each peer. */
export const RESULTS_BYTES = { base: 1 * MIB, operation: 600, peer: 64 * 1024 } as const;

/** What the lab keeps of a plan in its heap; 100 to 190 bytes an operation and some 800 a file were measured. */
export const PLAN_BYTES = { operation: 200, file: 800 } as const;
