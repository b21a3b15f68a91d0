import type { Readable } from 'node:stream';
import type { DirectoryEnv, PeerEnv } from '#proto/env.ts';
import type { PeerLabError } from '#proto/errors.ts';
import type { Double } from '../doubles/names.ts';
import type { Disturbed } from './capabilities.ts';
import type { Tested } from './program.ts';

/**
 * THE DRIVER: how the lab gets a directory and peers to run, on whatever carries them. A driver knows images, addresses
 * and lifecycles; it knows nothing of scenarios, steps or verdicts. Every driver passes the suite in driver.contract.ts.
 *
 * One driver serves one run. It is made with the run's id and its AbortSignal; every wait inside ends when the signal fires.
 */
export interface Driver {
  /** What its description calls it (description.ts). */
  readonly kind: string;

  /** The programs that are tested. Known after `prepare`; those of single peers when the first of them starts. */
  readonly tested: readonly Tested[];

  /** What runs, for the results: versions, image names and digests. Known after `prepare`. */
  readonly artifacts: Readonly<Record<string, string>>;

  /**
   * Brings everything into being that instances need (build, images, network). Does nothing twice: what is current is kept.
   * @throws PeerLabError `build-failed`, `no-base-image`, `no-engine`
   */
  prepare(report: (what: string) => void): Promise<void>;

  /** Starts the directory and waits until its `/healthz` answers. */
  startDirectory(spec: DirectorySpec): Promise<Instance>;

  /**
   * Starts several directories that share one state, and waits until each answers; all have the same `address`, behind which those are
   * that are ready. A driver without it lacks the ability `replicas` (capabilities.ts).
   */
  startReplicas?(specs: readonly DirectorySpec[]): Promise<Instance[]>;

  /**
   * Starts one peer and waits until its `/healthz` answers. May be called concurrently; the driver bounds its own work.
   * @throws PeerLabError `not-ready`, `instance-exited`, `not-capable`, `engine-lost`, `engine-failed`
   */
  startPeer(spec: PeerSpec): Promise<Instance>;

  /**
   * Starts one process or container that hosts all these peers (proto/hosted-peers.ts) and waits until all of them answer. What they do
   * not have of their own is in hosted-peer.ts.
   * @returns the peers, in the order of the specs
   * @throws PeerLabError as `startPeer`; `not-capable` for a peer with an image or limits of its own, or a run with a `peerImage`
   */
  startHost(spec: HostSpec): Promise<Instance[]>;

  /**
   * Starts an instance that has ended once more, with the same name, address, settings and share folder as it was left, and
   * waits until its `/healthz` answers. Its log goes on where it ended.
   * @returns its new life; `url` may differ from the old one's
   * @throws PeerLabError as `startPeer`; `internal` when it has not ended
   */
  restart(instance: Instance): Promise<Instance>;

  /**
   * Where the directory had its users before the run: the account that a user of the plan has there. Without it, users are new, and the
   * first login makes them.
   */
  accountOf?(user: string): { readonly user: string; readonly password: string };

  /**
   * Ends the run: stops every instance, lets each write its log into the logs folder before it is removed, and removes
   * all that carries the run id. `orderly` gives instances time to stop by themselves; otherwise they are killed, logs
   * are saved as far as that costs no time, and the call is quick. Never throws; may be called again.
   * @returns what is still there and should not be (a line each); normally empty.
   */
  end(orderly: boolean): Promise<string[]>;
}

export interface DriverInit {
  /** Random, unique; in the name or label of all that the run makes. */
  readonly runId: string;
  /** Folder that receives `<instance>.log`; it exists. */
  readonly logsDir: string;
  readonly signal: AbortSignal;
  /** Container image (docker) or command (process) to run instead of PeerLab's own. */
  readonly peerImage?: string;
  readonly directoryImage?: string;
  /** How long one instance may take until its `/healthz` answers. Default: that of proto/promises.ts. */
  readonly readyTimeoutMs?: number;
  /** Told of each instance that did not end within its grace, and is killed for that. */
  readonly onKill?: (instance: string, graceMs: number) => void;
  /** Told when what lies between the lab and the instances broke: what was asked at that time says nothing of them. */
  readonly onTrouble?: (error: PeerLabError) => void;
  /** How networks and disks of instances will be disturbed: what that needs is made by `prepare`, and only then. */
  readonly disturbs?: readonly Disturbed[];
  /** Sets of peers whose nodes will be drained: each has a node for itself. */
  readonly drains?: readonly (readonly string[])[];
  /** The names of all peers of the run, in their order, those too that come later. */
  readonly peers?: readonly string[];
}

