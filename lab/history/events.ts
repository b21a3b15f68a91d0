import { z } from 'zod';
import { MAX_MAPPED_CONTENTS, pieceMap } from '#proto/piece-map.ts';

/** What a run leaves behind, as data: every later judgement reads these and nothing else. One JSON object a line. */

/** One operation: a call of a peer's control port, or the wait at a barrier. Times in seconds since the first step began, on the lab's monotonic clock. */
export const operationEvent = z.object({
  id: z.number().int(),
  /** The step's place in the scenario, as in `3` or `3.2`; and its name, if it has one. */
  step: z.string(),
  as: z.string().optional(),
  operation: z.string(),
  peer: z.string(),
  /** When the plan wanted it to begin, for steps with an arrival. */
  due: z.number().optional(),
  start: z.number(),
  end: z.number(),
  outcome: z.enum(['ok', 'failed']),
  /** `definite`: it certainly did not take effect; otherwise it may have. */
  error: z.object({ code: z.string(), message: z.string(), definite: z.boolean() }).optional(),
  /** Of a transfer: the file, the peer it went to, and content bytes that crossed the wire. */
  file: z.string().optional(),
  to: z.string().optional(),
  bytes: z.number().int(),
  /** `error`: why the transfer left this peer, by the word of the one that asked it; `cut`: whether it was left with bytes under way. */
  sources: z.array(
    z.object({ peer: z.string(), bytes: z.number().int(), error: z.string().optional(), cut: z.boolean().optional() }),
  ),
  firstByteSeconds: z.number().optional(),
  /** What proved the content, and bytes that were there from an earlier attempt; both by the peer's word. */
  verified: z.string().optional(),
  resumedBytes: z.number().int().optional(),
  /** Of a transfer: size in bytes and SHA-256 of the file, by the word of the peer that answered. */
  told: z.object({ size: z.number().int(), sha256: z.string() }).optional(),
  /** Of a search: what was asked for. */
  asked: z.string().optional(),
  /** Of index and search: entries in the answer, which stands in answers.ndjson. */
  results: z.number().int().optional(),
});
export type OperationEvent = z.infer<typeof operationEvent>;

/**
 * What the directory answered to operation `id`: `[ip:port, file name, sha256, size in bytes]` of each entry. Results of
 * older versions have no sizes.
 */
export const answerRecord = z.object({
  id: z.number().int(),
  entries: z.array(z.tuple([z.string(), z.string(), z.string(), z.number().optional()])),
});
export type AnswerRecord = z.infer<typeof answerRecord>;

/** What the index named when the lab itself asked for it, `through` the control port of a peer. Times as in events. */
export const indexLook = z.object({
  start: z.number(),
  end: z.number(),
  through: z.string().optional(),
  /** As of an answer; absent when nobody could be asked, which `error` explains. */
  entries: answerRecord.shape.entries.optional(),
  error: z.string().optional(),
  /**
   * Only of a look after the end of the run: peers that had been asked to end, and had ended. `peers`: addresses that the index
   * then named; `online`: how many the directory counted before and after the end of the last one.
   */
  ended: z.array(z.string()).optional(),
  peers: z.array(z.string()).optional(),
  online: z.object({ before: z.number(), after: z.number() }).optional(),
  /** How scarce processors were then, from 0 to 1; absent where the kernel does not tell. */
  cpuPressure: z.number().optional(),
});
export type IndexLook = z.infer<typeof indexLook>;

/** A file of a share, as the lab made it (shares.ndjson). */
export const fileRecord = z.object({ peer: z.string(), name: z.string(), size: z.number().int(), sha256: z.string() });
export type FileRecord = z.infer<typeof fileRecord>;

/** What lay in a share at the end (stored.ndjson). `kind`: what it is instead of a regular file, which has no size and hash. */
export const storedRecord = fileRecord.extend({
  kind: z.enum(['link', 'fifo', 'socket', 'device', 'unreadable']).optional(),
});
export type StoredRecord = z.infer<typeof storedRecord>;

/**
 * The series of an instance that changed since its last scrape (metrics/samples.ndjson), by name and labels. null: what it
 * said is no finite number (NaN, +Inf), or can't be read. That is unknown, and not the value of before.
 */
export const sampleRecord = z.object({
  at: z.number(),
  instance: z.string(),
  values: z.record(z.string(), z.number().nullable()),
});

/**
 * Which pieces a peer had of contents that it was fetching, by its own word, when the lab asked: those that changed since it was asked before
 * (pieces.ndjson). What it has of a content that is not there any more is told by the end of its download.
 */
