import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RunState } from '../../page/live/listing.ts';
import { resultSchema } from '../checks/result-schema.ts';
import { EventFollower, type FollowedFile } from '../history/follow-events.ts';
import { unitOf } from '../report/format.ts';
import type { Results } from './results.ts';
import { MAX_JSON_BYTES, type RunList } from './run-list.ts';

/**
 * ONE VISITOR OF A RUN, as server-sent events: `begin` (what follows is the whole of it), `events` (some of them, and the place after them as the
 * id), `state`, `result` (at the end), `end` (nothing more will come). Who reads slowly is read for slowly: at most one batch waits for
 * them. Who does not read at all is cut off, and may go on from their place.
 */

const POLL_MS = 200;
/** A run whose lab is gone may still be judged. */
const CUT_OFF_POLL_MS = 2000;
const HEARTBEAT_MS = 10_000;
const RETRY_MS = 1000;

export interface VisitInit {
  readonly id: string;
  readonly results: Results;
  readonly runs: RunList;
  readonly response: ServerResponse;
  /** `Last-Event-ID` of an earlier visit. */
  readonly from: string | undefined;
  /** How long a batch may wait for a reader. */
  readonly patienceMs: number;
  /** The server ends: what is known is told, and no more waited for. */
  readonly signal: AbortSignal;
}

export async function visit({ id, results, runs, response, from, patienceMs, signal }: VisitInit): Promise<void> {
  const gone = new AbortController();
  response.on('close', () => gone.abort());
  const say = new Say(response, gone.signal, patienceMs);
  const open = (file: FollowedFile) => results.open(id, file);
  await using follower = await EventFollower.begin({ open, from });
  await say.text(`retry: ${RETRY_MS}\n\n`);
  if (!follower.isResumed) await say.event('begin', {});
  let told: RunState | undefined;
  while (!gone.signal.aborted) {
    const isEnding = signal.aborted;
    // Looked at before the files are: what is in them then is all.
    const state = await runs.stateOf(id);
    const { events, place } = await follower.next();
    if (state !== told && state !== undefined) await say.event('state', { state });
    told = state;
    if (events.length > 0) {
      await say.text(`event: events\nid: ${place}\ndata: [${events.join(',')}]\n\n`);
      continue;
    }
    if (state === 'judged') await say.event('result', await resultOf(results, id));
    if (state === 'judged' || state === undefined || isEnding) return void (await say.event('end', {}));
    await say.heartbeat();
    const pauseMs = state === 'running' ? POLL_MS : CUT_OFF_POLL_MS;
    await sleep(pauseMs, undefined, { signal: AbortSignal.any([gone.signal, signal]) }).catch(() => {});
  }
}

/** The judgement, and the unit of each expectation's figure; null if it can't be read. */
async function resultOf(results: Results, id: string): Promise<object | null> {
  try {
    const result = resultSchema.parse(JSON.parse((await results.read(id, 'result.json', MAX_JSON_BYTES)) ?? ''));
    return { result, units: result.expectations.map(({ expression }) => unitOf(expression)) };
  } catch {
    return null;
  }
}

class Say {
  readonly #response: ServerResponse;
  readonly #gone: AbortSignal;
  readonly #patienceMs: number;
  #saidAt = performance.now();

  constructor(response: ServerResponse, gone: AbortSignal, patienceMs: number) {
    this.#patienceMs = patienceMs;
    this.#response = response;
    this.#gone = gone;
  }

  /** JSON has no line ends of its own. */
  event(name: string, data: object | null): Promise<void> {
    return this.text(`event: ${name}\ndata: ${JSON.stringify(data)}\n\n`);
  }

  /** A line that nobody takes for an event: proxies and browsers see that the connection lives. */
  async heartbeat(): Promise<void> {
    if (performance.now() - this.#saidAt > HEARTBEAT_MS) await this.text(': still here\n\n');
  }

  /** Returns when the reader can take more, or is gone. */
  async text(text: string): Promise<void> {
    if (this.#gone.aborted) return;
    this.#saidAt = performance.now();
    if (this.#response.write(text)) return;
    const signal = AbortSignal.any([this.#gone, AbortSignal.timeout(this.#patienceMs)]);
    await once(this.#response, 'drain', { signal }).catch(() => this.#response.destroy());
  }
}
