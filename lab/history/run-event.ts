import { z } from 'zod';
import {
  answerRecord,
  faultKind,
  faultRecord,
  fileRecord,
  indexLook,
  observation,
  operationEvent,
  piecesRecord,
  proof,
  runFacts,
  sampleRecord,
  storedRecord,
  testedProgram,
} from './events.ts';

/**
 * THE STREAM OF A RUN: everything that happens in it, as typed events in the order in which it happened. The recorder writes them to
 * the results folder, and whoever wants to follow a run (progress, running figures, a live page) reads the same ones.
 */

/** `at`: seconds since the first step began, on the lab's monotonic clock; 0 while the run is set up. */
function event<K extends string, S extends z.ZodRawShape>(kind: K, shape: S) {
  return z.object({ kind: z.literal(kind), at: z.number(), ...shape });
}

const name = z.string();
const count = z.number().int();
const seconds = z.number();

export const runEvent = z.discriminatedUnion('kind', [
  /** What is known from the plan. */
  event('run-began', {
    run: runFacts.pick({
      runId: true,
      scenario: true,
      description: true,
      knownFailure: true,
      driver: true,
      seed: true,
      leaseSeconds: true,
      directoryReplicas: true,
      startedAt: true,
      machine: true,
      peersPerInstance: true,
      baseline: true,
      peers: true,
      leftOut: true,
      steps: true,
    }),
  }),
  /** A part of the run that is not a step: the one before it is over. `total`: instances or disks that it is about. */
  event('phase-began', { what: z.string(), total: count.optional() }),
  event('phase-ended', {}),
  /** Worth a line for a person who looks on. */
  event('note', { text: z.string() }),
  /** What runs; `tested` are the programs that it is about. */
  event('artifacts-known', { artifacts: z.record(z.string(), z.string()), tested: z.array(testedProgram) }),
  event('share-recorded', { file: fileRecord }),

  event('instance-started', { instance: name }),
  /** It answers. `tookSeconds`: since it was started. */
  event('instance-ready', {
    instance: name,
    role: z.enum(['directory', 'peer']),
    address: z.string(),
    host: z.string().optional(),
    /** It ran before the run: its log is not the run's. */
    stood: z.literal(true).optional(),
    tookSeconds: seconds,
  }),
  /**
   * `asked`: the scenario, or the end of the run, wanted it to end. `inOrder` is false of one that was asked to by SIGTERM and
   * ended, by its own doing, in another way than with exit code 0; `cpuPressure` is as below then.
   */
  event('instance-ended', {
    instance: name,
    how: z.string(),
    asked: z.boolean(),
    inOrder: z.boolean(),
    cpuPressure: z.number().optional(),
  }),

  /**
   * By the lab, as it had not ended within its grace. A host stands for all of its peers.
   * `cpuPressure`: the share of its last ten seconds in which programs of this machine waited for a processor.
   */
  event('instance-killed', { instance: name, graceSeconds: seconds, cpuPressure: z.number().optional() }),

  event('steps-began', { setupSeconds: seconds }),
  event('steps-ended', {}),
  /** `operations`: that the step does itself; `total`: with those of steps inside it, as far as they are planned. */
  event('step-began', { step: z.string(), label: z.string(), operations: count, total: count }),
  /** `taken`: it got to its end. */
  event('step-ended', { step: z.string(), taken: z.boolean() }),
  /** `deadlineSeconds`: how long an answer is waited for. */
  event('operation-began', {
    id: count,
    step: z.string(),
    operation: z.string(),
    peer: name,
    file: z.string().optional(),
    to: z.string().optional(),
    deadlineSeconds: seconds,
  }),
  event('operation-ended', { operation: operationEvent, answer: answerRecord.optional() }),
  event('observation', { observation }),
  /** What the figure of an expectation is so far. It is for those who look on: what counts is judged at the end. */
  event('expectation-stands', {
    expression: name,
    actual: z.number(),
    unit: z.enum(['seconds', 'bytes', 'bytes/s', 'count']),
    ok: z.boolean(),
  }),
  /** The lab itself asked for the index. */
  event('index-looked', { look: indexLook }),

  event('fault-begun', { fault: faultKind, who: name, step: z.string() }),
  event('fault-proved', { fault: faultKind, who: name, step: z.string(), proof }),
  /** It was undone, another one took its place, or the run is over. */
  event('fault-ended', { record: faultRecord }),

  /** The series of an instance that changed since its last scrape. */
  event('sample', { instance: name, values: sampleRecord.shape.values }),
  /** Which pieces a peer has of what it is fetching, by its own word. */
  event('pieces', { peer: name, contents: piecesRecord.shape.contents }),
  /** What a disk had at the end, file by file; then the disk as a whole is read. */
  event('file-stored', { file: storedRecord }),
  event('disk-read', { instance: name }),
  event('measured', { stallSeconds: seconds, resources: z.record(z.string(), z.number()) }),

  /** What keeps the lab from its work. */
  event('trouble', { code: z.string(), message: z.string() }),
  event('run-ended', { completed: z.boolean(), leftovers: z.array(z.string()) }),
]);
export type RunEvent = z.infer<typeof runEvent>;
export type EventKind = RunEvent['kind'];
export type EventOf<K extends EventKind> = Extract<RunEvent, { kind: K }>;

/** An event as it is told to the recorder, which knows the time. */
export type Told<K extends EventKind = EventKind> = K extends EventKind ? Omit<EventOf<K>, 'at'> : never;
export type Tell<K extends EventKind = EventKind> = (event: Told<K>) => Promise<void>;
