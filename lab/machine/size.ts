/** How large a scenario is: what the checks hold against the machine. */
export interface Size {
  readonly scenario: string;
  readonly peers: number;
  /** Instances that are the directory. */
  readonly directories: number;
  /** Those of them that share a process or container, and how many of these there are. */
  readonly hostedPeers: number;
  readonly hosts: number;
  /** Operations that the lab may have under way at one time, as far as the plan says. */
  readonly operationsAtOnce: number;
  readonly operations: number;
  /** Files in all shares, copies counted. */
  readonly files: number;
  /** Of all shares at the start, and of what planned transfers add to them; a `repeat: {for: …}` counts with one round. */
  readonly shareBytes: number;
  readonly transferBytes: number;
  /** Pairs of peers between which files may be moved: the largest number, whichever peers turn out to be the sources. */
  readonly transferPairs: number;
  /** The least memory limit of a peer that is PeerLab's own. */
  readonly leastMemoryLimitBytes: number | undefined;
  /** Peers of the largest plan that was laid out, when this one was not: it would have taken too long. */
  readonly reckonedFrom?: number;
}

/** Processes or containers that carry peers. */
export function instancesOf({ peers, hostedPeers, hosts }: Size): number {
  return peers - hostedPeers + hosts;
}
