import type { Cluster } from './cluster.ts';
import { LEASE, namespaceOf } from './names.ts';
import { microTime } from './objects.ts';

/** This often, so that a lab which is cut off for nearly as long as the Lease holds keeps its run. */
const RENEWALS_PER_LEASE = 6;
const ANSWERS_WITHIN_RENEWALS = 2;

/** The lab says from time to time that it lives. A server that is away is asked again at the next time. */
export class LeaseRenewal {
  readonly #timer: NodeJS.Timeout;

  constructor(cluster: Cluster, runId: string, leaseSeconds: number, signal: AbortSignal) {
    const path = `/apis/coordination.k8s.io/v1/namespaces/${namespaceOf(runId)}/leases/${LEASE}`;
    const everyMs = (leaseSeconds * 1000) / RENEWALS_PER_LEASE;
    const renew = () => {
      const body = { spec: { renewTime: microTime() } };
      cluster
        .ask('PATCH', path, {
          ...{ body, signal, contentType: 'application/merge-patch+json' },
          ...{ patienceMs: 0, timeoutMs: everyMs * ANSWERS_WITHIN_RENEWALS },
        })
        .catch(() => {});
    };
    this.#timer = setInterval(renew, everyMs);
    this.#timer.unref();
    signal.addEventListener('abort', () => this.stop(), { once: true });
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
