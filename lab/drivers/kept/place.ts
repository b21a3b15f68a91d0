import { PeerLabError, reasonOf } from '#proto/errors.ts';
import { assertName } from '#proto/names.ts';
import { PROMISES } from '#proto/promises.ts';
import { KeeperClient } from '../../keeper/client.ts';
import { PODS_OWN, type State } from '../../keeper/protocol.ts';
import { createLimit } from '../../limit.ts';
import type { ShareFile } from '../driver.ts';
import type { ShareContent } from '../share-content.ts';

const FILES_AT_ONCE = 4;
/** Of the keeper's lease: two attempts may fail. */
const RENEWALS_PER_LEASE = 4;
const LOST_AFTER_MS = 20_000;
const PAUSE_MS = 500;

export interface PlaceInit {
  readonly url: string;
  readonly token: string;
  readonly runId: string;
  /** A keeper that does not answer for so long is lost, and its program with it. */
  readonly lostAfterMs?: number;
}

/** A place at which a peer stands, held for one run: its keeper is asked for all that is done to the peer. */
export class Place {
  readonly client: KeeperClient;
  readonly #runId: string;
  readonly #lost = new AbortController();
  #state: State;
  #renewal: NodeJS.Timeout | undefined;

  readonly #lostAfterMs: number;

  private constructor(client: KeeperClient, { runId, lostAfterMs = LOST_AFTER_MS }: PlaceInit, state: State) {
    this.client = client;
    this.#runId = runId;
    this.#lostAfterMs = lostAfterMs;
    this.#state = state;
    const everyMs = state.leaseMs / RENEWALS_PER_LEASE;
    this.#renewal = setInterval(() => void this.#renew(everyMs), everyMs);
  }

  /** @throws PeerLabError `peers-held`, `unauthorized`, `keeper-lost` */
  static async take(init: PlaceInit, signal: AbortSignal): Promise<Place> {
    const { url, token, runId } = init;
    const client = new KeeperClient({ url, token, by: runId });
    return new Place(client, init, await client.ask('hold', { by: runId }, signal));
  }

  get url(): string {
    return this.client.url;
  }

  get state(): State {
    return this.#state;
  }

  /** Fires when the run does not have the place any more. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  /** Ends the program that its pod started: in order, so that it leaves the directory. */
  async clear(signal: AbortSignal): Promise<void> {
    const { life, ended } = this.#state;
    if (ended !== null) return;
    await this.client.ask('signal', { signal: 'TERM' }, signal);
    const end = this.ended(life, signal);
    const late = new AbortController();
    const grace = AbortSignal.any([signal, late.signal, AbortSignal.timeout(PROMISES.end.ms)]);
    grace.addEventListener('abort', () => {
      if (!late.signal.aborted) void this.client.ask('signal', { signal: 'KILL' }, signal).catch(() => {});
    });
    await end.finally(() => late.abort());
    signal.throwIfAborted();
  }

  /** Nothing but these files is in the share then. The program must have ended. */
  async lay(contents: readonly ShareContent[], signal: AbortSignal): Promise<void> {
    await this.client.ask('empty', {}, signal);
    const limit = createLimit(FILES_AT_ONCE);
    const put = async (folder: string, file: ShareFile) => {
      signal.throwIfAborted();
      assertName(file.name);
      await this.client.put({ ...file, name: folder === '' ? file.name : `${folder}/${file.name}` }, signal);
    };
    // One that nothing lies in is there all the same.
    const empty = contents.filter(({ path, files }) => path !== '' && files.length === 0);
    for (const { path: name } of empty) await this.client.ask('folder', { name }, signal);
    const all = contents.flatMap(({ path, files }) => files.map((file) => limit(() => put(path, file))));
    await Promise.all(all);
  }

  /** @returns the number of the new life */
  async start(env: Readonly<Record<string, string>>, freshLog: boolean, signal: AbortSignal): Promise<number> {
    const settable = Object.fromEntries(Object.entries(env).filter(([name]) => !PODS_OWN.has(name)));
    const { life } = await this.client.ask('start', { env: settable, freshLog }, signal);
    return life;
  }

  /** How a life ended, as soon as it has; that it was lost, when the keeper is gone or the hold is. Never rejects, unless by the signal. */
  async ended(life: number, signal: AbortSignal): Promise<string> {
    const asking = AbortSignal.any([signal, this.lost]);
    let lastAnswerAt = performance.now();
    for (;;) {
      try {
        const { ended } = await this.client.ask('end', { life: String(life) }, asking);
        if (ended !== null) return ended;
        lastAnswerAt = performance.now();
      } catch (error) {
        signal.throwIfAborted();
        if (this.lost.aborted) return `was lost: ${reasonOf(this.lost.reason)}`;
        if (performance.now() - lastAnswerAt > this.#lostAfterMs || codeOf(error) !== 'keeper-lost')
          return `was lost: ${reasonOf(error)}`;
        await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
      }
    }
  }

  /** Nothing is asked of it any more: what keeps it is about to be removed. */
  forget(): void {
    clearInterval(this.#renewal);
  }

  /** Gives it back: the program runs with the settings of its pod again. */
  async release(signal: AbortSignal): Promise<void> {
    this.forget();
    await this.client.ask('release', {}, signal, 2 * PROMISES.end.ms);
  }

  async #renew(everyMs: number): Promise<void> {
    try {
      const state = await this.client.ask('hold', { by: this.#runId }, AbortSignal.timeout(2 * everyMs));
      // A hold that had lapsed is taken anew by this, but the peer is another one by then.
      if (state.keeper !== this.#state.keeper || state.holds !== this.#state.holds)
        throw new PeerLabError('not-held', { about: this.url, got: 'a program that somebody else started' });
      this.#state = state;
    } catch (error) {
      if (codeOf(error) === 'keeper-lost') return;
      clearInterval(this.#renewal);
      this.#lost.abort(error);
    }
  }
}

function codeOf(error: unknown): string | undefined {
  return error instanceof PeerLabError ? error.code : undefined;
}
