import type { Cluster } from './cluster.ts';
import { LEASE, namespaceOf } from './names.ts';
import { microTime } from './objects.ts';

const RENEWALS_PER_LEASE = 4;

/** The lab says from time to time that it lives. A server that is away is asked again at the next time. */
export class LeaseRenewal {
  readonly #timer: NodeJS.Timeout;

  constructor(cluster: Cluster, runId: string, leaseSeconds: number, signal: AbortSignal) {
    const path = `/apis/coordination.k8s.io/v1/namespaces/${namespaceOf(runId)}/leases/${LEASE}`;
    const renew = () => {
      const body = { spec: { renewTime: microTime() } };
      cluster
        .ask('PATCH', path, { body, signal, patienceMs: 0, contentType: 'application/merge-patch+json' })
        .catch(() => {});
    };
    this.#timer = setInterval(renew, (leaseSeconds * 1000) / RENEWALS_PER_LEASE);
    this.#timer.unref();
    signal.addEventListener('abort', () => this.stop(), { once: true });
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
