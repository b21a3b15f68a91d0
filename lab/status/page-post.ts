import { setTimeout as sleep } from 'node:timers/promises';
import { reasonOf } from '#proto/errors.ts';
import { printable } from '#proto/printable.ts';
import type { Listener } from '../history/event-stream.ts';
import type { EventKind, EventOf, RunEvent } from '../history/run-event.ts';
import { post } from './post.ts';
import { RUNS_PATH, type RunState } from './run-state.ts';
import { pageOf } from './settings.ts';

/** A page is told at most so often, and always of the last state. */
const PAUSE_MS = 1000;
/** The verdict is worth some more tries: a page that is just being replaced is back by then. */
const LAST_TRIES = 5;
const LAST_PAUSE_MS = 1000;
const MAX_TEXT = 400;

type Take<K extends EventKind> = (event: EventOf<K>) => void;

/** Tells a status page (server.ts) how a run goes. A page that can't be reached never holds up a run. */
export class PagePost implements Listener {
  readonly name = 'the status page';
  readonly #page: { readonly url: string; readonly token: string };
  readonly #tell: (line: string) => void;
  #state: RunState | undefined;
  #isNews = false;
  #posting: Promise<void> | undefined;
  #complained = false;
  readonly #over = new AbortController();

  /** Where the environment names a page. @throws PeerLabError `bad-setting` */
  static of(env: NodeJS.ProcessEnv, tell: (line: string) => void): PagePost | undefined {
    const page = pageOf(env);
    return page && new PagePost(page, tell);
  }

  constructor(page: { readonly url: string; readonly token: string }, tell: (line: string) => void) {
    this.#page = page;
    this.#tell = tell;
  }

  take(event: RunEvent): void {
    (this.#takes[event.kind] as Take<EventKind> | undefined)?.(event);
  }

  /** The verdict, which ends what there is to tell. Returns in a few seconds at most, whether the page heard it or not. */
  async judged(result: Pick<RunState, 'verdict' | 'reason'>): Promise<void> {
    this.#isNews = false;
    this.#over.abort();
    await this.#posting;
    if (this.#state === undefined) return;
    this.#state = { ...this.#state, doing: 'over', verdict: result.verdict, reason: shown(result.reason ?? '') };
    let why: unknown;
    for (let n = 0; n < LAST_TRIES; n++) {
      if (n > 0) await sleep(LAST_PAUSE_MS);
      try {
        await post(this.#page, RUNS_PATH, this.#state);
        return;
      } catch (error) {
        why = error;
      }
    }
    this.#tell(`The status page was not told of the verdict: ${printable(reasonOf(why))}`);
  }

  readonly #takes: { readonly [K in EventKind]?: Take<K> } = {
    'run-began': ({ run: { runId, scenario, driver, peers, startedAt } }) => {
      this.#state = { runId, scenario, driver, peers: peers.length, startedAt, doing: 'beginning', operations: {} };
      this.#news({});
    },
    'phase-began': ({ what }) => this.#news({ doing: shown(what) }),
    'step-began': ({ step, label }) => this.#news({ doing: shown(`step ${step}: ${label}`) }),
    'operation-ended': ({ operation: { operation, outcome } }) => {
      if (this.#state === undefined) return;
      const { ended, failed } = this.#state.operations[operation] ?? { ended: 0, failed: 0 };
      const counted = { ended: ended + 1, failed: failed + (outcome === 'failed' ? 1 : 0) };
      this.#news({ operations: { ...this.#state.operations, [operation]: counted } });
    },
  };

  #news(change: Partial<RunState>): void {
    if (this.#state === undefined) return;
    this.#state = { ...this.#state, ...change };
    this.#isNews = true;
    this.#posting ??= this.#postAll().finally(() => {
      this.#posting = undefined;
    });
  }

  async #postAll(): Promise<void> {
    while (this.#isNews && this.#state !== undefined) {
      this.#isNews = false;
      await post(this.#page, RUNS_PATH, this.#state).catch((error) => {
        if (!this.#complained) this.#tell(`The status page can not be told: ${printable(reasonOf(error))}`);
        this.#complained = true;
      });
      await sleep(PAUSE_MS, undefined, { signal: this.#over.signal }).catch(() => {});
    }
  }
}

const shown = (text: string) => printable(text, MAX_TEXT);
