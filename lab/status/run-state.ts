import { z } from 'zod';

/** WHAT A LAB TELLS A PAGE of its run: the whole of it each time, so that a page that comes late, or again, misses nothing. */
export const runState = z.object({
  runId: z.string().max(100),
  scenario: z.string().max(200),
  driver: z.string().max(100),
  peers: z.number().int().nonnegative(),
  startedAt: z.iso.datetime(),
  /** What it does now, or did last, for people. */
  doing: z.string().max(500),
  /** By verb: how many have ended, and how many of those failed. */
  operations: z.record(z.string().max(100), z.object({ ended: z.number().int(), failed: z.number().int() })),
  /** Absent until it was judged. */
  verdict: z.enum(['pass', 'fail', 'inconclusive']).optional(),
  reason: z.string().max(2000).optional(),
});
export type RunState = z.infer<typeof runState>;

/** Where a page takes it: `POST`, with the page's token. */
export const RUNS_PATH = '/runs';
