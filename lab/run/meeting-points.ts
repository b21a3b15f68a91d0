import { PeerLabError } from '#proto/errors.ts';
import { listsInside, type PlannedStep } from '../steps/step.ts';

interface Barrier {
  readonly expected: Map<string, number>;
  readonly arrived: Map<string, number>;
  waiting: { peer: string; round: number; met: () => void }[];
}

/**
 * The barriers of a run. Who will come is known from the plan; a peer that the scenario took away, or that ended by
 * itself, is not waited for. Each visit of a barrier (in rounds of a repeat) is a meeting of its own.
 */
export class MeetingPoints {
  readonly #barriers = new Map<string, Barrier>();
  readonly #gone = new Set<string>();

  constructor(steps: readonly PlannedStep[]) {
    this.#collect(steps);
  }

  #collect(steps: readonly PlannedStep[]): void {
    for (const step of steps) {
      if (step.does === 'barrier')
        this.#at(step.name).expected.set(step.peer, (this.#at(step.name).expected.get(step.peer) ?? 0) + 1);
      for (const list of listsInside(step)) this.#collect(list);
    }
  }

  #at(name: string): Barrier {
    const barrier = this.#barriers.get(name) ?? { expected: new Map(), arrived: new Map(), waiting: [] };
    this.#barriers.set(name, barrier);
    return barrier;
  }

  /** The peer was taken away: nobody waits for it any more. */
  leave(peer: string): void {
    this.#gone.add(peer);
    for (const barrier of this.#barriers.values()) this.#release(barrier);
  }

  /** The peer is back: from now on it is waited for again. */
  comeBack(peer: string): void {
    this.#gone.delete(peer);
  }

  /** @throws PeerLabError `barrier-missed`, naming who is missing; or the signal's reason */
  async arrive(name: string, peer: string, deadlineMs: number, signal: AbortSignal): Promise<void> {
    const barrier = this.#at(name);
    const round = (barrier.arrived.get(peer) ?? 0) + 1;
    barrier.arrived.set(peer, round);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const timer = setTimeout(() => {
      const missing = this.#missing(barrier, round);
      reject(
        new PeerLabError('barrier-missed', {
          about: name,
          got: `${missing.length} missing after ${deadlineMs / 1000} s: ${missing.slice(0, 10).join(', ')}`,
        }),
      );
    }, deadlineMs);
    const abort = () => reject(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    barrier.waiting.push({ peer, round, met: resolve });
    this.#release(barrier);
    try {
      await promise;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', abort);
      barrier.waiting = barrier.waiting.filter((one) => one.peer !== peer);
    }
  }

  #release(barrier: Barrier): void {
    for (const { round, met } of barrier.waiting) if (this.#missing(barrier, round).length === 0) met();
  }

  #missing({ expected, arrived }: Barrier, round: number): string[] {
    return [...expected]
      .filter(([peer, times]) => times >= round && (arrived.get(peer) ?? 0) < round && !this.#gone.has(peer))
      .map(([peer]) => peer);
  }
}