export interface DirectorySpec {
  /** Unique in the run; letters, digits and dashes. */
  readonly name: string;
  /** Settings beside those that the driver knows itself (host and port). */
  readonly env: DirectoryEnv;
}

export interface PeerSpec {
  readonly name: string;
  /** Settings beside those that the driver knows itself (share folder, host, ports, address, directory). */
  readonly env: PeerEnv;
  /** The directory that the peer should use. */
  readonly directory: Instance;
  /** What lies in the share folder before the peer starts. */
  readonly share: readonly ShareFile[];
  /** Image or command of this peer alone, before `DriverInit.peerImage`. */
  readonly image?: string;
  /** A program of the lab in this peer's place. */
  readonly double?: Double;
  /** Limits of this peer; a driver without the capability throws `not-capable` (capabilities.ts). */
  readonly memoryBytes?: number;
  readonly cpus?: number;
  /** Size of the disk that its share lies on; such a disk can be filled. */
  readonly diskBytes?: number;
}

/** Peers that share one process or container. */
export interface HostSpec {
  /** Unique in the run, among instances too; letters, digits and dashes. Its log is `<name>.log`, in which each line names its peer. */
  readonly name: string;
  /** At least one; all of the same directory. */
  readonly peers: readonly PeerSpec[];
}

/** A file to be put into a share. */
export interface ShareFile {
  readonly name: string;
  readonly sizeBytes: number;
  /** A new stream of its content, each time it is called. */
  open(): Readable;
}

/** A file found in a share by looking at the disk, never by asking the peer. */
export interface StoredFile {
  /** Path below the share folder, segments joined by `/`: unfinished downloads lie in `.peerlab/`. */
  readonly name: string;
  readonly sizeBytes: number;
  readonly sha256: string;
  /** What it is instead of a regular file: then size and hash are 0 and empty. */
  readonly kind?: OddKind;
}

/** `unreadable`: a file or folder that the lab is not allowed to read. */
export type OddKind = 'link' | 'fifo' | 'socket' | 'device' | 'unreadable';

/** A running directory or peer. */
export interface Instance {
  readonly name: string;
  readonly role: 'directory' | 'peer';
  /** `http://ip:port` (with a path below it for a hosted peer) as the lab reaches it: `/healthz`, `/metrics`, and a peer's `/control/…`. */
  readonly url: string;
  /** As the other instances reach it. A peer: the `ip:port` of its gRPC service. A directory: its URL. */
  readonly address: string;
  /**
   * Resolves when the instance ends, wanted or not, with a sentence that says how. Of a program it has the words `exit code <n>` or
   * `by <SIGNAL>`. Never rejects.
   */
  readonly ended: Promise<string>;

  /**
   * What lies in the share folder and below, folders left out, from the disk; also after the instance ended, until
   * `Driver.end`. Regular files are hashed one by one. What is no regular file is not opened, and links are not followed:
   * its kind is told, as far as the driver sees it (an archive of a Docker engine has no sockets).
   */
  storedFiles(): AsyncIterable<StoredFile>;

  /** The process or container that it shares with other peers, if it does. */
  readonly host?: string;

  /** It stood before the run, and goes on after it: its log is not the run's. */
  readonly stood?: true;

  /** CPU seconds used since its start, and memory in use now; undefined once it has ended. Of a hosted peer: an equal part of its host's. */
  usage(): Promise<InstanceUsage | undefined>;

