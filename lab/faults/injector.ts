import { setTimeout as sleep } from 'node:timers/promises';
import { reasonOf } from '#proto/errors.ts';
import { PROMISES } from '#proto/promises.ts';
import type { Driver, Instance } from '../drivers/driver.ts';
import type { FaultKind, FaultRecord, FaultSpec, Proof } from '../history/events.ts';
import type { Tell } from '../history/run-event.ts';
import type { Fault, Look, Subject } from './fault.ts';
import { FAULTS } from './table.ts';

/** The look at the end is given so much more time than the one at the beginning took; what it does not need is waited for. */
const LOOK_MARGIN = 1.5;

export interface InjectorInit {
  readonly driver: Pick<Driver, 'restart'>;
  /** Seconds since the first step began. */
  now(): number;
  /** A fault ends once: when it is over or the run is. */
  readonly tell: Tell<'fault-begun' | 'fault-proved' | 'fault-ended'>;
  /** All instances that run now. */
  running(): readonly Instance[];
  /** Whether an instance is meant by `all`, `directory` or the name of a group. */
  isIn(instance: string, scope: string): boolean;
  /** How long an instance is given to answer. */
  readonly answerMs?: number;
}

export interface FaultOrder {
  readonly fault: FaultSpec;
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
  readonly spec: FaultSpec;
  readonly record: FaultRecord;
  /** Time that is set aside for the look before it is undone. */
  lookMs: number;
}

/** Does faults to instances and undoes them, and proves each by looks of its own: before, while it is in force, and after. */
export class Injector {
  readonly #init: InjectorInit;
  /** What is in force, or about to be, by instance and kind. */
  readonly #open = new Map<string, Map<FaultKind, Open>>();
  /** What is done to one instance is done one after another, also when branches of a scenario meet at it. */
  readonly #turns = new Map<string, Promise<unknown>>();

  constructor(init: InjectorInit) {
    this.#init = init;
  }

