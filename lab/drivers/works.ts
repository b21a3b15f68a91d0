import { interruption, settled } from './deadline.ts';
import type { Instance } from './driver.ts';

/** What a run has begun, for which its end waits. */
export class Works {
  readonly #signal: AbortSignal;
  readonly #begun = new Set<Promise<unknown>>();

  /** @param signal fires when nothing new may be begun: what fails after that says so, and nothing else */
  constructor(signal: AbortSignal) {
    this.#signal = signal;
  }

  /** @throws PeerLabError `interrupted`, or what the signal was fired with */
  begin<T>(work: () => Promise<T>): Promise<T> {
    const begun = (async () => {
      if (this.#signal.aborted) throw interruption(this.#signal);
      return work();
    })().catch((error) => {
      throw this.#signal.aborted ? interruption(this.#signal) : error;
    });
    this.#begun.add(begun);
    const done = () => this.#begun.delete(begun);
    begun.then(done, done);
    return begun;
  }

  /** Waits until all of it is done, however; at most so long. */
  settled(withinMs: number): Promise<void> {
    return settled(this.#begun, withinMs);
  }
}

/** In order, or at once as soon as the end of the run must be quick. Never rejects: what is still there is found later. */
export async function stopOrKill(instance: Pick<Instance, 'stop' | 'kill'>, hurry: AbortSignal): Promise<void> {
  const kill = () => void instance.kill().catch(() => {});
  hurry.addEventListener('abort', kill, { once: true });
  await (hurry.aborted ? instance.kill() : instance.stop()).catch(() => {});
  hurry.removeEventListener('abort', kill);
}
