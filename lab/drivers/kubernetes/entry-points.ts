import type { V1Pod } from '@kubernetes/client-node';
import { PeerLabError } from '#proto/errors.ts';
import type { Cluster } from './cluster.ts';
import { namespaceOf, podNameOf } from './names.ts';
import type { PodState } from './pod-state.ts';
import type { PodWatch } from './pod-watch.ts';
import { entryPod } from './pods.ts';
import { ownImage } from './programs.ts';

export interface EntryPointsInit {
  readonly cluster: Cluster;
  readonly runId: string;
  readonly pods: PodWatch;
  readonly create: (pod: V1Pod) => Promise<void>;
  readonly signal: AbortSignal;
  readonly withinMs: number;
}

/** What images of the user's start: each is run once, and looked at (in-cluster/entry.ts). */
export class EntryPoints {
  readonly #init: EntryPointsInit;
  readonly #known = new Map<string, Promise<readonly string[]>>();

  constructor(init: EntryPointsInit) {
    this.#init = init;
  }

  /** @throws PeerLabError `image-not-on-node`, `pod-stuck` */
  of(image: string): Promise<readonly string[]> {
    const known = this.#known.get(image) ?? this.#look(image, `entry-${this.#known.size + 1}`);
    this.#known.set(image, known);
    return known;
  }

  async #look(image: string, name: string): Promise<readonly string[]> {
    const { cluster, runId, create, signal } = this.#init;
    await create(entryPod(runId, name, image, ownImage('lab')));
    const found = await this.#outcome(podNameOf(name));
    const path = `/api/v1/namespaces/${namespaceOf(runId)}/pods/${podNameOf(name)}?gracePeriodSeconds=0`;
    await cluster.ask('DELETE', path, { signal }).catch(() => {});
    if (Array.isArray(found)) return found;
    if (found.is === 'stuck' && found.missingImage !== undefined)
      throw new PeerLabError('image-not-on-node', { about: found.missingImage, got: found.why });
    const got = found.is === 'stuck' ? found.why : 'what it starts could not be seen';
    throw new PeerLabError('pod-stuck', { about: image, got: `${got}; a command can be written behind the image` });
  }

  /** The words, or the state in which it became clear that there will be none. */
  #outcome(pod: string): Promise<PodState | string[]> {
    const { pods, signal, withinMs } = this.#init;
    const late = AbortSignal.timeout(withinMs);
    const isOver = (state: PodState) => {
      const statuses = pods.pod(pod)?.status?.containerStatuses;
      const end = statuses?.find(({ name }) => name === 'looker')?.state?.terminated;
      if (end?.message) return JSON.parse(end.message) as string[];
      return end || state.is === 'stuck' ? state : undefined;
    };
    return pods.until<PodState | string[]>(pod, isOver, AbortSignal.any([signal, late])).catch((error) => {
      if (!late.aborted) throw error;
      return { is: 'pending' };
    });
  }
}
