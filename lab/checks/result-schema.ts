import { z } from 'zod';
import { faultRecord, leftOutFiles, testedProgram } from '../history/events.ts';

/** `result.json`: the shape, and with it the figures that expectations can name. Units are part of the schema. */

const seconds = z.number().nonnegative().meta({ unit: 'seconds' });
const bytes = z.number().nonnegative().meta({ unit: 'bytes' });
const bytesPerSecond = z.number().nonnegative().meta({ unit: 'bytes/s' });
const ratio = z.number().min(0).meta({ unit: 'ratio' });
const count = z.number().int().nonnegative();

const percentiles = z.object({ p50: seconds, p95: seconds, p99: seconds, max: seconds });

const operationFigures = z.object({
  count,
  ok: count,
  failed: count,
  latency: percentiles.optional().meta({ description: 'Of the operations that ended well. Absent if none did.' }),
});

const transferFigures = z.object({
  count: count.meta({ description: 'Downloads and uploads.' }),
  ok: count,
  failed: count,
  bytes: bytes.meta({ description: 'Bytes of content that crossed the wire, failed transfers included.' }),
  throughputBytesPerSecond: z
    .object({
      p50: bytesPerSecond,
      p95: bytesPerSecond,
      max: bytesPerSecond,
      aggregate: bytesPerSecond.meta({
        description: 'Bytes of all good transfers, divided by the time in which at least one was under way.',
      }),
    })
    .optional()
    .meta({
      description: 'Of transfers that ended well and moved bytes, as the lab timed them. Absent if none did.',
    }),
  firstByteSeconds: percentiles.optional().meta({ description: 'As the downloading peers report it.' }),
});

const fairness = z
  .object({
    jain: ratio.meta({
      description:
        "Jain's index of the peers' download throughputs: 1 if all are equal, 1/n if one peer has everything.",
    }),
    slowestToMedian: ratio.meta({
      description: 'The throughput of the slowest peer, divided by that of the median peer.',
    }),
  })
  .meta({ description: 'Among peers that downloaded. Absent if fewer than two did.' });

/** What some of the operations give: of the whole run, a group, a peer, or a named step. */
export const scopeFigures = z.object({
  operations: z.record(z.string(), operationFigures).meta({ description: 'By verb.' }),
  transfers: transferFigures,
  fairness: fairness.optional(),
  failures: z.record(z.string(), count).meta({ description: 'Failed operations by error code.' }),
});
export type ScopeFigures = z.infer<typeof scopeFigures>;

const times = z.number().nonnegative();

/** How a crowd helped itself (docs/swarm.md). */
const swarmFigures = z
  .object({
    boundSeconds: seconds.meta({
      description:
        'The fluid bound: no way to share could give the last peer the content sooner, by the limits that the scenario sets.',
    }),
    lastSeconds: seconds.meta({ description: 'From the first begin of a download to the end of the last one.' }),
    ratio: times.meta({ description: 'lastSeconds, divided by boundSeconds: 1 is the best there can be.' }),
    speedup: times.meta({
      description: 'The time that the seeders alone would need by their limits, divided by lastSeconds.',
    }),
    offload: ratio.meta({ description: 'The part of the bytes that did not come from seeders.' }),
    seederCopies: times.meta({ description: 'What the seeders gave, in copies of the content.' }),
    fairness: ratio.meta({
      description: "Jain's index of what each that fetched gave, divided by what it got: 1 if it is the same for all.",
    }),
  })
  .partial();

const crowd = swarmFigures.extend({
  missing: z.record(z.string(), z.string()).meta({ description: 'Why figures are missing, by their names.' }),
  fromSeconds: z.number().meta({ description: 'When its first download began.' }),
  peers: count.meta({ description: 'That got something.' }),
  bytes,
  contents: z
    .array(
      z.object({
        name: z.string(),
        size: bytes,
        peers: count,
        seeders: count.meta({ description: 'Peers that had all of it before.' }),
        spread: z.array(z.object({ at: z.number(), least: times, mean: times })).meta({
          description:
            'Copies among those who fetch it, of the piece that is rarest and on average, by their own word. Empty if no peer said anything.',
        }),
      }),
    )
    .meta({ description: 'At most 10, those first that moved the most.' }),
});

