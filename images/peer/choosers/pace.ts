/** The times and numbers of a crowd that helps itself: one place for the peer, and for a simulation of many. */

/** Others that one peer talks to at one time, all its downloads together, but for one each: a lane holds a piece in memory, and a connection. */
export const MAX_NEIGHBOURS = 24;
/** From a source that gives turns, one piece may be on its way while the next one is asked for. */
export const MAX_PIECES_EACH = 2;
/** What may be on its way to one peer, of all calls together: a call that waits for the disk fills its window, but never beyond what it asked for. */
export const BUDGET_BYTES = 24 * 1024 * 1024;
/** A lane that has nothing to do looks again so often whether another stands still. */
export const RETHINK_MS = 100;
/** Who waits for more than is known is looked after this often. */
export const LOOK_MS = 1000;

/** Callers that a peer tells of its pieces at one time. */
export const MAX_WATCHERS = 512;
/** Pieces that have come since are told together, at most this often. */
export const NEWS_MS = 100;

/** The directory is asked who else fetches so soon again, then after twice that, and so on up to the longest. */
export const FIRST_WAIT_MS = 500;
export const LONGEST_WAIT_MS = 8000;

/** Served at one time by a peer with a limit on what it sends: while one ends and the next begins, others go on. */
export const FEW_SLOTS = 3;
