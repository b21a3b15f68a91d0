/** What one instance of a driver takes of the machine. */
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

/**
 * As processes of this machine. Measured with six peers, one of which shared a file of 256 MiB that the other five fetched at one time,
 * Node 24.21.0 on Linux 6.18 (2 cores). Memory is the proportional set size (Pss in /proc/<pid>/smaps_rollup), because all instances
 * share the pages of Node's binary: an idle peer had 39 MiB, after its first transfers a peer keeps 72 MiB on the average, and a seeder
 * at work 93. Hosted peers: measured with `thousand`, ten hosts of a hundred peers; see docs/doctor.md. Each instance has 11 threads.
 */
export const AS_PROCESSES: Footprint = {
  peerBytes: 75 * MIB,
  hostBytes: 85 * MIB,
  hostedPeerBytes: 4 * MIB,
  directoryBytes: 140 * MIB,
  labBytes: 150 * MIB,
  tasks: 11,
};
