import { setTimeout as sleep } from 'node:timers/promises';
import type { V1Pod } from '@kubernetes/client-node';
import type { Cluster } from './cluster.ts';
import { type PodState, stateOf } from './pod-state.ts';

const PAUSE_MS = 500;
const GONE: PodState = { is: 'ended', how: 'ended by SIGKILL: its pod was removed' };

interface PodList {
  readonly metadata: { readonly resourceVersion: string };
  readonly items: readonly V1Pod[];
}

/** All pods of a namespace, by one watch, however many they are. */
export class PodWatch {
  readonly #cluster: Cluster;
  readonly #path: string;
  readonly #signal: AbortSignal;
  readonly #pods = new Map<string, V1Pod>();
  /** Pods that have been seen, or are about to be made. */
  readonly #waiting = new Map<string, Set<() => void>>();
  readonly #known = new Set<string>();

  /** @param signal ends it */
  constructor(cluster: Cluster, namespace: string, signal: AbortSignal) {
    this.#cluster = cluster;
    this.#path = `/api/v1/namespaces/${namespace}/pods`;
    this.#signal = signal;
    void this.#follow();
  }

  pod(name: string): V1Pod | undefined {
    return this.#pods.get(name);
  }

  get count(): number {
    return this.#pods.size;
  }

  /** Those that have been seen, and not gone. */
  all(): IterableIterator<V1Pod> {
    return this.#pods.values();
  }

  /** That of a pod that has been created. Before it has been seen, it is pending. */
  state(name: string): PodState {
    const pod = this.#pods.get(name);
    if (pod) return stateOf(pod);
    return this.#known.has(name) ? GONE : { is: 'pending' };
  }

  /** Waits until the state is one of those that `is` wants. @throws the reason of the signal */
  async until<T>(name: string, is: (state: PodState) => T | undefined, signal: AbortSignal): Promise<T> {
    for (;;) {
      signal.throwIfAborted();
      const found = is(this.state(name));
      if (found !== undefined) return found;
      await this.#change(name, signal);
    }
  }

  #change(name: string, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const waiters = this.#waiting.get(name) ?? new Set();
      this.#waiting.set(name, waiters);
      const done = () => {
        waiters.delete(done);
        signal.removeEventListener('abort', done);
        resolve();
      };
      waiters.add(done);
      signal.addEventListener('abort', done);
    });
  }

  /** A list, and all changes from there on; again when the server ends it, as it does from time to time. */
  async #follow(): Promise<void> {
    while (!this.#signal.aborted) {
      try {
        const list = await this.#cluster.ask<PodList>('GET', this.#path, { signal: this.#signal });
        const there = new Set(list.items.map(({ metadata }) => metadata?.name));
        for (const name of this.#pods.keys()) if (!there.has(name)) this.#changed(name, undefined);
        for (const pod of list.items) this.#changed(pod.metadata?.name ?? '', pod);
        for await (const { type, object } of this.#cluster.watch<V1Pod>(
          this.#path,
          list.metadata.resourceVersion,
          this.#signal,
        )) {
          if (type === 'ERROR') break;
          if (type !== 'BOOKMARK') this.#changed(object.metadata?.name ?? '', type === 'DELETED' ? undefined : object);
        }
      } catch {
        // The server was away, or the signal has fired.
      }
      await sleep(PAUSE_MS, undefined, { signal: this.#signal }).catch(() => {});
    }
  }

  #changed(name: string, pod: V1Pod | undefined): void {
    if (pod) this.#pods.set(name, whatIsAsked(pod));
    else this.#pods.delete(name);
    this.#known.add(name);
    for (const wake of this.#waiting.get(name) ?? []) wake();
  }
}

/** Of ten thousand pods, all that the server says of them would take more memory than the rest of the lab. */
function whatIsAsked({ metadata = {}, spec, status }: V1Pod): V1Pod {
  const { name, labels, deletionTimestamp } = metadata;
  const { phase, podIP, reason, message, conditions, ...containers } = status ?? {};
  const { initContainerStatuses, containerStatuses, ephemeralContainerStatuses } = containers;
  return {
    metadata: defined({ name, labels, deletionTimestamp }),
    ...(spec?.nodeName !== undefined && { spec: { containers: [], nodeName: spec.nodeName } }),
    status: defined({
      ...{ phase, podIP, reason, message, initContainerStatuses, containerStatuses, ephemeralContainerStatuses },
      conditions: conditions?.filter(({ type }) => type === 'PodScheduled'),
    }),
  };
}

function defined<T extends object>(some: { [K in keyof T]: T[K] | undefined }): T {
  return Object.fromEntries(Object.entries(some).filter(([, value]) => value !== undefined)) as T;
}
