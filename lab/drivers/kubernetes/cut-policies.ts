import type { Instance } from '../driver.ts';
import type { Cluster } from './cluster.ts';
import { LABEL, namespaceOf } from './names.ts';
import { cutPolicy } from './objects.ts';

/**
 * CUTS BY POLICIES. Policies only ever allow. So a pod that is cut gets a label that takes it out of the rules that all others have, and,
 * where it is not cut from everybody, a policy of its own that allows the rest.
 */
export class CutPolicies {
  readonly #cluster: Cluster;
  readonly #runId: string;
  readonly #cutPods = new Set<string>();
  /** Those of them that have a policy of their own. */
  readonly #own = new Set<string>();

  constructor(cluster: Cluster, runId: string) {
    this.#cluster = cluster;
    this.#runId = runId;
  }

  async cut(pod: string, from: 'all' | readonly Instance[]): Promise<void> {
    this.#cutPods.add(pod);
    if (from !== 'all')
      await this.#allowRest(
        pod,
        from.map(({ name }) => name),
      );
    await this.#label(pod, pod);
    if (from === 'all') await this.#forgetRest(pod);
  }

  /** Does nothing where nothing is cut. */
  async lift(pod: string): Promise<void> {
    if (!this.#cutPods.delete(pod)) return;
    await this.#label(pod, null);
    await this.#forgetRest(pod);
  }

  async #allowRest(pod: string, names: readonly string[]): Promise<void> {
    const body = cutPolicy(this.#runId, pod, names);
    if (this.#own.has(pod)) await this.#cluster.ask('PUT', `${this.#path}/${body.metadata.name}`, { body });
    else await this.#cluster.ask('POST', this.#path, { body });
    this.#own.add(pod);
  }

  async #forgetRest(pod: string): Promise<void> {
    if (!this.#own.delete(pod)) return;
    await this.#cluster.ask('DELETE', `${this.#path}/${cutPolicy(this.#runId, pod, []).metadata.name}`);
  }

  get #path(): string {
    return `/apis/networking.k8s.io/v1/namespaces/${namespaceOf(this.#runId)}/networkpolicies`;
  }

  #label(pod: string, value: string | null): Promise<unknown> {
    return this.#cluster.ask('PATCH', `/api/v1/namespaces/${namespaceOf(this.#runId)}/pods/${pod}`, {
      body: { metadata: { labels: { [LABEL.cut]: value } } },
      contentType: 'application/merge-patch+json',
    });
  }
}
