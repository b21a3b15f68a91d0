import type { Double } from '../doubles/names.ts';

/**
 * WHAT DRIVERS CAN DO, ON THIS MACHINE, and not every one on every machine. Known before anything is started, so that a
 * scenario that needs more can be refused instead of failing half-way. A new ability is a line here and one in each driver.
 */
export interface Wants {
  /** A limit on each peer's memory, in bytes. */
  'memory-limit': number;
  /** A limit on each peer's CPU, in CPUs. */
  'cpu-limit': number;
  /** A peer of the user's own: the name of an image, or a command, as the driver takes it. */
  'own-peer': string;
  /** The network of an instance can be disturbed in such a way. */
  'network-faults': 'cut' | 'lose' | 'limit' | 'delay';
  /** The machine of an instance can be taken away in such a way. */
  'machine-faults': 'evict';
  /** Nodes for the peers that a step drains, beside one for everybody else: how many. */
  'drained-nodes': number;
  /** A disk of a size, in bytes, for each peer's share. */
  'disk-limit': number;
  /** Something for a peer that is hosted together with others: what it wants, or the kind of fault that hits it. */
  'while-hosted': string;
  /** Peers of a run, in sum. */
  peers: number;
  /** Many peers in one process or container: how many. */
  hosts: number;
  /** A program of the lab in a peer's place. */
  double: Double;
  /** A directory with settings of the scenario: as people write them. */
  'directory-settings': string;
  /** A fault that ends or freezes the directory: its kind. */
  'directory-faults': string;
  /** Several directories that share a state and an address: how many. */
  replicas: number;
}

export type Capability = keyof Wants;

/** What a run disturbs around its instances. */
export type Disturbed = Wants['network-faults'] | 'disk';

/** Why something can't be had, and what would help; both are clauses without a full stop. */
export interface Lack {
  readonly why: string;
  readonly help: string;
}

/** For each capability: nothing if what is wanted is available, otherwise what is lacking. Pure, apart from a look at the disk. */
export type Capabilities = { readonly [C in Capability]: (wanted: Wants[C]) => Lack | undefined };

const none = () => undefined;

/** Of a driver that starts no database for them. */
export const NO_REPLICAS: Lack = {
  why: 'this driver starts one directory, and no database that several could share',
  help: 'use --driver process, which can where a PostgreSQL server is installed',
};

/** What every driver can that starts all instances itself. */
export const OF_ITS_OWN: Pick<
  Capabilities,
  'peers' | 'hosts' | 'double' | 'directory-settings' | 'directory-faults' | 'replicas'
> = {
  ...{ peers: none, hosts: none, double: none, 'directory-settings': none, 'directory-faults': none },
  replicas: () => NO_REPLICAS,
};

/** Of drivers whose instances have no machine that somebody else could take away. */
export const NO_MACHINES: Lack = {
  why: 'nothing but a cluster takes machines away from below its instances',
  help: 'use kill or stop, or --driver kubernetes',
};
