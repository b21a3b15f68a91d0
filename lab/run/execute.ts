import { setTimeout as sleep } from 'node:timers/promises';
import type { ControlResponse, TransferResult } from '#proto/control-api.ts';
import { addressText } from '#proto/directory-api.ts';
import { PeerLabError, toPeerLabError } from '#proto/errors.ts';
import type { Instance } from '../drivers/driver.ts';
import type { FaultOrder } from '../faults/injector.ts';
import type { AnswerRecord, FaultKind, OperationEvent } from '../history/events.ts';
import { callControl } from '../instance-http.ts';
import type { Limit } from '../limit.ts';
import { inPool } from '../limit.ts';
import { type Flow, listsInside, type PlannedOperation, type PlannedStep } from '../steps/step.ts';
import type { Live } from './live.ts';
import type { MeetingPoints } from './meeting-points.ts';
import type { Progress } from './progress.ts';

/** What steps act on, and where they write what happened. */
export interface Stage {
  /** The peers that run now. */
  readonly peers: ReadonlyMap<string, Instance>;
  /** `ip:port` of a peer that runs, or ever did. */
  addressOf(peer: string): string | undefined;
  readonly controlToken: string;
  readonly signal: AbortSignal;
  /** Bounds the operations that are under way at one time. */
  readonly limit: Limit;
  readonly live: Live;
  readonly meetings: MeetingPoints;
  startPeer(name: string): Promise<void>;
  /** Does a fault to an instance, for so long or until it is healed. */
  befall(order: FaultOrder): Promise<void>;
  /** Undoes the fault of one of these kinds that is in force. */
  heal(name: string, of: readonly FaultKind[]): Promise<void>;
  /** Seconds since the first step began. */
  now(): number;
  record(event: OperationEvent, answer?: AnswerRecord): Promise<void>;
  /** So many operations more are to be done: so many events there must be. */
  plan(operations: number): void;
  /** An id for each operation that is about to be done. */
  nextId(): number;
  /** A step was taken to its end. */
  taken(id: string): void;
}

/** How a step went, for the terminal. */
export interface Tally {
  done: number;
  failed: number;
  total: number;
}

/** Does what a step planned. Failed operations are part of the history, not errors. */
export async function executeStep(step: PlannedStep, stage: Stage, progress: Progress): Promise<Tally> {
  const tally: Tally = { done: 0, failed: 0, total: countOf(step) };
  await take(step, stage, (failed) => {
    tally.done++;
    if (failed) tally.failed++;
    progress.advance(tally.done, Math.max(tally.total, tally.done));
  });
  return tally;
}

function countOf(step: PlannedStep): number {
  if (step.does === 'operations') return step.flows.reduce((sum, { operations }) => sum + operations.length, 0);
  return listsInside(step)
    .flat()
    .reduce((sum, inner) => sum + countOf(inner), 0);
}

type Count = (failed: boolean) => void;

async function take(step: PlannedStep, stage: Stage, count: Count): Promise<void> {
  if (stage.signal.aborted) return;
  await ACTS[step.does](step as never, stage, count);
  if (!stage.signal.aborted) stage.taken(step.id);
}

async function takeAll(steps: readonly PlannedStep[], stage: Stage, count: Count): Promise<void> {
  for (const step of steps) await take(step, stage, count);
}

type Act<D extends PlannedStep['does']> = (
  step: Extract<PlannedStep, { does: D }>,
  stage: Stage,
  count: Count,
) => Promise<void>;

const ACTS: { [D in PlannedStep['does']]: Act<D> } = {
  async operations(step, stage, count) {
    const began = stage.now();
    stage.plan(countOf(step));
    await Promise.all(step.flows.map((flow) => takeFlow(flow, step, began, stage, count)));
  },
  wait: ({ ms }, { signal }) => pause(ms, signal),
  async start({ peers }, stage) {
    await Promise.all(peers.map(({ peer, atMs }) => pause(atMs, stage.signal).then(() => stage.startPeer(peer))));
  },
  async fault({ id, fault, who, forMs }, stage) {
    const order = { fault, step: id, ...(forMs !== undefined && { seconds: forMs / 1000 }) };
    await Promise.all(
      who.map(({ peer, atMs }) => pause(atMs, stage.signal).then(() => stage.befall({ ...order, who: peer }))),
    );
  },
  async heal({ of, who }, stage) {
    await Promise.all(who.map(({ peer, atMs }) => pause(atMs, stage.signal).then(() => stage.heal(peer, of))));
  },
  async barrier(step, stage, count) {
    const { peer, name, deadlineMs } = step;
    stage.plan(1);
    const id = stage.nextId();
    const start = stage.now();
    const failure = await stage.meetings
      .arrive(name, peer, deadlineMs, stage.signal)
      .then(() => undefined, toPeerLabError);
    const event: OperationEvent = {
      id,
      step: step.id,
      operation: 'barrier',
      peer,
      start,
      end: stage.now(),
      outcome: failure ? 'failed' : 'ok',
      bytes: 0,
      sources: [],
    };
    await stage.record(
      failure ? { ...event, error: { code: failure.code, message: failure.message, definite: true } } : event,
    );
    count(failure !== undefined);
  },
  async expect({ id, expectation, withinMs }, { live, signal }) {
    await live.observe(expectation, withinMs, id, signal);
  },
  async parallel({ branches, atMs }, stage, count) {
    await Promise.all(
      branches.map((steps, i) => pause(atMs[i] ?? 0, stage.signal).then(() => takeAll(steps, stage, count))),
    );
  },
  async repeat({ rounds }, stage, count) {
    for (const round of rounds) await takeAll(round, stage, count);
  },
  async 'repeat-for'({ forMs, maxRounds, first, next }, stage, count) {
    const until = performance.now() + forMs;
    await takeAll(first, stage, count);
    for (let n = 1; n < maxRounds && performance.now() < until && !stage.signal.aborted; n++)
      await takeAll(next(n), stage, count);
  },
};

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return ms === 0 ? Promise.resolve() : sleep(ms, undefined, { signal }).catch(() => {});
}

