import { setTimeout as sleep } from 'node:timers/promises';
import { addressText } from '#proto/addresses.ts';
import type { ControlResponse, TransferResult } from '#proto/control-api.ts';
import { PeerLabError, toPeerLabError } from '#proto/errors.ts';
import type { Instance } from '../drivers/driver.ts';
import type { FaultOrder } from '../faults/injector.ts';
import type { AnswerRecord, FaultKind, OperationEvent } from '../history/events.ts';
import type { Tell } from '../history/run-event.ts';
import { callControl } from '../instance-http.ts';
import type { Limit } from '../limit.ts';
import { inPool } from '../limit.ts';
import { type Flow, listsInside, type PlannedOperation, type PlannedStep } from '../steps/step.ts';
import type { Live } from './live.ts';
import type { MeetingPoints } from './meeting-points.ts';

/** What steps act on, and whom they tell what happened. */
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
  /** The peer is about to leave the index: whether it was held up, to look at what it has there. */
  beforeLogout(peer: string): Promise<boolean>;
  /** Does a fault to an instance, for so long or until it is healed. */
  inflict(order: FaultOrder): Promise<void>;
  /** Undoes the fault of one of these kinds that is in force. */
  heal(name: string, of: readonly FaultKind[]): Promise<void>;
  /** Seconds since the first step began. */
  now(): number;
  readonly tell: Tell<'step-began' | 'step-ended' | 'operation-began' | 'operation-ended' | 'observation'>;
  /** An id for each operation that is about to be done. */
  nextId(): number;
}

/** Does what a step planned, until the signal fires. Failed operations are part of the history, not errors. */
export async function take(step: PlannedStep, stage: Stage): Promise<void> {
  if (stage.signal.aborted) return;
  const { id, label } = step;
  await stage.tell({ kind: 'step-began', step: id, label, operations: ownOperations(step), total: countOf(step) });
  await ACTS[step.does](step as never, stage);
  await stage.tell({ kind: 'step-ended', step: id, taken: !stage.signal.aborted });
}

async function takeAll(steps: readonly PlannedStep[], stage: Stage): Promise<void> {
  for (const step of steps) await take(step, stage);
}

/** The number of operations that the step does itself, and so of its events. */
function ownOperations(step: PlannedStep): number {
  if (step.does === 'barrier') return 1;
  return step.does === 'operations' ? step.flows.reduce((sum, { operations }) => sum + operations.length, 0) : 0;
}

/** With those of the steps inside it. */
function countOf(step: PlannedStep): number {
  return listsInside(step)
    .flat()
    .reduce((sum, inner) => sum + countOf(inner), ownOperations(step));
}

type Act<D extends PlannedStep['does']> = (step: Extract<PlannedStep, { does: D }>, stage: Stage) => Promise<void>;

