import { randomBytes } from 'node:crypto';
import type { V1Namespace, V1Pod } from '@kubernetes/client-node';
import { PeerLabError, reasonOf } from '#proto/errors.ts';
import { createLimit } from '../../limit.ts';
import { within } from '../deadline.ts';
import type { PodSecurity } from './capabilities.ts';
import { type Cluster, ClusterRefusal } from './cluster.ts';
import { LeaseRenewal } from './lease-renewal.ts';
import { GATEWAY, namespaceOf } from './names.ts';
import { microTime, namespaceObject, objectsOf, type Tokens } from './objects.ts';
import type { PodState } from './pod-state.ts';
import { PodWatch } from './pod-watch.ts';
import { gatewayPod, watchdogPod } from './pods.ts';
import { AGENT_PORT, GATEWAY_PORT, KEEPER_PORT } from './ports.ts';
import { ownImage } from './programs.ts';
import { removeNamespace } from './removal.ts';
import { Tunnel } from './tunnel.ts';

/** The cluster makes many pods at one time; each call to its server costs it something. */
const CREATES_AT_ONCE = 16;
/** From the creation of a pod until it runs: images may have to be pulled, nodes may be busy. */
export const POD_RUNS_WITHIN_MS = 180_000;
const LEASE_SECONDS = 48;
const NAMESPACE_ENDS_MS = 60_000;
/** More for each pod: a busy node takes 200 of them away in a minute. */
const POD_ENDS_MS = 400;
const TOKEN_BYTES = 24;
/** Beyond its grace. */
const EVICTED_WITHIN_MS = 30_000;

export interface RunNamespaceInit {
  readonly cluster: Cluster;
  readonly runId: string;
  /** Fires when nothing new may be begun. */
  readonly signal: AbortSignal;
  /** Fires when nothing is needed any more. */
  readonly over: AbortSignal;
  /** The connection to all pods broke, and is made anew. */
  readonly broke: () => void;
}

/** The namespace of a run, with what it has beside the instances: its rules, the watchdog, and the gateway with the tunnel to all pods. */
export class RunNamespace {
  readonly name: string;
  readonly tokens: Tokens = { keeper: randomToken(), gateway: randomToken(), agent: randomToken() };
  readonly #init: RunNamespaceInit;
  readonly #creates = createLimit(CREATES_AT_ONCE);
  #mayBeThere = false;
  #pods: PodWatch | undefined;
  #tunnel: Tunnel | undefined;
  #lease: LeaseRenewal | undefined;

  constructor(init: RunNamespaceInit) {
    this.#init = init;
    this.name = namespaceOf(init.runId);
  }

  /** @throws PeerLabError `cluster-failed`, `cluster-lost`, `pod-stuck`, `image-not-on-node` */
  async make(level: PodSecurity, isDisturbed: boolean): Promise<void> {
    const { cluster, runId, over, broke } = this.#init;
    this.#mayBeThere = true;
    await this.#post('/api/v1/namespaces', namespaceObject(runId, level));
    this.#pods = new PodWatch(cluster, this.name, over);
    const what = { runId, tokens: this.tokens, leaseSeconds: LEASE_SECONDS, isDisturbed };
    for (const turn of objectsOf({ ...what, now: microTime() }))
      await Promise.all(turn.map(({ path, body }) => this.#creates(() => this.#post(path, body))));
    this.#lease = new LeaseRenewal(cluster, runId, LEASE_SECONDS, over);
    const lab = ownImage('lab');
    await Promise.all([this.create(gatewayPod(runId, lab)), this.create(watchdogPod(runId, lab, LEASE_SECONDS))]);
    this.#tunnel = await Tunnel.open({
      ...{ token: this.tokens.gateway, steadyPorts: [KEEPER_PORT, AGENT_PORT], broke, signal: over },
      connect: () => cluster.forward(this.name, GATEWAY, GATEWAY_PORT),
    });
    await this.untilRuns(GATEWAY, GATEWAY);
    await this.#tunnel.ready();
  }

