import { FLOW_CONTROL_WINDOW_BYTES } from '#proto/peer.ts';

/** Sources that one download asks at one time: more bring nothing to one receiver. */
const MAX_LANES = 8;
/** All downloads together, but for one each: a lane holds a piece in memory, and a connection. */
const MAX_LANES_IN_ALL = 24;
/** What may be on its way to this peer, of all calls together: a call that waits for the disk fills its window, but never beyond what it asked for. */
const BUDGET_BYTES = 3 * FLOW_CONTROL_WINDOW_BYTES;

/** How much the downloads of a peer may have on the way, so that a slow disk does not fill the memory. */
export class ReceiveMemory {
  /** Under way now. */
  downloads = 0;
  lanesNow = 0;

  /** Sources that a download may ask at one time, as of now. */
  get lanes(): number {
    return Math.max(1, Math.min(MAX_LANES, Math.floor(MAX_LANES_IN_ALL / Math.max(1, this.downloads))));
  }

  /** Bytes that one call may ask for, as of now: without a limit while the windows of all calls fit. */
  get shareBytes(): number {
    const calls = Math.max(this.downloads, this.lanesNow);
    const share = BUDGET_BYTES / Math.max(1, calls);
    return share >= FLOW_CONTROL_WINDOW_BYTES ? Number.POSITIVE_INFINITY : share;
  }
}