export const piecesRecord = z.object({
  at: z.number(),
  peer: z.string(),
  contents: z.array(pieceMap).min(1).max(MAX_MAPPED_CONTENTS),
});
export type PiecesRecord = z.infer<typeof piecesRecord>;

/** The name of the directory among instances; those of its replicas end in a dash and a number. All others are peers. */
export const DIRECTORY = 'directory';

/** The names of the instances that are the directory. */
export function directoryNames(replicas = 1): string[] {
  return replicas === 1 ? [DIRECTORY] : Array.from({ length: replicas }, (_, i) => `${DIRECTORY}-${i + 1}`);
}

/** Whether it is the name of the directory, or of one of its replicas. */
export function isDirectory(name: string): boolean {
  return name === DIRECTORY || /^directory-\d+$/.test(name);
}

/** What a probe of an instance at its control port saw: an answer, a closed port, or nothing. */
export type Seen = 'answers' | 'refuses' | 'silent';

/** Faults that end a life, or make an instance stand still: one of them has hold of it. */
export const LIFE_FAULTS = ['kill', 'stop', 'evict', 'drain', 'freeze'] as const;
/** Those of them that take the machine of an instance, and its share with it. */
export const MACHINE_FAULTS: ReadonlySet<FaultKind> = new Set(['evict', 'drain']);
/** Faults of what lies around an instance, several together; `heal` undoes them. */
export const DISTURBANCES = ['cut', 'lose', 'limit', 'delay', 'fill', 'lie'] as const;
export const faultKind = z.enum([...LIFE_FAULTS, ...DISTURBANCES]);
export type FaultKind = z.infer<typeof faultKind>;

/** Whom a `cut` can be from, beside the name of a group: everybody. */
export const ALL = 'all';

/** A fault, as the scenario asks for it. */
export type FaultSpec =
  | { readonly kind: 'kill' | 'stop' | 'evict' | 'drain' | 'freeze' | 'fill' }
  /** `from`: all, directory, or a group. */
  | { readonly kind: 'cut'; readonly from: string }
  /** `how`: one of LIES in lab/doubles/names.ts. */
  | { readonly kind: 'lie'; readonly how: string }
  | { readonly kind: 'lose'; readonly percent: number }
  | { readonly kind: 'limit'; readonly upBytesPerSecond?: number; readonly downBytesPerSecond?: number }
  | { readonly kind: 'delay'; readonly byMs: number; readonly jitterMs: number };
export type SpecOf<K extends FaultKind> = Extract<FaultSpec, { kind: K }>;

const figures = z.record(z.string(), z.number());

/** A probe of the lab at an instance with a fault; `figures`: what it measured. */
export const proof = z.object({
  when: z.enum(['before', 'during', 'after']),
  at: z.number(),
  wanted: z.string(),
  seen: z.string(),
  ok: z.boolean(),
  figures: figures.optional(),
});
export type Proof = z.infer<typeof proof>;

/** A fault that the scenario did to an instance (faults.ndjson). Times as in events. */
export const faultRecord = z.object({
  kind: faultKind,
  who: z.string(),
  /** The step's place in the scenario. */
  step: z.string(),
  /** What was asked for beside the kind, such as `from` of a cut; and what was measured of it, last, while it was in force. */
  requested: z.record(z.string(), z.union([z.string(), z.number()])).optional(),
  achieved: figures.optional(),
  /** From when on it was done, and when it was; without the latter it never was. */
  from: z.number(),
  inForce: z.number().optional(),
  /** When undoing it began; and how long it then took until the instance answered. */
  until: z.number().optional(),
  recoverySeconds: z.number().optional(),
  /** How long it was to be in force; `until - inForce` is what came of it. */
  requestedSeconds: z.number().optional(),
  /** Another fault ended it: nobody was to undo it any more. */
  overtakenBy: faultKind.optional(),
  overtakenAt: z.number().optional(),
  proofs: z.array(proof),
});
export type FaultRecord = z.infer<typeof faultRecord>;

/** An expectation that was held while the run went on. */
export const observation = z.object({
  expression: z.string(),
  /** The step that asked, `end` for one that may come true after the last step, `abort` for one that ends the run. */
  by: z.string(),
  at: z.number(),
  actual: z.union([z.number(), z.null()]),
  ok: z.union([z.boolean(), z.null()]),
  /** Why the figure was missing, if it was. */
  missing: z.string().optional(),
});
export type Observation = z.infer<typeof observation>;