  get pods(): PodWatch {
    if (!this.#pods) throw new PeerLabError('internal', { expected: 'prepare()' });
    return this.#pods;
  }

  /** The address that whatever the lab asks comes from. */
  get gateway(): string {
    const state = this.pods.state(GATEWAY);
    if (state.is !== 'running') throw new PeerLabError('cluster-lost', { about: GATEWAY, got: 'its pod does not run' });
    return state.ip;
  }

  /** Where the lab finds an `ip:port` of a pod. */
  urlOf(address: string): string {
    if (!this.#tunnel) throw new PeerLabError('internal', { expected: 'prepare()' });
    return this.#tunnel.urlOf(address);
  }

  /** Whether pods are reached; it waits a while for that. */
  isReached(): Promise<boolean> {
    const ready = this.#tunnel?.ready() ?? Promise.reject(new Error('prepare() has not come to its end'));
    return ready.then(
      () => true,
      () => false,
    );
  }

  create(pod: V1Pod): Promise<void> {
    return this.#creates(async () => {
      try {
        await this.#post(`/api/v1/namespaces/${this.name}/pods`, pod);
      } catch (error) {
        const got = reasonOf(error);
        if (!/exceeded quota/.test(got)) throw error;
        throw new PeerLabError('pod-stuck', { about: pod.metadata?.name ?? '', got });
      }
    });
  }

  /** @returns the address of the pod. @throws PeerLabError `image-not-on-node`, `pod-stuck`, `instance-exited` */
  async untilRuns(pod: string, about: string): Promise<string> {
    const late = AbortSignal.timeout(POD_RUNS_WITHIN_MS);
    const patience = AbortSignal.any([this.#init.signal, late]);
    const isSettled = (state: PodState) => (state.is === 'pending' ? undefined : state);
    const state: PodState = await this.pods.until(pod, isSettled, patience).catch((error) => {
      if (!late.aborted) throw error;
      return { is: 'stuck', why: `it does not run within ${POD_RUNS_WITHIN_MS / 1000} s` };
    });
    if (state.is === 'running') return state.ip;
    if (state.is === 'ended')
      throw new PeerLabError('instance-exited', { about, got: `"${about} ${state.how}" before it was ready` });
    const { missingImage, why } = state as Extract<PodState, { is: 'stuck' }>;
    if (missingImage !== undefined) throw new PeerLabError('image-not-on-node', { about: missingImage, got: why });
    throw new PeerLabError('pod-stuck', { about, got: why });
  }

  /** How a pod ended, as soon as it has. */
  untilEnded(pod: string): Promise<string> {
    const how = (state: PodState) => (state.is === 'ended' ? state.how : undefined);
    const ended = this.pods.until(pod, how, this.#init.over);
    // Where the share could not be laid, no instance is there to listen.
    ended.catch(() => {});
    return ended;
  }

  /** By a look of its own. */
  async has(pod: string): Promise<boolean> {
    try {
      await this.#init.cluster.ask('GET', `/api/v1/namespaces/${this.name}/pods/${pod}`, { signal: this.#init.over });
      return true;
    } catch (error) {
      if (error instanceof ClusterRefusal && error.status === 404) return false;
      throw error;
    }
  }

  /** The cluster takes a pod away; while a budget of disruptions forbids it, it is asked again. Resolves when the pod has ended. */
  async evict(pod: string, graceSeconds: number): Promise<void> {
    const ended = this.untilEnded(pod);
    await this.#post(`/api/v1/namespaces/${this.name}/pods/${pod}/eviction`, {
      ...{ apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: pod, namespace: this.name } },
      deleteOptions: { gracePeriodSeconds: graceSeconds },
    });
    await within(ended, graceSeconds * 1000 + EVICTED_WITHIN_MS, () => {
      return new PeerLabError('pod-stuck', { about: pod, got: 'it was evicted, and did not end' });
    });
  }

  /** The pods of the run that are on a node now. */
  podsOn(node: string): V1Pod[] {
    return [...this.pods.all()].filter(({ spec, status }) => {
      return spec?.nodeName === node && status?.phase !== 'Succeeded' && status?.phase !== 'Failed';
    });
  }

  async uid(): Promise<string> {
    const { metadata } = await this.#init.cluster.ask<V1Namespace>('GET', `/api/v1/namespaces/${this.name}`);
    return metadata?.uid ?? '';
  }

  /** Never throws. @returns what is still there, and why, a line each */
  async remove(hurry: AbortSignal): Promise<string[]> {
    this.#lease?.stop();
    if (!this.#mayBeThere) return [];
    const withinMs = NAMESPACE_ENDS_MS + POD_ENDS_MS * (this.#pods?.count ?? 0);
    return removeNamespace(this.#init.cluster, this.name, { withinMs, hurry });
  }

  #post(path: string, body: object): Promise<unknown> {
    return this.#init.cluster.ask('POST', path, { body, signal: this.#init.signal });
  }
}

function randomToken(): string {
  return randomBytes(TOKEN_BYTES).toString('base64url');
}