async function takeFlow(
  flow: Flow,
  step: Extract<PlannedStep, { does: 'operations' }>,
  began: number,
  stage: Stage,
  count: Count,
): Promise<void> {
  await pause(flow.atMs, stage.signal);
  let due: number | undefined = began + flow.atMs / 1000;
  await inPool(flow.operations, step.concurrency, async (operation) => {
    if (stage.signal.aborted) return;
    const planned = due;
    due = undefined; // The plan says when the first begins; the others follow as they can.
    const { event, answer } = await stage.limit(() => performOperation(operation, step, stage, planned));
    await stage.record(event, answer);
    count(event.outcome === 'failed');
  });
}

async function performOperation(
  { peer, verb, request, timeoutMs }: PlannedOperation,
  step: Extract<PlannedStep, { does: 'operations' }>,
  stage: Stage,
  due: number | undefined,
): Promise<{ event: OperationEvent; answer?: AnswerRecord }> {
  const id = stage.nextId();
  const instance = stage.peers.get(peer);
  const body = request.to === undefined ? request : { ...request, to: stage.addressOf(request.to) ?? request.to };
  const start = stage.now();
  const answer = instance
    ? await callControl({
        url: instance.url,
        token: stage.controlToken,
        verb,
        request: body,
        timeoutMs,
        signal: stage.signal,
      })
    : {
        failure: {
          code: 'not-running',
          message: new PeerLabError('not-running', { about: peer }).message,
          definite: true,
          bytes: 0,
          sources: [],
        },
      };
  const common = {
    id,
    step: step.id,
    ...(step.as !== undefined && { as: step.as }),
    operation: verb,
    peer,
    ...(due !== undefined && { due }),
    start,
    end: stage.now(),
    ...(verb === 'search' && request.name !== undefined && { asked: request.name }),
    ...(verb !== 'search' && request.name !== undefined && { file: request.name }),
    ...(request.to !== undefined && { to: request.to }),
  };
  if ('failure' in answer) {
    const { code, message, definite, bytes, sources } = answer.failure;
    return { event: { ...common, outcome: 'failed', error: { code, message, definite }, bytes, sources } };
  }
  const { entries, ...figures } = figuresOf(verb, answer.ok);
  return { event: { ...common, outcome: 'ok', ...figures }, ...(entries && { answer: { id, entries } }) };
}

type Figures = Pick<
  OperationEvent,
  'bytes' | 'sources' | 'firstByteSeconds' | 'verified' | 'resumedBytes' | 'results'
> & {
  entries?: AnswerRecord['entries'];
};

function figuresOf(verb: PlannedOperation['verb'], answer: unknown): Figures {
  const nothing = { bytes: 0, sources: [] };
  if (verb === 'index') {
    const { peers } = answer as ControlResponse<'index'>;
    const entries = peers.flatMap((peer) => peer.files.map(({ name, sha256 }) => entry(peer, name, sha256)));
    return { ...nothing, results: entries.length, entries };
  }
  if (verb === 'search') {
    const { results } = answer as ControlResponse<'search'>;
    const entries = results.flatMap(({ sha256, peers }) => peers.map((peer) => entry(peer, peer.name, sha256)));
    return { ...nothing, results: entries.length, entries };
  }
  if (verb !== 'download' && verb !== 'upload') return nothing;
  const { bytes, sources, firstByteSeconds, verified, resumedBytes } = answer as TransferResult;
  return {
    ...{ bytes, sources },
    ...(firstByteSeconds !== undefined && { firstByteSeconds }),
    ...(verified !== undefined && { verified }),
    ...(resumedBytes !== undefined && { resumedBytes }),
  };
}

function entry(peer: { ip: string; port: number }, name: string, sha256: string): [string, string, string] {
  return [addressText(peer), name, sha256];
}
