import type { Target } from '../../machine/dial.ts';
import type { Instance, InstanceNetwork, NetworkConditions, Reach } from '../driver.ts';
import { OUTSIDE } from '../driver.ts';
import type { Helper, Witness } from './helper.ts';
import { REACHING_PORT } from './protocol.ts';
import { commandsFor, targetOf } from './rules.ts';

/** On one bridge an answer takes microseconds: what has not come by then does not come. */
const CONNECT_TIMEOUT_MS = 500;
/** How many of the others are also asked for the way back: each of them needs a container for it. */
const MAX_ASKED_BACK = 4;
const ROUND_TRIPS = 15;
const UNDISTURBED: NetworkConditions = {
  cutFrom: undefined,
  lossFraction: undefined,
  upBytesPerSecond: undefined,
  downBytesPerSecond: undefined,
  delay: undefined,
};

/** What a driver knows of the network that it starts instances in. */
export interface AroundInstance {
  readonly instance: Pick<Instance, 'name' | 'address' | 'ended'>;
  /** Where the lab's own questions come from: that is left alone. */
  readonly gateway: string;
  /** Largest packet of the instance's interface. */
  mtuBytes(): Promise<number>;
  /** Starts an agent that shares the network of the instance. */
  helpIt(): Promise<Helper>;
  /** One for the run. */
  witness(): Promise<Witness>;
}

/** The network of one life of an instance, disturbed by a helper that shares it, and comes and goes with it. */
export class DisturbedNetwork implements InstanceNetwork {
  readonly #around: AroundInstance;
  #conditions = UNDISTURBED;
  #helper: Promise<Helper> | undefined;
  #hasEnded = false;

  constructor(around: AroundInstance) {
    this.#around = around;
    void around.instance.ended.then(() => this.#end());
  }

  async impose(change: Partial<NetworkConditions>): Promise<void> {
    this.#conditions = { ...this.#conditions, ...change };
    // What was in force ended with it.
    if (this.#hasEnded) return;
    const { helper, witness } = await this.#both();
    const around = { gateway: this.#around.gateway, witness, mtuBytes: await this.#around.mtuBytes() };
    const commands = commandsFor(this.#conditions, around);
    await helper.ask({ do: 'run', commands });
  }

  async reaches(others: readonly (Instance | typeof OUTSIDE)[]): Promise<Reach[]> {
    const [helper, witness] = await Promise.all([this.helper(), this.#around.witness()]);
    const targets = others.map((other) =>
      other === OUTSIDE ? { host: witness.address, port: REACHING_PORT } : targetOf(other.address),
    );
    const reached = async (from: Helper, targets: readonly Target[]) => {
      const { dialled } = await from.ask({ do: 'dial', targets, timeoutMs: CONNECT_TIMEOUT_MS });
      // A refusal is an answer: packets went there and back.
      return dialled.map((came) => came !== 'nothing');
    };
    const forth = reached(helper, targets);
    const here = [targetOf(this.#around.instance.address)];
    const back = others.slice(0, MAX_ASKED_BACK).map(async (other) => {
      const there = other === OUTSIDE ? witness.helper : await (other.network as DisturbedNetwork).helper();
      return (await reached(there, here))[0];
    });
    const [to, heard] = await Promise.all([forth, Promise.all(back)]);
    return others.map((other, i) => ({
      name: other === OUTSIDE ? OUTSIDE : other.name,
      to: to[i] ?? false,
      back: heard[i],
    }));
  }

  async measureLoss(packets: number) {
    const { helper, witness } = await this.#both();
    return helper.ask({ do: 'loss', witness, packets });
  }

  async measureRate(direction: 'up' | 'down', bytes: number, withinMs: number) {
    const { helper, witness } = await this.#both();
    return helper.ask({ do: 'rate', witness, direction, bytes, withinMs }, withinMs);
  }

  async measureRoundTrip() {
    const { helper, witness } = await this.#both();
    return helper.ask({ do: 'roundTrip', witness, samples: ROUND_TRIPS });
  }

  /** The agent that shares this network; made when it is needed for the first time. */
  helper(): Promise<Helper> {
    this.#helper ??= this.#around.helpIt().catch((error) => {
      // The next one to ask tries again.
      this.#helper = undefined;
      throw error;
    });
    return this.#helper;
  }

  async #both(): Promise<{ helper: Helper; witness: string }> {
    const [helper, { address }] = await Promise.all([this.helper(), this.#around.witness()]);
    return { helper, witness: address };
  }

  /** The interface is gone, and another life gets a network of its own. */
  async #end(): Promise<void> {
    this.#hasEnded = true;
    const helper = await this.#helper?.catch(() => undefined);
    // What can't be removed now, the sweep finds by its label.
    await helper?.remove().catch(() => {});
  }
}
