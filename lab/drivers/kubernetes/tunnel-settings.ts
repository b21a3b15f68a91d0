/** What both ends of a tunnel must be set to; what stands on Node alone imports this file. */
const MIB = 1024 * 1024;

export const TUNNEL = {
  options: {
    /** In MiB: thousands of streams wait for an end at one time. */
    maxSessionMemory: 512,
    settings: { initialWindowSize: MIB, maxConcurrentStreams: 100_000, enablePush: false },
  },
  /** In sum of all streams that come in. */
  sessionWindowBytes: 16 * MIB,
};