/** A program that was tested, named as exactly as it could be. */
export const testedProgram = z.object({
  role: z.enum(['directory', 'peer']),
  name: z.string().meta({ description: 'The name of an image, or a command.' }),
  asked: z.string().optional().meta({ description: "As the user asked for it. Absent for PeerLab's own program." }),
  digest: z.string().optional().meta({ description: "Of an image, or of the sources of PeerLab's own program." }),
  files: z
    .array(z.object({ path: z.string(), sha256: z.string() }))
    .optional()
    .meta({ description: 'Of a command: the files that its words name.' }),
  version: z.string().optional().meta({ description: 'What the program says of itself, where it does.' }),
});
export type TestedProgram = z.infer<typeof testedProgram>;

/** Files of the scenario's own folders that no share can hold: how many, and some of them. */
export const leftOutFiles = z.object({
  count: z.number().int(),
  examples: z.array(z.object({ name: z.string(), reason: z.string() })),
});

/** Facts about the run as a whole (run.json). */
export const runFacts = z.object({
  runId: z.string(),
  scenario: z.string(),
  description: z.string(),
  knownFailure: z.string().optional(),
  driver: z.string(),
  seed: z.number().int(),
  leaseSeconds: z.number(),
  /** Absent when the directory is one. */
  directoryReplicas: z.number().int().optional(),
  startedAt: z.iso.datetime(),
  /** The machine of the lab, in words. Absent in results of older versions. */
  machine: z.record(z.string(), z.string()).optional(),
  setupSeconds: z.number(),
  durationSeconds: z.number(),
  /** Peers that share a process or container; absent when each is by itself. */
  peersPerInstance: z.number().int().optional(),
  peers: z.array(
    z.object({
      name: z.string(),
      group: z.string(),
      host: z.string().optional(),
      address: z.string().optional(),
      /** Of the disk of its share, where that has a size of its own. */
      diskBytes: z.number().optional(),
      /** What it runs instead of the program of all others: an image, a command, a double of the lab. */
      program: z.string().optional(),
      /** What its settings let it send and receive. */
      upBytesPerSecond: z.number().optional(),
      downBytesPerSecond: z.number().optional(),
    }),
  ),
  /** The run of the same scenario in which peers gave nothing on while they fetched, played just before. */
  baseline: z
    .object({
      runId: z.string(),
      /** Until the last of its crowd had everything; without it, `missing` says why that is not known. */
      lastSeconds: z.number().optional(),
      missing: z.string().optional(),
    })
    .optional(),
  /** Instances that stood before the run, and whose logs are not the run's; absent when there are none. */
  stood: z.array(z.string()).optional(),
  /** Absent when there are none. */
  leftOut: leftOutFiles.optional(),
  /** Operations that the steps were to do. */
  planned: z.number().int(),
  /** The steps of the scenario, and whether each was taken. */
  steps: z.array(z.object({ id: z.string(), label: z.string(), taken: z.boolean() })),
  /** Every step was taken and every disk read; otherwise the history is cut off, and nothing can be judged by it. */
  completed: z.boolean(),
  observations: z.array(observation),
  /** The longest time in which the lab's own event loop was held up while the steps were taken. */
  stallSeconds: z.number(),
  resources: z.record(z.string(), z.number()),
  artifacts: z.record(z.string(), z.string()),
  /** Absent in results of older versions. */
  tested: z.array(testedProgram).optional(),
  /** Instances that ended although nobody asked them to. */
  exits: z.array(z.object({ instance: z.string(), how: z.string() })),
  /**
   * Instances (a host stands for all of its peers) that were asked to end, did not within `graceSeconds`, and were
   * killed at `at`. `cpuPressure`: how scarce processors were then, from 0 to 1; absent where the kernel does not tell.
   */
  kills: z
    .array(
      z.object({ instance: z.string(), at: z.number(), graceSeconds: z.number(), cpuPressure: z.number().optional() }),
    )
    .optional(),
  /** Instances that were asked to end, and ended in another way than with exit code 0; those in `kills` are not among them. */
  badEnds: z.array(z.object({ instance: z.string(), how: z.string(), cpuPressure: z.number().optional() })).optional(),
  /** What kept the lab from finishing its work; empty after an orderly run. */
  trouble: z.array(z.object({ code: z.string(), message: z.string() })),
  leftovers: z.array(z.string()),
  /** How long each file that a report relies on was when the run had ended, in bytes; absent while it goes on. */
  files: z.record(z.string(), z.number().int()).optional(),
});
export type RunFacts = z.infer<typeof runFacts>;
