import type { Result } from '../../lab/checks/result-schema.ts';
import type { RunEvent } from '../../lab/history/run-event.ts';
import { Timeline } from '../model/timeline.ts';
import type { Unit } from '../settings/format.ts';

/** A run as the server tells it. The browser asks again by itself when it was cut off, and goes on from its place. */

export interface Judgement {
  readonly result: Result;
  /** Of each expectation of the result, in its order. */
  readonly units: readonly Unit[];
}

export interface FeedState {
  readonly timeline: Timeline;
  /** Of the run: whether its lab lives. */
  readonly run: 'unknown' | 'running' | 'cut-off' | 'judged';
  readonly link: 'connecting' | 'open' | 'lost' | 'complete';
  readonly judgement: Judgement | undefined;
  /** Goes up with each change. */
  readonly version: number;
}

/** Events come in bursts: pages are drawn at most so often. */
const TELL_MS = 150;
/** A browser that was refused does not ask again by itself. */
const AGAIN_MS = 3000;

export class Feed {
  readonly #url: string;
  readonly #tell: (state: FeedState) => void;
  #state: FeedState = {
    ...{ timeline: new Timeline(), run: 'unknown', link: 'connecting', judgement: undefined, version: 0 },
  };
  #source: EventSource | undefined;
  #again: number | undefined;
  #timer: number | undefined;

  constructor(url: string, tell: (state: FeedState) => void) {
    this.#url = url;
    this.#tell = tell;
    this.#open();
  }

  close(): void {
    clearTimeout(this.#timer);
    clearTimeout(this.#again);
    this.#source?.close();
  }

  #open(): void {
    const source = new EventSource(this.#url);
    this.#source = source;
    const on = (kind: string, take: (data: unknown) => void) =>
      source.addEventListener(kind, (event) => take(JSON.parse((event as MessageEvent<string>).data)));
    source.onopen = () => this.#change({ link: 'open' });
    source.onerror = () => this.#lost(source);
    on('begin', () => this.#change({ timeline: new Timeline() }));
    on('events', (events) => {
      this.#state.timeline.add(events as RunEvent[]);
      this.#change({});
    });
    on('state', (data) => this.#change({ run: (data as { state: FeedState['run'] }).state }));
    on('result', (data) => this.#change({ judgement: (data as Judgement | null) ?? undefined }));
    on('end', () => {
      source.close();
      this.#change({ link: 'complete' });
    });
  }

  #lost(source: EventSource): void {
    this.#change({ link: 'lost' });
    if (source.readyState !== EventSource.CLOSED) return;
    // It begins from the beginning, which the server says.
    this.#again = setTimeout(() => this.#open(), AGAIN_MS);
  }

  #change(change: Partial<FeedState>): void {
    this.#state = { ...this.#state, ...change, version: this.#state.version + 1 };
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#tell(this.#state);
    }, TELL_MS);
  }
}
