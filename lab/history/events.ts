import { z } from 'zod';

/** What a run leaves behind, as data: every later judgement reads these and nothing else. One JSON object a line. */

/** One operation: a call of a peer's control port. Times in seconds since the first step began, on the lab's monotonic clock. */
export const operationEvent = z.object({
  id: z.number().int(),
  /** Index of the step in the scenario. */
  step: z.number().int(),
  operation: z.string(),
  peer: z.string(),
  start: z.number(),
  end: z.number(),
  outcome: z.enum(['ok', 'failed']),
  /** `definite`: it certainly did not take effect; otherwise it may have. */
  error: z.object({ code: z.string(), message: z.string(), definite: z.boolean() }).optional(),
  /** Of a transfer: the file, the peer it went to, and content bytes that crossed the wire. */
  file: z.string().optional(),
  to: z.string().optional(),
  bytes: z.number().int(),
  sources: z.array(z.object({ peer: z.string(), bytes: z.number().int() })),
  firstByteSeconds: z.number().optional(),
  /** Of index and search: entries in the answer. */
  results: z.number().int().optional(),
});
export type OperationEvent = z.infer<typeof operationEvent>;

/** A file of a share: as the lab made it (shares.ndjson), or as the disk had it at the end (stored.ndjson). */
export const fileRecord = z.object({ peer: z.string(), name: z.string(), size: z.number().int(), sha256: z.string() });
export type FileRecord = z.infer<typeof fileRecord>;

/** Facts about the run as a whole (run.json). */
export const runFacts = z.object({
  runId: z.string(),
  scenario: z.string(),
  description: z.string(),
  driver: z.enum(['process', 'docker']),
  seed: z.number().int(),
  startedAt: z.iso.datetime(),
  setupSeconds: z.number(),
  durationSeconds: z.number(),
  peers: z.array(z.string()),
  /** Operations that the plan had. */
  planned: z.number().int(),
  /** One label a step. */
  steps: z.array(z.string()),
  /** Every step was taken and every disk read; otherwise the history is cut off, and nothing can be judged by it. */
  completed: z.boolean(),
  resources: z.record(z.string(), z.number()),
  artifacts: z.record(z.string(), z.string()),
  /** Instances that ended although nobody asked them to. */
  exits: z.array(z.object({ instance: z.string(), how: z.string() })),
  /** What kept the lab from finishing its work; empty after an orderly run. */
  trouble: z.array(z.object({ code: z.string(), message: z.string() })),
  leftovers: z.array(z.string()),
});
export type RunFacts = z.infer<typeof runFacts>;
