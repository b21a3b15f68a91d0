import type { V1EphemeralContainer } from '@kubernetes/client-node';
import { PeerLabError } from '#proto/errors.ts';
import { createLimit } from '../../limit.ts';
import { DisturbedNetwork } from '../agent/disturbed-network.ts';
import { type AgentContainer, Helper, untilAnswering, type Witness } from '../agent/helper.ts';
import { undoing } from '../agent/rules.ts';
import type { InstanceNetwork } from '../driver.ts';
import type { KeptInstance } from '../kept/kept-instance.ts';
import { askAgent } from './agent-call.ts';
import type { PodSecurity } from './capabilities.ts';
import type { Cluster } from './cluster.ts';
import { CutPolicies } from './cut-policies.ts';
import { CANARY, namespaceOf, WITNESS } from './names.ts';
import type { PodState } from './pod-state.ts';
import { agentContainer, witnessPod } from './pods.ts';
import { cutLack } from './policies-probe.ts';
import { PolicyNetwork } from './policy-network.ts';
import { AGENT_PORT } from './ports.ts';
import { ownImage } from './programs.ts';
import type { RunNamespace } from './run-namespace.ts';

/** Measurements disturb each other: more of them at one time would measure the machine. */
const QUESTIONS_AT_ONCE = 4;
const STARTS_WITHIN_MS = 60_000;

export interface DisturberInit {
  readonly cluster: Cluster;
  readonly namespace: RunNamespace;
  readonly runId: string;
  readonly podSecurity: PodSecurity;
  /** Fires when nothing new may be begun. */
  readonly signal: AbortSignal;
}

/**
 * The agents of a run: one in the network of each pod that is disturbed, as a container that comes to it later, with NET_ADMIN; and one
 * witness beside all. What the agents did ends with the pod, so it is undone where a program gets another life.
 */
export class Disturber {
  readonly #init: DisturberInit;
  readonly #questions = createLimit(QUESTIONS_AT_ONCE);
  readonly #helpers = new Map<string, Promise<Helper>>();
  readonly #policies: CutPolicies;
  #witness: Promise<Witness> | undefined;
  #mtu: Promise<number> | undefined;

  constructor(init: DisturberInit) {
    this.#init = init;
    this.#policies = new CutPolicies(init.cluster, init.runId);
  }

  /** @throws PeerLabError `not-capable` where cuts can't be made; as `witness` */
  async begin(): Promise<void> {
    const witness = await this.witness();
    if (this.#init.podSecurity === 'privileged') return;
    const { namespace, runId } = this.#init;
    await namespace.create(witnessPod(runId, ownImage('faults'), CANARY));
    const canary = this.#helper(CANARY, await namespace.untilRuns(CANARY, CANARY));
    const lack = await cutLack(canary, witness.address, () => this.#policies.cut(CANARY, 'all'));
    if (lack) throw new PeerLabError('not-capable', { about: 'cut', got: `${lack.why}; ${lack.help}` });
  }

  /** That of one life of the program in a pod. */
  networkOf(instance: KeptInstance, pod: string): InstanceNetwork {
    const witness = () => this.witness();
    const policies = this.#policies;
    if (this.#init.podSecurity === 'restricted') return new PolicyNetwork({ instance, pod, witness, policies });
    return new DisturbedNetwork({
      ...{ instance, witness, gateway: this.#init.namespace.gateway },
      helpIt: () => this.#inNetworkOf(pod),
      mtuBytes: () => this.#mtuBytes(),
    });
  }

  /** In the network of a pod, for as long as it runs. @throws PeerLabError `pod-stuck`, `image-not-on-node` */
  #inNetworkOf(pod: string): Promise<Helper> {
    const known = this.#helpers.get(pod) ?? this.#join(pod);
    this.#helpers.set(pod, known);
    // The next one to ask tries again.
    known.catch(() => this.#helpers.delete(pod));
    return known;
  }

  /** The network of a pod is as if nothing had been done to it. */
  async undo(pod: string): Promise<void> {
    const helper = await this.#helpers.get(pod)?.catch(() => undefined);
    await helper?.ask({ do: 'run', commands: undoing() });
    await this.#policies.lift(pod);
  }

  /** @throws PeerLabError `pod-stuck`, `image-not-on-node`, `not-ready` */
  witness(): Promise<Witness> {
    this.#witness ??= this.#startWitness();
    return this.#witness;
  }

  /** The same for all pods of a network. */
  #mtuBytes(): Promise<number> {
    this.#mtu ??= this.witness().then(async ({ helper }) => (await helper.ask({ do: 'mtu' })).mtuBytes);
    return this.#mtu;
  }

  async #startWitness(): Promise<Witness> {
    const { namespace, runId, signal } = this.#init;
    await namespace.create(witnessPod(runId, ownImage('faults')));
    const address = await namespace.untilRuns(WITNESS, WITNESS);
    const witness = { helper: this.#helper(WITNESS, address), address };
    await untilAnswering(witness, signal);
    return witness;
  }

  async #join(pod: string): Promise<Helper> {
    const { cluster, namespace, runId, signal } = this.#init;
    const container = agentContainer(ownImage('faults'), 'serve', ['NET_ADMIN']) as V1EphemeralContainer;
    await cluster.ask('PATCH', `/api/v1/namespaces/${namespaceOf(runId)}/pods/${pod}/ephemeralcontainers`, {
      body: { spec: { ephemeralContainers: [container] } },
      contentType: 'application/strategic-merge-patch+json',
      signal,
    });
    const late = AbortSignal.timeout(STARTS_WITHIN_MS);
    const settled = (state: PodState) => {
      const status = namespace.pods.pod(pod)?.status?.ephemeralContainerStatuses?.[0]?.state;
      if (status?.running) return { ip: state.is === 'running' ? state.ip : '' };
      const { reason = '', message = '' } = status?.waiting ?? {};
      const flaw = /^(Err|ImagePullBackOff|Create|Run|InvalidImage)/.test(reason) ? `${reason}: ${message}` : undefined;
      if (flaw !== undefined || status?.terminated) return { why: flaw ?? 'the agent ended' };
      return state.is === 'ended' ? { why: state.how } : undefined;
    };
    const patience = AbortSignal.any([signal, late]);
    const outcome = await namespace.pods.until(pod, settled, patience).catch((error) => {
      if (!late.aborted) throw error;
      return { why: `it does not run within ${STARTS_WITHIN_MS / 1000} s` };
    });
    if ('why' in outcome) throw new PeerLabError('pod-stuck', { about: `the agent beside ${pod}`, got: outcome.why });
    return this.#helper(pod, outcome.ip);
  }

  #helper(pod: string, ip: string): Helper {
    const { namespace, signal } = this.#init;
    const url = namespace.urlOf(`${ip}:${AGENT_PORT}`);
    const container: AgentContainer = {
      name: `the agent in ${pod}`,
      ask: (question, timeoutMs) => askAgent(url, namespace.tokens.agent, question, timeoutMs, signal),
      // It goes with its pod.
      remove: async () => {},
    };
    return new Helper(container, this.#questions);
  }
}
