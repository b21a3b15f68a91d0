import { setTimeout as sleep } from 'node:timers/promises';
import type { OptionalResponse } from '#proto/control-api.ts';
import type { PieceMap } from '#proto/piece-map.ts';
import { PROMISES } from '#proto/promises.ts';
import type { Instance } from '../drivers/driver.ts';
import type { Listener } from '../history/event-stream.ts';
import type { RunEvent, Tell } from '../history/run-event.ts';
import { callControl } from '../instance-http.ts';
import { inPool } from '../limit.ts';

/** As for metrics: the lab must not be what keeps the machine busy. */
const INTERVAL_MS = 1000;
const AT_A_TIME = 16;
const MAX_LOOKS_PER_SECOND = 25;
/** Of a peer that said nothing; whatever else it says, it does not know the question. */
const AWAY: ReadonlySet<string> = new Set(['no-answer', 'connection-lost', 'interrupted']);

export interface PieceLookInit {
  /** The peers that run now. */
  readonly peers: ReadonlyMap<string, Instance>;
  readonly controlToken: string;
  readonly tell: Tell<'pieces'>;
}

/**
 * Asks peers about once a second which pieces they have of what they are fetching, less often when there are many. Only those are asked
 * whose download lasts longer than the time between two looks; one that does not know the question is not asked again.
 */
export class PieceLook implements Listener {
  readonly name = 'the look at pieces';
  readonly #init: PieceLookInit;
  /** Downloads that are under way: their peers, by the operation. */
  readonly #underWay = new Map<number, string>();
  readonly #ignorant = new Set<string>();
  /** What each peer said last. */
  readonly #said = new Map<string, ReadonlyMap<string, number>>();
  readonly #stop = new AbortController();
  #loop: Promise<void> = Promise.resolve();

  constructor(init: PieceLookInit) {
    this.#init = init;
  }

  take(event: RunEvent): void {
    if (event.kind === 'operation-began' && event.operation === 'download') this.#underWay.set(event.id, event.peer);
    else if (event.kind === 'operation-ended') this.#underWay.delete(event.operation.id);
  }

  start(): void {
    this.#loop = this.#run();
    // What goes wrong in it (the results folder's disk is full) is thrown by `finish`.
    this.#loop.catch(() => {});
  }

  finish(): Promise<void> {
    this.#stop.abort();
    return this.#loop;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    let before = new Set<number>();
    while (!signal.aborted) {
      const began = performance.now();
      const lasting = [...this.#underWay].filter(([id]) => before.has(id)).map(([, peer]) => peer);
      const asked = new Set(lasting).difference(this.#ignorant);
      before = new Set(this.#underWay.keys());
      await inPool(asked, AT_A_TIME, (peer) => this.#ask(peer));
      const intervalMs = Math.max(INTERVAL_MS, (asked.size * 1000) / MAX_LOOKS_PER_SECOND);
      await sleep(Math.max(0, intervalMs - (performance.now() - began)), undefined, { signal }).catch(() => {});
    }
  }

  async #ask(peer: string): Promise<void> {
    const { peers, controlToken: token, tell } = this.#init;
    const url = peers.get(peer)?.url;
    if (url === undefined) return;
    const { signal } = this.#stop;
    const call = { url, token, verb: 'pieces', request: {}, timeoutMs: PROMISES.metrics.ms, signal } as const;
    const answer = await callControl(call);
    if ('failure' in answer) {
      if (!AWAY.has(answer.failure.code)) this.#ignorant.add(peer);
      return;
    }
    const contents = this.#newsOf(peer, (answer.ok as OptionalResponse<'pieces'>).contents);
    if (contents.length > 0) await tell({ kind: 'pieces', peer, contents });
  }

  /** What has changed since the peer was asked before. */
  #newsOf(peer: string, contents: PieceMap[]): PieceMap[] {
    const before = this.#said.get(peer);
    this.#said.set(peer, new Map(contents.map(({ sha256, there }) => [sha256, there])));
    return contents.filter(({ sha256, there }) => before?.get(sha256) !== there);
  }
}