const ACTS: { [D in PlannedStep['does']]: Act<D> } = {
  async operations(step, stage) {
    const began = stage.now();
    await Promise.all(step.flows.map((flow) => takeFlow(flow, step, began, stage)));
  },
  wait: ({ ms }, { signal }) => pause(ms, signal),
  async start({ peers }, stage) {
    await Promise.all(peers.map(({ peer, atMs }) => pause(atMs, stage.signal).then(() => stage.startPeer(peer))));
  },
  async fault({ id, fault, who, forMs }, stage) {
    const order = { fault, step: id, ...(forMs !== undefined && { seconds: forMs / 1000 }) };
    await Promise.all(
      who.map(({ peer, atMs }) => pause(atMs, stage.signal).then(() => stage.inflict({ ...order, who: peer }))),
    );
  },
  async heal({ of, who }, stage) {
    await Promise.all(who.map(({ peer, atMs }) => pause(atMs, stage.signal).then(() => stage.heal(peer, of))));
  },
  async barrier(step, stage) {
    const { peer, name, deadlineMs } = step;
    const id = stage.nextId();
    const began = { id, step: step.id, operation: 'barrier', peer, file: name, deadlineSeconds: deadlineMs / 1000 };
    await stage.tell({ kind: 'operation-began', ...began });
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
    const error = failure && { code: failure.code, message: failure.message, definite: true };
    await stage.tell({ kind: 'operation-ended', operation: error ? { ...event, error } : event });
  },
  async expect({ id, expectation, withinMs }, { live, signal, tell }) {
    await tell({ kind: 'observation', observation: await live.observe(expectation, withinMs, id, signal) });
  },
  async parallel({ branches, atMs }, stage) {
    await Promise.all(branches.map((steps, i) => pause(atMs[i] ?? 0, stage.signal).then(() => takeAll(steps, stage))));
  },
  async repeat({ rounds }, stage) {
    for (const round of rounds) await takeAll(round, stage);
  },
  async 'repeat-for'({ forMs, maxRounds, first, next }, stage) {
    const until = performance.now() + forMs;
    await takeAll(first, stage);
    for (let n = 1; n < maxRounds && performance.now() < until && !stage.signal.aborted; n++)
      await takeAll(next(n), stage);
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
): Promise<void> {
  await pause(flow.atMs, stage.signal);
  let due: number | undefined = began + flow.atMs / 1000;
  await inPool(flow.operations, step.concurrency, async (operation) => {
    if (stage.signal.aborted) return;
    let planned = due;
    due = undefined; // The plan says when the first begins; the others follow as they can.
    // The lab itself wanted it later: it is not that it could not keep up.
    if (operation.verb === 'logout' && (await stage.beforeLogout(operation.peer))) planned = undefined;
    const ended = await stage.limit(() => performOperation(operation, step, stage, planned));
    await stage.tell({ kind: 'operation-ended', ...ended });
  });
}

async function performOperation(
  { peer, verb, request, timeoutMs }: PlannedOperation,
  step: Extract<PlannedStep, { does: 'operations' }>,
  stage: Stage,
  due: number | undefined,
): Promise<{ operation: OperationEvent; answer?: AnswerRecord }> {
  const id = stage.nextId();
  const instance = stage.peers.get(peer);
  const body = request.to === undefined ? request : { ...request, to: stage.addressOf(request.to) ?? request.to };
  const what = {
    ...(verb !== 'search' && request.name !== undefined && { file: request.name }),
    ...(request.to !== undefined && { to: request.to }),
  };
  const began = { id, step: step.id, operation: verb, peer, ...what, deadlineSeconds: timeoutMs / 1000 };
  await stage.tell({ kind: 'operation-began', ...began });
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
    ...what,
  };
  if ('failure' in answer) {
    const { code, message, definite, bytes, sources } = answer.failure;
    return { operation: { ...common, outcome: 'failed', error: { code, message, definite }, bytes, sources } };
  }
  const { entries, ...figures } = figuresOf(verb, answer.ok);
  return { operation: { ...common, outcome: 'ok', ...figures }, ...(entries && { answer: { id, entries } }) };
}

type Figures = Pick<
  OperationEvent,
  'bytes' | 'sources' | 'firstByteSeconds' | 'verified' | 'resumedBytes' | 'told' | 'results'
> & {
  entries?: AnswerRecord['entries'];
};

function figuresOf(verb: PlannedOperation['verb'], answer: unknown): Figures {
  const nothing = { bytes: 0, sources: [] };
  if (verb === 'index') {
    const entries = entriesOfIndex(answer as ControlResponse<'index'>);
    return { ...nothing, results: entries.length, entries };
  }
  if (verb === 'search') {
    const { results } = answer as ControlResponse<'search'>;
    const entries = results.flatMap(({ sha256, size, peers }) =>
      peers.map((peer) => entry(peer, { name: peer.name, sha256, size })),
    );
    return { ...nothing, results: entries.length, entries };
  }
  if (verb !== 'download' && verb !== 'upload') return nothing;
  const { bytes, sources, size, sha256, firstByteSeconds, verified, resumedBytes } = answer as TransferResult;
  return {
    ...{ bytes, sources, told: { size, sha256 } },
    ...(firstByteSeconds !== undefined && { firstByteSeconds }),
    ...(verified !== undefined && { verified }),
    ...(resumedBytes !== undefined && { resumedBytes }),
  };
}

export function entriesOfIndex({ peers }: ControlResponse<'index'>): AnswerRecord['entries'] {
  return peers.flatMap((peer) => peer.files.map((file) => entry(peer, file)));
}

function entry(
  peer: { ip: string; port: number },
  { name, sha256, size }: { name: string; sha256: string; size: number },
): AnswerRecord['entries'][number] {
  return [addressText(peer), name, sha256, size];
}