  /** Stops it in order (SIGTERM), or at once (SIGKILL) when it does not end within `graceMs`. Resolves when it has ended. */
  stop(graceMs?: number): Promise<void>;
  /** SIGKILL. Resolves when it has ended. */
  kill(): Promise<void>;
  /** Freezes it (SIGSTOP or the engine's freezer) and lets it go on. */
  pause(): Promise<void>;
  resume(): Promise<void>;

  /** Its network, where the driver can disturb it (`network-faults` in capabilities.ts) and was told that it will (`disturbs`). */
  readonly network?: InstanceNetwork;
  /** The disk of its share, where it has a size of its own (`PeerSpec.diskBytes`). */
  readonly disk?: InstanceDisk;
  /** What it runs on, where that can be taken away from below it (`machine-faults`). */
  readonly machine?: InstanceMachine;
}

/**
 * What lies between an instance and the others: how it can be disturbed, and measured by who disturbs it. The port at which the
 * lab reaches the instance is left alone by all of it. It ends with the instance: another life begins undisturbed.
 */
export interface InstanceNetwork {
  /** Changes the conditions that are named, together, and leaves the others; `undefined` ends one. */
  impose(change: Partial<NetworkConditions>): Promise<void>;
  /** For each of these (`OUTSIDE`: a place in the run's network that no instance is at): whether packets come through from here to there, and back. */
  reaches(others: readonly (Instance | typeof OUTSIDE)[]): Promise<Reach[]>;
  /** Sends a number of packets, and tells the part that is lost, to and from a place in the run's network. */
  measureLoss(packets: number): Promise<{ readonly up: number; readonly down: number }>;
  /**
   * Moves a number of bytes to or from a place in the run's network, for at most `withinMs`, and counts all that passes the
   * instance's interface meanwhile in that direction.
   */
  measureRate(direction: 'up' | 'down', bytes: number, withinMs: number): Promise<{ readonly bytesPerSecond: number }>;
  /** The median time until an answer from a place in the run's network. */
  measureRoundTrip(): Promise<{ readonly ms: number }>;
}

/** A place in the run's network beside all instances. */
export const OUTSIDE = 'outside';

export interface NetworkConditions {
  /** Nothing passes between the instance and these, or anybody. */
  readonly cutFrom: 'all' | readonly Instance[] | undefined;
  /** Each packet, either way, is lost with this probability. */
  readonly lossFraction: number | undefined;
  /** Content bytes a second, in sum over all connections. */
  readonly upBytesPerSecond: number | undefined;
  readonly downBytesPerSecond: number | undefined;
  /** Each packet that leaves is late by so much, give or take the jitter. */
  readonly delay: { readonly byMs: number; readonly jitterMs: number } | undefined;
}

export interface Reach {
  readonly name: string;
  readonly to: boolean;
  /** Undefined where nobody looked. */
  readonly back: boolean | undefined;
}

/** A machine of an instance's own. */
export interface InstanceMachine {
  /** The instance is asked to end, and then all of it is gone, the share too. Its log is kept. Resolves when it has ended. */
  evict(): Promise<void>;
  /** By a look of its own at whoever carries it. */
  isThere(): Promise<boolean>;
  /** What carries it, where that can be drained (`drained-nodes`) and the driver was told that it will (`DriverInit.drains`). */
  readonly node?: InstanceNode;
}

/** What carries the instances of one set of `DriverInit.drains`, and nobody else of the run. */
export interface InstanceNode {
  /** It takes nobody new any more, and those of the set go, as by `evict`, when all that are there have been asked. Resolves when this one has gone. */
  drain(): Promise<void>;
  /** It is in service again. Also when the run ends, however it does. */
  giveBack(): Promise<void>;
  /** By a look of its own. */
  isInService(): Promise<boolean>;
}

/** A disk with an end. */
export interface InstanceDisk {
  /** Takes all that is free, now and whenever something gets free, until `release`. */
  fill(): Promise<void>;
  release(): Promise<void>;
  /** As the file system says. */
  freeBytes(): Promise<number>;
}

export interface InstanceUsage {
  readonly cpuSeconds: number;
  readonly memoryBytes: number;
}
