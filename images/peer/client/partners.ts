import { FIRST_WAIT_MS, LONGEST_WAIT_MS } from '../choosers/pace.ts';
import type { DirectorySession } from '../directory/session.ts';
import type { Liars } from './liars.ts';
import type { Source } from './sources.ts';

export interface PartnersInit {
  readonly directory: Pick<DirectorySession, 'swarm' | 'isLoggedIn'>;
  readonly liars: Liars;
  /** Own address, `ip:port`. */
  readonly self: string;
  /** The content that is fetched. */
  readonly root: string;
  readonly sizeBytes: number;
  /** Told of those who fetch it too; the same ones again and again. */
  readonly found: (partners: Source[]) => void;
}

const ASK_MS = 2000;
const LEAVE_MS = 2000;

/** Others that are on their way to the same content: the directory is told of this peer, and asked for them now and then. */
export class Partners implements Disposable {
  readonly #init: PartnersInit;
  readonly #over = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #asked: Promise<void>;

  constructor(init: PartnersInit) {
    this.#init = init;
    this.#asked = this.#ask(FIRST_WAIT_MS);
  }

  /** One that said itself that it fetches the same. */
  met(address: string): void {
    const { liars, self, root, sizeBytes, found } = this.#init;
    if (address === self || liars.has(address)) return;
    found([{ address, name: '', root, size: sizeBytes, isPartial: true }]);
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#over.abort();
    const { directory, root } = this.#init;
    // After the word that it fetches, which may still be on its way.
    void this.#asked.then(() =>
      directory.isLoggedIn ? directory.swarm(root, false, AbortSignal.timeout(LEAVE_MS)).catch(() => {}) : undefined,
    );
  }

  async #ask(waitMs: number): Promise<void> {
    const { directory, root } = this.#init;
    const signal = AbortSignal.any([this.#over.signal, AbortSignal.timeout(ASK_MS)]);
    // A directory that is away, or knows nothing of this, costs no more than the partners.
    const addresses = directory.isLoggedIn ? await directory.swarm(root, true, signal).catch(() => []) : [];
    if (this.#over.signal.aborted) return;
    for (const address of addresses) this.met(address);
    this.#timer = setTimeout(
      () => {
        this.#asked = this.#ask(Math.min(2 * waitMs, LONGEST_WAIT_MS));
      },
      waitMs * (0.75 + Math.random() / 2),
    ).unref();
  }
}
