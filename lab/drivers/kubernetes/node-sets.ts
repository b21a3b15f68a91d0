import type { V1Pod } from '@kubernetes/client-node';
import { PeerLabError } from '#proto/errors.ts';
import { inPool } from '../../limit.ts';
import type { InstanceNode } from '../driver.ts';
import type { DrainedNodes } from './drained-nodes.ts';
import { LABEL, podNameOf } from './names.ts';

const EVICTIONS_AT_ONCE = 32;
/** All whom a step drains are asked at one time; one that has ended meanwhile is not. */
const ASKED_WITHIN_MS = 5000;

export interface NodeSetsInit {
  /** As in `DriverInit.drains`. */
  readonly sets: readonly (readonly string[])[];
  readonly nodes: Pick<DrainedNodes, 'cordon' | 'uncordon' | 'isInService'>;
  readonly nodeOf: (peer: string) => string | undefined;
  readonly podsOn: (node: string) => readonly V1Pod[];
  /** Takes the pod of a peer away. */
  readonly evict: (peer: string) => Promise<void>;
}

interface Draining {
  readonly node: string;
  readonly asked: Set<string>;
  readonly allAsked: () => void;
  readonly done: Promise<void>;
}

/** THE NODES THAT ARE DRAINED, each with the peers of one set, and nobody else of the run. */
export class NodeSets {
  readonly #init: NodeSetsInit;
  readonly #drainings = new Map<string, Draining>();

  constructor(init: NodeSetsInit) {
    this.#init = init;
  }

  /** The label of the pods of its set. */
  labelOf(peer: string): string | undefined {
    const index = this.#init.sets.findIndex((set) => set.includes(peer));
    return index === -1 ? undefined : `drained-${index + 1}`;
  }

  machineNodeOf(peer: string): InstanceNode | undefined {
    const label = this.labelOf(peer);
    const node = this.#init.nodeOf(peer);
    if (label === undefined || node === undefined) return undefined;
    const { nodes } = this.#init;
    return {
      drain: () => this.#drain(peer, label, node),
      giveBack: () => nodes.uncordon(node),
      isInService: () => nodes.isInService(node),
    };
  }

  #drain(peer: string, label: string, node: string): Promise<void> {
    const draining = this.#drainings.get(label) ?? this.#begin(label, node);
    this.#drainings.set(label, draining);
    draining.asked.add(peer);
    const set = this.#init.podsOn(node).filter(({ metadata }) => metadata?.labels?.[LABEL.node] === label);
    if (draining.asked.size >= set.length) draining.allAsked();
    return draining.done;
  }

  /** Looks at a peer come before, and after all have been asked nobody looks at one that is not yet to go. */
  #begin(label: string, node: string): Draining {
    const { promise, resolve } = Promise.withResolvers<void>();
    const late = setTimeout(resolve, ASKED_WITHIN_MS);
    const done = promise.then(() => {
      clearTimeout(late);
      return this.#empty(label, node);
    });
    return { node, asked: new Set(), allAsked: resolve, done };
  }

  async #empty(label: string, node: string): Promise<void> {
    const pods = this.#init.podsOn(node);
    const other = pods.find(({ metadata }) => metadata?.labels?.[LABEL.node] !== label);
    if (other) {
      const got = `${other.metadata?.name} of this run is on it, and is not to be drained`;
      throw new PeerLabError('not-capable', { about: `node ${node}`, got });
    }
    await this.#init.nodes.cordon(node);
    const there = new Set(pods.map(({ metadata }) => metadata?.name));
    const peers = this.#init.sets.flat().filter((peer) => there.has(podNameOf(peer)));
    await inPool(peers, EVICTIONS_AT_ONCE, (peer) => this.#init.evict(peer));
  }
}
