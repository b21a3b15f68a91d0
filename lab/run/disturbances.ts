import { setTimeout as sleep } from 'node:timers/promises';
import type { Driver, Instance } from '../drivers/driver.ts';
import { type FaultOrder, Injector } from '../faults/injector.ts';
import { FAULTS } from '../faults/table.ts';
import type { FaultKind } from '../history/events.ts';
import type { Tell } from '../history/run-event.ts';
import type { Scraper } from '../metrics/scraper.ts';
import type { RunClock } from './clock.ts';
import type { Roster } from './roster.ts';

export interface DisturbancesInit {
  readonly driver: Driver;
  readonly roster: Roster;
  readonly scraper: Scraper;
  readonly clock: RunClock;
  readonly tell: Tell;
  /** Fires when no fault needs to last any longer. */
  readonly signal: AbortSignal;
}

/** What the scenario does to those who take part, and what follows from it for the rest of the run. */
export class Disturbances {
  readonly #init: DisturbancesInit;
  readonly #injector: Injector;

  constructor(init: DisturbancesInit) {
    const { driver, roster, clock, tell } = init;
    this.#init = init;
    this.#injector = new Injector({
      driver,
      tell,
      now: () => clock.now(),
      running: () => roster.running(),
      isIn: (instance, scope) => roster.isIn(instance, scope),
    });
  }

  /** Does a fault to an instance, for so long or until it is healed. */
  async inflict(order: FaultOrder): Promise<void> {
    const { who, fault, seconds } = order;
    const instance = this.#init.roster.find(who);
    if (instance) await this.#expect(instance, fault.kind);
    const leftMs = await this.#injector.begin(order, instance);
    if (seconds === undefined) return;
    await sleep(leftMs, undefined, { signal: this.#init.signal }).catch(() => {});
    await this.heal(who, [fault.kind]);
  }

  /** Undoes the faults of these kinds that are in force. */
  async heal(name: string, of: readonly FaultKind[]): Promise<void> {
    const began = performance.now();
    for (const { kind, instance } of await this.#injector.end(name, (kind) => of.includes(kind))) {
      // Whose machine has gone does not come back with the node.
      if (FAULTS[kind].takesShare) continue;
      if (FAULTS[kind].ends) await this.#init.roster.welcome(instance, (performance.now() - began) / 1000);
      else this.#init.scraper.add(instance);
    }
  }

  /** It takes part from now on, and is cut off by those faults that are in force and mean it. */
  arrived(instance: Instance): Promise<void> {
    return this.#injector.arrived(instance.name);
  }

  /** Records what is still in force. */
  close(): Promise<void> {
    return this.#injector.close();
  }

  /** What follows from the fault is what the scenario wants. */
  async #expect(instance: Instance, kind: FaultKind): Promise<void> {
    const { roster, scraper } = this.#init;
    if (FAULTS[kind].hits !== 'life') return;
    const { ends, takesShare } = FAULTS[kind];
    if (ends) roster.expectEnd(instance, kind === 'stop' ? 'stop' : 'kill', takesShare);
    await scraper.last(instance);
  }
}
