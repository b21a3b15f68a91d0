import { PeerLabError } from '#proto/errors.ts';
import { PROMISES } from '#proto/promises.ts';
import type { Calls } from '../../keeper/protocol.ts';
import { within } from '../deadline.ts';
import type { Instance, InstanceUsage, StoredFile } from '../driver.ts';
import type { Place } from './place.ts';

/** After SIGKILL; the keeper also looks for what the program left behind. */
const KILL_TIMEOUT_MS = 10_000;

export interface KeptPeerInit {
  readonly name: string;
  readonly place: Place;
  readonly life: number;
  /** What the program was started with: the same gives it another life. */
  readonly env: Readonly<Record<string, string>>;
  /** Fires when the run is over. */
  readonly signal: AbortSignal;
  /** It did not end within its grace, and is about to be killed. */
  readonly onKill: (graceMs: number) => void;
}

/** A peer behind a keeper: one life of the program at a place. */
export class KeptPeer implements Instance {
  readonly role = 'peer';
  readonly name: string;
  readonly url: string;
  readonly address: string;
  readonly ended: Promise<string>;
  readonly init: KeptPeerInit;
  readonly #gone = new AbortController();

  /** @throws PeerLabError `keeper-lost` when its keeper does not say where it is */
  constructor(init: KeptPeerInit) {
    const { name, place, life, signal } = init;
    const { address, controlPort } = place.state;
    if (address === null)
      throw new PeerLabError('keeper-lost', { about: place.url, expected: 'PEER_ADVERTISE in its settings' });
    const at = new URL(place.url);
    at.port = String(controlPort);
    this.init = init;
    this.name = name;
    this.url = at.origin;
    this.address = address;
    this.ended = place
      .ended(life, signal)
      .catch(() => 'was given back at the end of the run')
      .then((how) => {
        this.#gone.abort();
        return `${name} ${how}`;
      });
  }

  /** Fires when the instance has ended. */
  get gone(): AbortSignal {
    return this.#gone.signal;
  }

  storedFiles(): AsyncIterable<StoredFile> {
    return this.init.place.client.list(this.init.signal);
  }

  async usage(): Promise<InstanceUsage | undefined> {
    if (this.gone.aborted) return undefined;
    const { usage } = await this.#ask('usage', {}).catch(() => ({ usage: null }));
    return usage ?? undefined;
  }

  async stop(graceMs = PROMISES.end.ms): Promise<void> {
    if (this.gone.aborted) return;
    await this.#ask('signal', { signal: 'TERM' });
    const inOrder = within(this.ended, graceMs, () => new Error('late'));
    await inOrder.catch(() => {
      this.init.onKill(graceMs);
      return this.kill();
    });
  }

  async kill(): Promise<void> {
    if (this.gone.aborted) return;
    await this.#ask('signal', { signal: 'KILL' });
    const expected = `its end within ${KILL_TIMEOUT_MS} ms of SIGKILL`;
    await within(this.ended, KILL_TIMEOUT_MS, () => new PeerLabError('no-answer', { about: this.name, expected }));
  }

  async pause(): Promise<void> {
    await this.#ask('signal', { signal: 'STOP' });
  }

  async resume(): Promise<void> {
    await this.#ask('signal', { signal: 'CONT' });
  }

  #ask<R extends keyof Calls>(route: R, asked: Calls[R]['asked']): Promise<Calls[R]['answer']> {
    return this.init.place.client.ask(route, asked, this.init.signal);
  }
}
