import { setTimeout as sleep } from 'node:timers/promises';
import type { ControlResponse, TransferResult } from '#proto/control-api.ts';
import type { Instance } from '../drivers/driver.ts';
import type { OperationEvent } from '../history/events.ts';
import type { PlannedOperation, PlannedStep } from '../steps/step.ts';
import { callControl } from './instance-http.ts';
import { inPool } from './pool.ts';
import type { Progress } from './progress.ts';

/** Operations that the lab has under way at one time, whatever the scenario says: a bound on its sockets. */
const MAX_UNDER_WAY = 512;

/** What steps act on, and where they write what happened. */
export interface Stage {
  readonly peers: ReadonlyMap<string, Instance>;
  readonly controlToken: string;
  readonly signal: AbortSignal;
  /** Seconds since the first step began. */
  now(): number;
  record(event: OperationEvent): Promise<void>;
  nextId(): number;
}

/** Does what a step planned. Failed operations are part of the history, not errors. */
export async function executeStep(
  step: PlannedStep,
  index: number,
  stage: Stage,
  progress: Progress,
): Promise<{ failed: number }> {
  if (step.waitMs !== undefined) await sleep(step.waitMs, undefined, { signal: stage.signal }).catch(() => {});
  const total = step.operations.length;
  const slots = new Slots(MAX_UNDER_WAY);
  let done = 0;
  let failed = 0;
  const perform = async (operation: PlannedOperation) => {
    if (stage.signal.aborted) return;
    const event = await slots.use(() => performOperation(operation, index, stage));
    await stage.record(event);
    if (event.outcome === 'failed') failed++;
    progress.advance(++done, total);
  };
  await Promise.all([...byPeer(step.operations)].map((operations) => inPool(operations, step.concurrency, perform)));
  return { failed };
}

function byPeer(operations: readonly PlannedOperation[]): Iterable<PlannedOperation[]> {
  return Map.groupBy(operations, ({ peer }) => peer).values();
}

async function performOperation(operation: PlannedOperation, step: number, stage: Stage): Promise<OperationEvent> {
  const { peer, verb, request, timeoutMs } = operation;
  const instance = stage.peers.get(peer) as Instance;
  const to = request.to === undefined ? undefined : stage.peers.get(request.to);
  const body = to ? { ...request, to: to.address } : request;
  const start = stage.now();
  const answer = await callControl({
    url: instance.url,
    token: stage.controlToken,
    verb,
    request: body,
    timeoutMs,
    signal: stage.signal,
  });
  const common = {
    id: stage.nextId(),
    step,
    operation: verb,
    peer,
    start,
    end: stage.now(),
    ...(request.name !== undefined && verb !== 'search' ? { file: request.name } : {}),
    ...(request.to === undefined ? {} : { to: request.to }),
  };
  if ('failure' in answer) {
    const { code, message, definite, bytes, sources } = answer.failure;
    return { ...common, outcome: 'failed', error: { code, message, definite }, bytes, sources };
  }
  return { ...common, outcome: 'ok', ...figuresOf(verb, answer.ok) };
}

type Figures = Pick<OperationEvent, 'bytes' | 'sources' | 'firstByteSeconds' | 'results'>;

function figuresOf(verb: PlannedOperation['verb'], answer: unknown): Figures {
  const nothing = { bytes: 0, sources: [] };
  if (verb === 'index') return { ...nothing, results: (answer as ControlResponse<'index'>).peers.length };
  if (verb === 'search') return { ...nothing, results: (answer as ControlResponse<'search'>).results.length };
  if (verb !== 'download' && verb !== 'upload') return nothing;
  const { bytes, sources, firstByteSeconds } = answer as TransferResult;
  return { bytes, sources, ...(firstByteSeconds === undefined ? {} : { firstByteSeconds }) };
}

/** A counting semaphore; who waits is served in order. */
class Slots {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(count: number) {
    this.#free = count;
  }

  async use<T>(work: () => Promise<T>): Promise<T> {
    if (this.#free === 0) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#free--;
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#free++;
    }
  }
}
