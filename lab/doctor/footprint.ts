const MIB = 1024 * 1024;

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