  get #answerMs(): number {
    return this.#init.answerMs ?? PROMISES.health.ms;
  }

  /**
   * Does the fault; comes back when it is in force and proved, or known not to be. What it takes the place of is over with it: a
   * fault of the same kind, and of several that change how the instance itself runs, the one before; all of them when it ends. Without an
   * instance (it is gone already) the record has no proof.
   * @returns milliseconds until `end` is to be called, if the order says how long it should last
   */
  begin(order: FaultOrder, instance: Instance | undefined): Promise<number> {
    return this.#inTurn(order.who, async () => {
      const { fault: spec, who, step, seconds } = order;
      const { kind, ...requested } = spec;
      const before = await this.#overtake(who, kind);
      const record: FaultRecord = {
        ...{ kind, who, step, from: this.#init.now(), proofs: [] },
        ...(Object.keys(requested).length > 0 && { requested }),
        ...(seconds !== undefined && { requestedSeconds: seconds }),
      };
      if (!instance) {
        await this.#init.tell({ kind: 'fault-ended', record });
        return 0;
      }
      const open: Open = { instance, spec, record, lookMs: 0 };
      this.#openOf(who).set(kind, open);
      // What another fault has hold of can't look healthy: then that one's proof must hold.
      await this.#prove(open, 'before', before && { spec: before, when: 'during' });
      record.from = this.#init.now();
      await faultOf(spec).apply(spec, this.#subject(instance));
      record.inForce = this.#init.now();
      await this.#init.tell({ kind: 'fault-begun', fault: kind, who, step });
      await this.#prove(open, 'during');
      const tookMs = (this.#init.now() - record.inForce) * 1000;
      open.lookMs = tookMs * LOOK_MARGIN;
      return Math.max(0, (seconds ?? 0) * 1000 - tookMs - open.lookMs);
    });
  }

  /**
   * Undoes the faults of these kinds that are in force on `who`, and measures how long it takes until that is seen.
   * @returns the instance as it goes on, and what it was freed from; nothing when no such fault is in force (any more)
   * @throws PeerLabError of `Driver.restart`
   */
  end(who: string, isMeant: (kind: FaultKind) => boolean): Promise<Healed[]> {
    return this.#inTurn(who, async () => {
      const healed: Healed[] = [];
      for (const open of [...this.#openOf(who).values()]) {
        if (isMeant(open.record.kind)) healed.push(await this.#heal(open));
      }
      return healed;
    });
  }

  /** An instance came that those who are cut off from its group do not know yet. */
  async arrived(name: string): Promise<void> {
    for (const [who, kinds] of this.#open) {
      const open = kinds.get('cut');
      if (who === name || open?.spec.kind !== 'cut' || !this.#init.isIn(name, open.spec.from)) continue;
      await this.#inTurn(who, async () => {
        if (kinds.get('cut') === open) await faultOf(open.spec).apply(open.spec, this.#subject(open.instance));
      });
    }
  }

  /** Records what is still in force: to be called when the run ends. */
  async close(): Promise<void> {
    await Promise.allSettled(this.#turns.values());
    for (const [who, kinds] of this.#open) for (const kind of [...kinds.keys()]) await this.#close(who, kind);
  }

  async #heal(open: Open): Promise<Healed> {
    const { record, spec, instance } = open;
    await this.#prove(open, 'during');
    const { inForce = 0, requestedSeconds = 0 } = record;
    const leftMs = (inForce + requestedSeconds - this.#init.now()) * 1000;
    // Not all of it: who ends a run early does not wait for what was asked for. Timers may fire a moment early.
    if (leftMs > 0) await sleep(Math.min(Math.ceil(leftMs) + 1, open.lookMs));
    record.until = this.#init.now();
    const after = await faultOf(spec).lift(spec, this.#subject(instance), this.#init.driver);
    const back = await this.#prove({ ...open, instance: after }, 'after');
    if (back.ok) record.recoverySeconds = back.at - record.until;
    await this.#close(record.who, record.kind);
    return { instance: after, kind: record.kind };
  }

  async #prove(
    { record, instance, spec }: Open,
    when: Proof['when'],
    look: { spec: FaultSpec; when: Proof['when'] } = { spec, when },
  ): Promise<Proof> {
    const seen = await this.#look(look.spec, instance, look.when);
    const proof = { when, at: this.#init.now(), ...seen };
    record.proofs.push(proof);
    if (when === 'during' && seen.figures) record.achieved = seen.figures;
    const { kind: fault, who, step } = record;
    await this.#init.tell({ kind: 'fault-proved', fault, who, step, proof });
    return proof;
  }

  /** A look that fails has seen nothing; that is for the verdict, not for the run to stumble over. */
  async #look(spec: FaultSpec, instance: Instance, when: Proof['when']): Promise<Look> {
    try {
      return await faultOf(spec).look(spec, this.#subject(instance), when, this.#answerMs);
    } catch (error) {
      return { wanted: 'an answer of the probe', seen: reasonOf(error), ok: false };
    }
  }

  #subject(instance: Instance): Subject {
    const { running, isIn } = this.#init;
    const others = (scope: string) => running().filter(({ name }) => name !== instance.name && isIn(name, scope));
    const isCutOff = ({ name }: Instance) => {
      const spec = this.#open.get(name)?.get('cut')?.spec;
      return spec?.kind === 'cut' && isIn(instance.name, spec.from);
    };
    return { instance, others, witnesses: (scope) => others(scope).filter((other) => !isCutOff(other)) };
  }

  /** Closes what the new fault takes the place of. @returns that which the instance is still in the grip of */
  async #overtake(who: string, by: FaultKind): Promise<FaultSpec | undefined> {
    const { hits, ends } = FAULTS[by];
    let grip: FaultSpec | undefined;
    for (const [kind, { spec }] of [...this.#openOf(who)]) {
      const isReplaced = kind === by || (hits === 'life' && FAULTS[kind].hits === 'life');
      if (!isReplaced && !ends) continue;
      if (isReplaced) grip = spec;
      await this.#close(who, kind, by);
    }
    return grip;
  }

  async #close(who: string, kind: FaultKind, overtakenBy?: FaultKind): Promise<void> {
    const record = this.#openOf(who).get(kind)?.record;
    if (!record) return;
    this.#openOf(who).delete(kind);
    if (overtakenBy !== undefined) Object.assign(record, { overtakenBy, overtakenAt: this.#init.now() });
    await this.#init.tell({ kind: 'fault-ended', record });
  }

  #openOf(who: string): Map<FaultKind, Open> {
    const known = this.#open.get(who) ?? new Map<FaultKind, Open>();
    this.#open.set(who, known);
    return known;
  }

  #inTurn<T>(who: string, work: () => Promise<T>): Promise<T> {
    const turn = (this.#turns.get(who) ?? Promise.resolve()).then(work, work);
    this.#turns.set(who, turn);
    return turn;
  }
}

/** The table pairs each kind with its own spec; the type checker can't follow that through a lookup. */
function faultOf({ kind }: FaultSpec): Fault {
  return FAULTS[kind] as unknown as Fault;
}
