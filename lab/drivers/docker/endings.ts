import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { dockerAt, type EngineConnection } from './connection.ts';
import { ofRun } from './labels.ts';

interface EngineEvent {
  readonly Action: string;
  readonly Actor: { readonly ID: string; readonly Attributes: Record<string, string> };
}

/**
 * Watches for the ends of a run's containers: one stream of events from the engine, however many there are. When the
 * stream itself ends, the engine is gone.
 */
export class Endings {
  readonly #onEnd = new Map<string, (how: string) => void>();
  readonly #outOfMemory = new Set<string>();
  readonly #closing = new AbortController();

  /** @throws PeerLabError `engine-lost`, `engine-failed` */
  static async watch(engine: EngineConnection, runId: string): Promise<Endings> {
    const endings = new Endings();
    // A connection of its own, without the timeout of silent calls.
    const docker = dockerAt(engine.info.endpoint);
    const filters = { ...ofRun(runId), type: ['container'], event: ['die', 'oom'] };
    const events = docker.getEvents({ filters, abortSignal: endings.#closing.signal } as object);
    endings.#follow((await engine.call('watch events', events)) as Readable, engine);
    return endings;
  }

  /** Calls `told` once, with a sentence, when the container ends or the engine is lost. To be asked before it starts. */
  once(containerId: string, told: (how: string) => void): void {
    this.#onEnd.set(containerId, told);
  }

  close(): void {
    this.#closing.abort();
  }

  #follow(events: Readable, engine: EngineConnection): void {
    const gone = () => {
      if (!this.#closing.signal.aborted) engine.lose('its stream of events ended');
    };
    events.once('error', gone).once('close', gone);
    createInterface({ input: events })
      .on('line', (line) => this.#take(JSON.parse(line)))
      .on('error', () => {});
    const lost = () => {
      for (const tell of this.#onEnd.values()) tell('the Docker engine went away');
      this.#onEnd.clear();
    };
    engine.lost.addEventListener('abort', lost, { once: true });
  }

  #take({ Action, Actor }: EngineEvent): void {
    if (Action === 'oom') this.#outOfMemory.add(Actor.ID);
    if (Action !== 'die') return;
    const memory = this.#outOfMemory.delete(Actor.ID) ? ', after it ran out of memory' : '';
    this.#onEnd.get(Actor.ID)?.(`ended with exit code ${Actor.Attributes.exitCode}${memory}`);
    this.#onEnd.delete(Actor.ID);
  }
}
