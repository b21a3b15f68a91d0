import { setTimeout as sleep } from 'node:timers/promises';
import { PeerLabError } from '#proto/errors.ts';
import type { Witness } from '../agent/helper.ts';
import { REACHING_PORT } from '../agent/protocol.ts';
import { targetOf } from '../agent/rules.ts';
import type { Instance, InstanceNetwork, NetworkConditions, Reach } from '../driver.ts';
import { OUTSIDE } from '../driver.ts';
import type { KeptInstance } from '../kept/kept-instance.ts';
import type { CutPolicies } from './cut-policies.ts';

/** Between pods an answer takes microseconds: what has not come by then does not come. */
const CONNECT_TIMEOUT_MS = 500;
/** How many of the others are also asked for the way back. */
const MAX_ASKED_BACK = 4;
/** Until all nodes have heard of a policy. */
const IN_FORCE_MS = 10_000;
const POLL_MS = 100;

export interface AroundPod {
  readonly instance: KeptInstance;
  readonly pod: string;
  readonly policies: CutPolicies;
  readonly witness: () => Promise<Witness>;
}

/**
 * The network of an instance in a pod that nothing else may disturb: a cut is a policy of the cluster. Ways are looked at by the keepers,
 * from within the pods. A refusal is no way: some clusters refuse what a policy forbids, others let it vanish.
 */
export class PolicyNetwork implements InstanceNetwork {
  readonly #around: AroundPod;

  constructor(around: AroundPod) {
    this.#around = around;
  }

  /** @throws PeerLabError `not-capable` for all but cuts */
  async impose({ cutFrom, ...others }: Partial<NetworkConditions>): Promise<void> {
    const [other] = Object.keys(others);
    if (other !== undefined) throw this.#notCapable(other);
    const { instance, pod, policies } = this.#around;
    // What was in force ended with it.
    if (instance.gone.aborted) return;
    if (cutFrom === undefined) return policies.lift(pod);
    await policies.cut(pod, cutFrom);
    const asked = cutFrom === 'all' ? ([OUTSIDE] as const) : cutFrom.slice(0, 1);
    const giveUpAt = performance.now() + IN_FORCE_MS;
    while (asked.length > 0 && (await this.reaches(asked)).some(({ to, back }) => to || back)) {
      // What the probe sees then is told by it.
      if (performance.now() > giveUpAt) return;
      await sleep(POLL_MS);
    }
  }

  async reaches(others: readonly (Instance | typeof OUTSIDE)[]): Promise<Reach[]> {
    const { instance, witness } = this.#around;
    const outside = await witness();
    const targets = others.map((other) =>
      other === OUTSIDE ? { host: outside.address, port: REACHING_PORT } : targetOf(other.address),
    );
    const here = [targetOf(instance.address)];
    const forth = connects(instance, targets);
    const back = others.slice(0, MAX_ASKED_BACK).map(async (other) => {
      if (other !== OUTSIDE) return (await connects(other as KeptInstance, here))[0];
      const question = { do: 'dial', targets: here, timeoutMs: CONNECT_TIMEOUT_MS } as const;
      return (await outside.helper.ask(question)).dialled[0] === 'connected';
    });
    const [to, heard] = await Promise.all([forth, Promise.all(back)]);
    return others.map((other, i) => ({
      name: other === OUTSIDE ? OUTSIDE : other.name,
      to: to[i] ?? false,
      back: heard[i],
    }));
  }

  async measureLoss(): Promise<never> {
    throw this.#notCapable('loss');
  }

  async measureRate(): Promise<never> {
    throw this.#notCapable('rate');
  }

  async measureRoundTrip(): Promise<never> {
    throw this.#notCapable('delay');
  }

  #notCapable(what: string): PeerLabError {
    return new PeerLabError('not-capable', { about: `${this.#around.instance.name}, ${what}` });
  }
}

async function connects(from: KeptInstance, targets: readonly { host: string; port: number }[]): Promise<boolean[]> {
  const { dialled } = await from.ask('dial', { targets, timeoutMs: CONNECT_TIMEOUT_MS });
  return dialled.map((came) => came === 'connected');
}
