import { type Counters, startDouble, success } from './double.ts';

/**
 * A peer that does nothing and says that all went well: it tells no directory, opens no gRPC port and touches no file. Its
 * counters agree with its answers, so that only the disk, the other peers and the source that it names give it away.
 */

/** The size of every file, by its word. */
const SIZE_BYTES = 64 * 1024;
const SHA256 = '0'.repeat(64);

const counters: Counters = { sent: 0, received: 0 };

startDouble(
  {
    login: () => ({ leaseSeconds: 30 }),
    index: () => ({ peers: [] }),
    search: () => ({ results: [] }),
    download: ({ name }) => {
      counters.received += SIZE_BYTES;
      return success(name, SIZE_BYTES, SHA256);
    },
    upload: ({ name }) => {
      counters.sent += SIZE_BYTES;
      return success(name, SIZE_BYTES, SHA256);
    },
    loadfiles: () => ({ files: 0 }),
    logout: () => ({}),
  },
  counters,
);
