/** What both ends of a tunnel must be set to; what stands on Node alone imports this file. */
const MIB = 1024 * 1024;

/**
 * Node ends a session that looks like an attack: after 1000 streams that were broken off, and 33 more each second; after 1000 frames, in all,
 * of a stream that the other side had broken off meanwhile. Both are daily bread here, and strangers don't get here.
 */
const UNGUARDED = { streamResetBurst: 1_000_000, streamResetRate: 10_000, maxSessionInvalidFrames: 2 ** 31 - 1 };

export const TUNNEL = {
  options: {
    /** In MiB: thousands of streams wait for an end at one time. */
    maxSessionMemory: 512,
    ...UNGUARDED,
    settings: { initialWindowSize: MIB, maxConcurrentStreams: 100_000, enablePush: false },
  },
  /** In sum of all streams that come in. */
  sessionWindowBytes: 16 * MIB,
};
