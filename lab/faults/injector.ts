import type { Driver, Instance } from '../drivers/driver.ts';
import type { FaultKind, FaultRecord, Proof } from '../history/events.ts';
import { probe, probeUntil } from './probe.ts';
import { FAULTS } from './table.ts';

/** A loaded machine may take so long to answer; one that has not by then is not there. */
const ANSWER_MS = 10_000;
/** So long an instance that stands still is listened to; one that runs answers within milliseconds. */
const SILENCE_MS = 500;
/** Until the port of an instance that has ended is closed: the engine takes it down a moment later. */
const REFUSAL_MS = 3000;

export interface InjectorInit {
  readonly driver: Pick<Driver, 'restart'>;
  /** Seconds since the first step began. */
  now(): number;
  /** Takes each record once, when the fault is over or the run is. */
  record(fault: FaultRecord): Promise<void>;
  /** How long an instance is given to answer. */
  readonly answerMs?: number;
}

export interface FaultOrder {
  readonly kind: FaultKind;
  readonly who: string;
  /** The step's place in the scenario. */
  readonly step: string;
  /** What is asked for with `for`. */
  readonly seconds?: number;
}

/** An instance that goes on, and the fault that it was freed from. */
export interface Healed {
  readonly instance: Instance;
  readonly kind: FaultKind;
}

interface Open {
  readonly instance: Instance;
  readonly record: FaultRecord;
}

/** Does faults to instances and undoes them, and proves each by probes of its own: before, while it is in force, and after. */
export class Injector {
  readonly #init: InjectorInit;
  readonly #open = new Map<string, Open>();
  /** What is done to one instance is done one after another, also when branches of a scenario meet at it. */
  readonly #turns = new Map<string, Promise<unknown>>();

  constructor(init: InjectorInit) {
    this.#init = init;
  }

  get #answerMs(): number {
    return this.#init.answerMs ?? ANSWER_MS;
  }

  /**
   * Does the fault; comes back when it is in force and proved, or known not to be. A fault that is in force already is over with
   * it. Without an instance (it is gone already) the record has no proof.
   * @returns milliseconds until `end` is to be called, where the order says how long it shall last
   */
  begin(order: FaultOrder, instance: Instance | undefined): Promise<number> {
    return this.#inTurn(order.who, async () => {
      const { kind, who, step, seconds } = order;
      const before = await this.#close(who, kind);
      const record: FaultRecord = {
        ...{ kind, who, step, from: this.#init.now(), proofs: [] },
        ...(seconds !== undefined && { requestedSeconds: seconds }),
      };
      if (!instance) {
        await this.#init.record(record);
        return 0;
      }
      this.#open.set(who, { instance, record });
      const { seen: wanted, apply } = FAULTS[kind];
      await this.#proveBefore(record, instance, before);
      record.from = this.#init.now();
      await apply(instance);
      record.inForce = this.#init.now();
      await this.#proveInForce(record, instance, wanted);
      const elapsedMs = (this.#init.now() - record.inForce) * 1000;
      return Math.max(0, (seconds ?? 0) * 1000 - elapsedMs - (wanted === 'silent' ? SILENCE_MS : 0));
    });
  }

  /**
   * Undoes the fault of this kind that is in force on `who`, and measures how long it takes until the instance answers.
   * @returns the instance as it goes on, and what it was freed from; undefined when no such fault is in force (any more)
   * @throws PeerLabError of `Driver.restart`
   */
  end(who: string, isMeant: (kind: FaultKind) => boolean): Promise<Healed | undefined> {
    return this.#inTurn(who, async () => {
      const open = this.#open.get(who);
      if (!open || !isMeant(open.record.kind)) return undefined;
      const { record, instance } = open;
      const { seen: wanted, lift } = FAULTS[record.kind];
      await this.#proveInForce(record, instance, wanted);
      record.until = this.#init.now();
      const after = await lift(instance, this.#init.driver);
      const back = await this.#prove(record, 'after', 'answers', () =>
        probeUntil(after.url, 'answers', this.#answerMs),
      );
      if (back.ok) record.recoverySeconds = back.at - record.until;
      await this.#close(who);
      return { instance: after, kind: record.kind };
    });
  }

  /** Records what is still in force: to be called when the run ends. */
  async close(): Promise<void> {
    await Promise.allSettled(this.#turns.values());
    for (const who of [...this.#open.keys()]) await this.#close(who);
  }

  /** An instance that another fault has hold of can't answer: then that one's proof must hold. */
  #proveBefore(record: FaultRecord, { url }: Instance, before: FaultKind | undefined): Promise<Proof> {
    const wanted = before === undefined ? 'answers' : FAULTS[before].seen;
    return this.#prove(record, 'before', wanted, () => probe(url, wanted === 'silent' ? SILENCE_MS : this.#answerMs));
  }

  #proveInForce(record: FaultRecord, { url }: Instance, wanted: Proof['wanted']): Promise<Proof> {
    const look = () => (wanted === 'silent' ? probe(url, SILENCE_MS) : probeUntil(url, wanted, REFUSAL_MS));
    return this.#prove(record, 'during', wanted, look);
  }

  async #prove(
    record: FaultRecord,
    when: Proof['when'],
    wanted: Proof['wanted'],
    look: () => Promise<Proof['seen']>,
  ): Promise<Proof> {
    const seen = await look();
    const proof = { when, at: this.#init.now(), wanted, seen, ok: seen === wanted };
    record.proofs.push(proof);
    return proof;
  }

  /** @returns what was in force */
  async #close(who: string, overtakenBy?: FaultKind): Promise<FaultKind | undefined> {
    const open = this.#open.get(who);
    if (!open) return undefined;
    this.#open.delete(who);
    if (overtakenBy !== undefined) open.record.overtakenBy = overtakenBy;
    await this.#init.record(open.record);
    return open.record.kind;
  }

  #inTurn<T>(who: string, work: () => Promise<T>): Promise<T> {
    const turn = (this.#turns.get(who) ?? Promise.resolve()).then(work, work);
    this.#turns.set(who, turn);
    return turn;
  }
}