const failedOperation = z.object({
  operation: z.string(),
  code: z.string(),
  count,
  example: z.object({
    message: z.string(),
    peer: z.string(),
    file: z.string().optional(),
    at: seconds.meta({ description: 'Since the first step began.' }),
    log: z.string().meta({ description: "The peer's log, below the results folder." }),
    line: count
      .optional()
      .meta({ description: 'The line of the log that seems to speak of it, from 1; absent when none does.' }),
  }),
});

const checkResult = z.object({
  name: z.string(),
  verdict: z.enum(['pass', 'fail', 'inconclusive']),
  reason: z.string(),
  details: z.array(z.string()).meta({ description: 'At most 20 lines.' }),
});
export type CheckResult = z.infer<typeof checkResult>;

const expectationResult = z.object({
  expression: z.string(),
  actual: z.union([z.number(), z.null()]).meta({ description: 'null: the figure is missing.' }),
  ok: z.union([z.boolean(), z.null()]).meta({ description: 'null: could not be judged.' }),
  missing: z.string().optional().meta({ description: 'Why the figure is missing, if it is.' }),
  example: z.string().optional().meta({ description: 'When it is broken: a failed operation that has to do with it.' }),
});
export type ExpectationResult = z.infer<typeof expectationResult>;

export const resultSchema = scopeFigures.extend({
  runId: z.string(),
  scenario: z.string(),
  description: z.string(),
  driver: z.string().meta({ description: 'The kind of the driver: process, docker, …' }),
  seed: z.number().int(),
  verdict: z.enum(['pass', 'fail', 'inconclusive']),
  reason: z.string().meta({ description: 'One sentence.' }),
  look: z.string().optional().meta({ description: 'Where to look for more, if the verdict is not pass.' }),
  likelyRules: z.string().optional().meta({
    description: 'Where a peer of somebody else takes part: the rules of the peer contract that it seems to break.',
  }),
  knownFailure: z.string().optional().meta({ description: 'Why the scenario is expected to fail, if it is.' }),
  startedAt: z.iso.datetime(),
  durationSeconds: seconds.meta({ description: 'Duration of the steps, without set-up and cleanup.' }),
  setupSeconds: seconds,
  peers: count,
  groups: z.record(z.string(), scopeFigures).meta({ description: 'The same figures for the peers of each group.' }),
  steps: z
    .record(z.string(), scopeFigures)
    .meta({ description: 'The same figures for each step that has a name (`as`).' }),
  integrity: z.object({
    verified: count.meta({
      description: 'Received files that the lab read from the disk and found right, byte for byte.',
    }),
    mismatched: count.meta({ description: 'Files under a final name that are wrong, missing, or should not exist.' }),
  }),
  directory: z.object({
    answers: count.meta({ description: 'Answers to index and search that were compared with who really shared what.' }),
    precision: ratio.optional().meta({ description: 'The part of the entries in those answers that was true.' }),
    recall: ratio.optional().meta({ description: 'The part of the expected entries that was in those answers.' }),
    stalenessSeconds: seconds
      .optional()
      .meta({ description: 'The oldest untrue entry: how long its peer or file had been gone.' }),
  }),
  faults: z.object({
    count: count.meta({ description: 'Faults that the scenario did to instances.' }),
    recoverySeconds: percentiles.optional().meta({
      description:
        'From the moment when undoing a fault began until a probe saw that it was gone. Absent if no fault was undone.',
    }),
    list: z
      .array(faultRecord.extend({ achievedSeconds: seconds.optional() }))
      .meta({ description: 'Each fault, with what the lab saw before, during and after it.' }),
  }),
  swarm: swarmFigures
    .extend({
      baselineSeconds: seconds
        .optional()
        .meta({ description: 'lastSeconds of the same scenario with PEER_SWARM=0, played before (`--baseline`).' }),
      baselineSpeedup: times.optional().meta({ description: 'baselineSeconds, divided by lastSeconds.' }),
      baseline: z
        .object({ runId: z.string(), missing: z.string().optional() })
        .optional()
        .meta({ description: 'That run, and why its time is not known, if it is not.' }),
      crowds: z.array(crowd).meta({ description: 'At most 10, those first that moved the most.' }),
    })
    .optional()
    .meta({
      description:
        'Of peers that fetched the same content at the same time, three or more. Of several crowds, each figure is that of the worst. Absent if there was none.',
    }),
  lab: z
    .object({
      lagSeconds: seconds.meta({ description: 'How much later than planned operations began, 99th percentile.' }),
      stallSeconds: seconds.meta({ description: "The longest time for which the lab's own event loop was blocked." }),
    })
    .partial(),
  resources: z
    .object({
      peerCpuSeconds: seconds.meta({ description: 'Of the peers that ran at the end.' }),
      directoryCpuSeconds: seconds,
      labCpuSeconds: seconds.meta({ description: 'CPU time of the lab itself during the steps.' }),
      labSetupCpuSeconds: seconds.meta({
        description: 'CPU time of the lab itself from the begin of the run to its first step.',
      }),
      labMemoryBytes: bytes.meta({ description: 'Memory of the lab itself at the end of the steps.' }),
      cpuPressure: ratio.meta({
        description:
          'The part of the steps in which some program of this machine waited for a processor. Absent where the kernel does not tell.',
      }),
      peerMemoryBytesMax: bytes.meta({
        description:
          'The largest memory of any peer in any sample. A hosted peer counts with an equal part of its host.',
      }),
    })
    .partial(),
  failedOperations: z
    .array(failedOperation)
    .optional()
    .meta({ description: 'Why operations failed: by kind and code how many, and one of them. At most 50.' }),
  checks: z.array(checkResult).meta({ description: 'The built-in checks.' }),
  expectations: z.array(expectationResult),
  logsByRule: z.array(z.string()).optional().meta({
    description: "Instances in whose logs errors and warnings were counted by the scenario's own rule (`logs`).",
  }),
  logsElsewhere: z.array(z.string()).optional().meta({
    description:
      'Instances that stood before the run. Their logs are not part of the results, nor of figures of all logs.',
  }),
  waits: z
    .array(
      z.object({
        peer: z.string(),
        seconds,
        step: z.string(),
        operation: z.string().meta({ description: 'What it did last in that step.' }),
        file: z.string().optional(),
        code: z.string().optional().meta({ description: 'How it failed, if it did.' }),
      }),
    )
    .optional()
    .meta({
      description: 'Steps in which all others waited for one peer, the longest first. Absent if there was none.',
    }),
  leftOut: leftOutFiles.optional().meta({
    description:
      'Files of `from` folders that no share can hold: how many, and some of them. Absent if there were none.',
  }),
  tested: z
    .array(
      testedProgram.omit({ asked: true }).extend({
        isOwn: z.boolean().meta({ description: "Whether it is PeerLab's own program." }),
        groups: z.array(z.string()).optional().meta({ description: 'Of a peer: the groups that ran it.' }),
      }),
    )
    .meta({ description: 'The programs that were tested.' }),
  machine: z.record(z.string(), z.string()).optional().meta({
    description: 'The machine of the lab: system, processors, memory, node. Absent in results of older versions.',
  }),
  artifacts: z.record(z.string(), z.string()).meta({ description: 'Versions, images and digests that ran.' }),
  leftovers: z.array(z.string()).meta({ description: 'What was still there after cleanup. Normally empty.' }),
});
export type Result = z.infer<typeof resultSchema>;
export type Verdict = Result['verdict'];
